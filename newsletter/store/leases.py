"""Lease buckets: one worker and one mailing at a time, over the whole installation.

Lease times are the database's clock; an epoch that grows with every claim fences off whoever held it before.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast  # Any: expressions of SQL; cast: the epoch of an outer join

from sqlalchemy import (
    ColumnElement,
    Interval,
    Row,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session

from newsletter.domain.errors import StaleLease
from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import BatchStatus, Lane, MailingStatus
from newsletter.store import driver, inserts, mailings
from newsletter.store.session import now_of
from newsletter.store.tables import Batch, BucketLease, Issue, Mailing

_LOOK_AT = (
    64  # batches looked at in one claim: others may be claiming the same ones, and thin ones go together
)


@dataclass(frozen=True)
class Claim:
    """Hold the right to work on one batch, until another epoch begins."""

    batch_id: int
    mailing_id: int
    bucket: int
    epoch: int
    holder: str


def claim(
    session: Session, *, holder: str, lease: timedelta, now: datetime, above: Lane | None = None
) -> Claim | None:
    """Take a batch that wants work and whose bucket is free; None when there is none.

    Higher lanes go first; ``above`` leaves only those above it. ``now`` says what is due; the database's clock says
    which leases have expired.
    """
    taken = claim_some(session, holder=holder, lease=lease, now=now, reader_count=1, above=above)
    return taken[0] if taken else None


def claim_some(
    session: Session,
    *,
    holder: str,
    lease: timedelta,
    now: datetime,
    reader_count: int = 2048,
    above: Lane | None = None,
) -> list[Claim]:
    """Take batches of one mailing that have about ``reader_count`` planned readers together, at least one batch.

    A thin audience has few readers in a bucket, and a claim costs the same for few as for many.
    """
    candidates: Sequence[_Candidate] = session.execute(_candidates(session, now=now, above=above)).all()
    while candidates:
        together = _together(candidates, reader_count)
        taken = _take(session, together, holder=holder, lease=lease)
        if taken:
            return taken
        candidates = [candidate for candidate in candidates if candidate not in together]
    return []


def renew(session: Session, claim: Claim, *, lease: timedelta) -> None:
    """Extend a lease; raise StaleLease when another epoch has begun."""
    if renew_many(session, [claim], lease=lease):
        raise StaleLease(f"The lease on bucket {claim.bucket} has passed to another worker.")


def renew_many(session: Session, claims: Collection[Claim], *, lease: timedelta) -> set[int]:
    """Extend the leases of claims; return the batches whose bucket another epoch has."""
    if not claims:
        return set()
    kept = session.scalars(
        update(BucketLease)
        .where(
            tuple_(BucketLease.bucket, BucketLease.epoch, BucketLease.holder).in_(
                [(claim.bucket, claim.epoch, claim.holder) for claim in claims]
            )
        )
        .values(expires_at=_clock(session, lease))
        .returning(BucketLease.bucket)
        .execution_options(synchronize_session=False)
    )
    buckets = set(kept)
    return {claim.batch_id for claim in claims if claim.bucket not in buckets}


def release(session: Session, claim: Claim) -> None:
    """Give a bucket back; harmless when another worker has it by now."""
    session.execute(
        update(BucketLease)
        .where(
            BucketLease.bucket == claim.bucket,
            BucketLease.epoch == claim.epoch,
            BucketLease.holder == claim.holder,
        )
        .values(expires_at=_clock(session), batch_id=None)
        .execution_options(synchronize_session=False)
    )


def urgent_is_due(session: Session, *, lane: Lane, now: datetime) -> bool:
    """Say whether a batch of a mailing in a lane above this one wants work and could be claimed."""
    found = session.execute(_candidates(session, now=now, above=lane).order_by(None).limit(1))
    return found.first() is not None


def waiting_count(session: Session, *, now: datetime) -> int:
    """Count the batches that want work now, leased or not."""
    wanted = select(func.count()).select_from(Batch).join(Mailing).join(Issue).where(*_wants_work(now))
    return session.scalar(wanted) or 0


_Candidate = Row[int, int, int, int, int]


def _candidates(session: Session, *, now: datetime, above: Lane | None) -> Select[int, int, int, int, int]:
    """Select the first batches that want work and whose buckets are free."""
    is_free = or_(BucketLease.bucket.is_(None), _is_free(session))
    found = (
        select(Batch.id, Batch.mailing_id, Batch.bucket, BucketLease.epoch, Batch.planned_count)
        .join(Mailing, Mailing.id == Batch.mailing_id)
        .join(Issue, Issue.id == Mailing.issue_id)
        .outerjoin(BucketLease, BucketLease.bucket == Batch.bucket)
        .where(*_wants_work(now), is_free)
        .order_by(Mailing.lane.desc(), Batch.due_at, Batch.id)
        .limit(_LOOK_AT)
    )
    return found if above is None else found.where(Mailing.lane > above)


def _wants_work(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """A running mailing's batch when it is due; a cancelled mailing's until each reader has a result.

    Nobody is written to before the whole audience is frozen, which makes the issue mailed. The first two conditions
    follow from the others, and lead the planner to the indices over what is open.
    """
    return (
        Mailing.finished_at.is_(None),
        mailings.IS_OPEN,
        or_(
            and_(
                Mailing.status == MailingStatus.RUNNING,
                Issue.status == IssueStatus.MAILED,
                or_(and_(Batch.status == BatchStatus.PENDING, Batch.due_at <= now), Batch.retry_at <= now),
            ),
            Mailing.status == MailingStatus.CANCELLED,
        ),
    )


def _together(candidates: Sequence[_Candidate], reader_count: int) -> list[_Candidate]:
    """Return the first candidates of the first one's mailing that have about that many readers, each bucket once."""
    together = [candidates[0]]
    buckets = {candidates[0].bucket}
    left = reader_count - candidates[0].planned_count
    for candidate in candidates[1:]:
        is_fitting = candidate.mailing_id == candidates[0].mailing_id and candidate.planned_count <= left
        if is_fitting and candidate.bucket not in buckets:
            together.append(candidate)
            buckets.add(candidate.bucket)
            left -= candidate.planned_count
    return together


