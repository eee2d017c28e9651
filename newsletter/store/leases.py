"""Lease buckets: one worker and one mailing at a time, over the whole installation.

Lease times are the database's clock; an epoch that grows with every claim fences off whoever held it before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast  # row counts need a cursor's type

from sqlalchemy import ColumnElement, CursorResult, Row, and_, func, or_, select, update
from sqlalchemy.orm import Session

from newsletter.domain.errors import StaleLease
from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import BatchStatus, MailingStatus
from newsletter.store import inserts
from newsletter.store.session import now_of
from newsletter.store.tables import Batch, BucketLease, Issue, Mailing

_LOOK_AT = 16  # batches looked at in one claim: others may be claiming the same ones


@dataclass(frozen=True)
class Claim:
    """Hold the right to work on one batch, until another epoch begins."""

    batch_id: int
    mailing_id: int
    bucket: int
    epoch: int
    holder: str


def claim(session: Session, *, holder: str, lease: timedelta, now: datetime) -> Claim | None:
    """Take a batch that wants work and whose bucket is free; None when there is none.

    ``now`` says what is due; the database's clock says which leases have expired.
    """
    clock = now_of(session)
    candidates = session.execute(
        select(Batch.id, Batch.mailing_id, Batch.bucket, BucketLease.epoch)
        .join(Mailing, Mailing.id == Batch.mailing_id)
        .join(Issue, Issue.id == Mailing.issue_id)
        .outerjoin(BucketLease, BucketLease.bucket == Batch.bucket)
        .where(
            _wants_work(now),
            or_(
                BucketLease.bucket.is_(None), BucketLease.batch_id.is_(None), BucketLease.expires_at <= clock
            ),
        )
        .order_by(Batch.due_at, Batch.id)
        .limit(_LOOK_AT)
    ).all()
    for candidate in candidates:
        taken = _take(session, candidate, holder=holder, clock=clock, lease=lease)
        if taken is not None:
            return taken
    return None


def renew(session: Session, claim: Claim, *, lease: timedelta) -> None:
    """Extend a lease; raise StaleLease when another epoch has begun."""
    expires_at = now_of(session) + lease
    if not _update(session, claim, expires_at=expires_at, batch_id=claim.batch_id):
        raise StaleLease(f"The lease on bucket {claim.bucket} has passed to another worker.")


def release(session: Session, claim: Claim) -> None:
    """Give a bucket back; harmless when another worker has it by now."""
    _update(session, claim, expires_at=now_of(session), batch_id=None)


def waiting_count(session: Session, *, now: datetime) -> int:
    """Count the batches that want work now, leased or not."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Batch)
            .join(Mailing, Mailing.id == Batch.mailing_id)
            .join(Issue, Issue.id == Mailing.issue_id)
            .where(_wants_work(now))
        )
        or 0
    )


def _wants_work(now: datetime) -> ColumnElement[bool]:
    """A running mailing's batch when it is due; a cancelled mailing's until each reader has a result.

    Nobody is written to before the whole audience is frozen, which makes the issue mailed.
    """
    return or_(
        and_(
            Mailing.status == MailingStatus.RUNNING,
            Issue.status == IssueStatus.MAILED,
            or_(and_(Batch.status == BatchStatus.PENDING, Batch.due_at <= now), Batch.retry_at <= now),
        ),
        and_(
            Mailing.status == MailingStatus.CANCELLED,
            or_(Batch.status == BatchStatus.PENDING, Batch.retry_at.is_not(None)),
        ),
    )


def _take(
    session: Session,
    candidate: Row[int, int, int, int],
    *,
    holder: str,
    clock: datetime,
    lease: timedelta,
) -> Claim | None:
    batch_id, mailing_id, bucket, _ = candidate
    epoch: int | None = candidate.epoch  # of an outer join
    expires_at = clock + lease
    if epoch is None:
        row = {"bucket": bucket, "batch_id": batch_id, "epoch": 1, "holder": holder, "expires_at": expires_at}
        taken = bool(inserts.missing(session, BucketLease, [row], returning=BucketLease.bucket))
        return Claim(batch_id, mailing_id, bucket, 1, holder) if taken else None
    result = session.execute(
        update(BucketLease)
        .where(
            BucketLease.bucket == bucket,
            BucketLease.epoch == epoch,
            or_(BucketLease.batch_id.is_(None), BucketLease.expires_at <= clock),
        )
        .values(batch_id=batch_id, epoch=epoch + 1, holder=holder, expires_at=expires_at)
        .execution_options(synchronize_session=False)
    )
    if cast("CursorResult[object]", result).rowcount != 1:
        return None
    return Claim(batch_id, mailing_id, bucket, epoch + 1, holder)


def _update(session: Session, claim: Claim, *, expires_at: datetime, batch_id: int | None) -> bool:
    result = session.execute(
        update(BucketLease)
        .where(
            BucketLease.bucket == claim.bucket,
            BucketLease.epoch == claim.epoch,
            BucketLease.holder == claim.holder,
        )
        .values(expires_at=expires_at, batch_id=batch_id)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount == 1
