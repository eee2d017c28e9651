"""Keep which subject of an issue won, and let the readers who wait for it have it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import cast  # row counts need a cursor's type

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from newsletter.domain.mailings import BUCKET_SIZE, BatchStatus, MailingKind, MessageStatus
from newsletter.store.tables import Batch, Mailing, Message, Subscription

_ROWS_AT_ONCE = 10_000


def open_ones(session: Session) -> list[Mailing]:
    """Return the mailings whose subjects are being tested."""
    query = select(Mailing).where(
        Mailing.finished_at.is_(None),
        Mailing.kind == MailingKind.MAIN,
        Mailing.test_until.is_not(None),
        Mailing.winner.is_(None),
    )
    return list(session.scalars(query.order_by(Mailing.id)))


def submitted(session: Session, issue_id: int) -> Iterator[int]:
    """Yield the readers whose messages of an issue were submitted."""
    mailings = select(Mailing.id).where(Mailing.issue_id == issue_id)
    query = select(Message.subscriber_id).where(
        Message.mailing_id.in_(mailings), Message.status == MessageStatus.SUBMITTED
    )
    yield from session.scalars(query.execution_options(yield_per=_ROWS_AT_ONCE))


def set_winner(session: Session, mailing_id: int, arm: int, *, reason: str) -> bool:
    """Keep the winner, once for ever; False when there is one already."""
    done = session.execute(
        update(Mailing)
        .where(Mailing.id == mailing_id, Mailing.winner.is_(None))
        .values(winner=arm, winner_reason=reason)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", done).rowcount == 1


def bring_forward(session: Session, mailing: Mailing, *, now: datetime) -> int:
    """Let those who only wait for the test have their mail now, in their order; return how many batches that are.

    Where a reader of a bucket has an hour of their own, the bucket waits as it was planned.
    """
    rows = session.execute(
        select(Batch.id, Batch.bucket, Batch.due_at).where(
            Batch.mailing_id == mailing.id,
            Batch.status == BatchStatus.PENDING,
            Batch.due_at >= mailing.test_until,
        )
    ).all()
    own_hours = (
        select(Subscription.subscriber_id // BUCKET_SIZE)
        .distinct()
        .where(Subscription.newsletter_id == mailing.newsletter_id, Subscription.hour.is_not(None))
    )
    kept = set(session.scalars(own_hours))
    waiting = {row.id: row.due_at for row in rows if row.bucket not in kept}
    early = min(waiting.values(), default=now) - now
    if not waiting or early.total_seconds() <= 0:
        return 0
    session.execute(update(Batch), [{"id": batch, "due_at": due - early} for batch, due in waiting.items()])
    return len(waiting)