def _take(
    session: Session, candidates: Sequence[_Candidate], *, holder: str, lease: timedelta
) -> list[Claim]:
    """Take the buckets that nobody else has taken meanwhile.

    New leases are made in the order of the buckets, and rows that others are just changing are passed over: so two
    workers never wait for each other in a ring.
    """
    epochs = _insert(session, candidates, holder=holder, lease=lease)
    known = [candidate for candidate in candidates if cast("int | None", candidate.epoch) is not None]
    if known:
        epochs |= _raise_epochs(session, known, holder=holder, lease=lease)
    return [
        Claim(candidate.id, candidate.mailing_id, candidate.bucket, epochs[candidate.bucket], holder)
        for candidate in candidates
        if candidate.bucket in epochs
    ]


def _insert(
    session: Session, candidates: Sequence[_Candidate], *, holder: str, lease: timedelta
) -> dict[int, int]:
    """Make the leases of buckets that never had one; return the epochs of those that are ours."""
    rows = [
        {"bucket": candidate.bucket, "batch_id": candidate.id, "epoch": 1, "holder": holder}
        for candidate in sorted(candidates, key=lambda candidate: candidate.bucket)
        if cast("int | None", candidate.epoch) is None
    ]
    if not rows:
        return {}
    expires_at = now_of(session) + lease
    made = inserts.missing(
        session,
        BucketLease,
        [{**row, "expires_at": expires_at} for row in rows],
        returning=BucketLease.bucket,
    )
    return dict.fromkeys(made, 1)


def _raise_epochs(
    session: Session, candidates: Sequence[_Candidate], *, holder: str, lease: timedelta
) -> dict[int, int]:
    """Begin new epochs of buckets that are still free; return those that are ours."""
    batches = {candidate.bucket: candidate.id for candidate in candidates}
    free = (
        select(BucketLease.bucket)
        .where(BucketLease.bucket.in_(batches), _is_free(session))
        .with_for_update(skip_locked=True)
    )
    taken = session.execute(
        update(BucketLease)
        .where(BucketLease.bucket.in_(free))
        .values(
            batch_id=case(batches, value=BucketLease.bucket),
            epoch=BucketLease.epoch + 1,
            holder=holder,
            expires_at=_clock(session, lease),
        )
        .returning(BucketLease.bucket, BucketLease.epoch)
        .execution_options(synchronize_session=False)
    )
    return {row.bucket: row.epoch for row in taken}


def _is_free(session: Session) -> ColumnElement[bool]:
    return or_(BucketLease.batch_id.is_(None), BucketLease.expires_at <= _clock(session))


def _clock(session: Session, ahead: timedelta = timedelta()) -> ColumnElement[Any]:
    """Return the database's own clock, or an instant ahead of it, as every statement that compares leases sees it."""
    if driver.is_sqlite(session):  # as the column type writes it
        return func.strftime("%Y-%m-%d %H:%M:%f000", "now", f"{ahead.total_seconds():+.3f} seconds")
    return func.clock_timestamp() + literal(ahead, Interval)
