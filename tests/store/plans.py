"""Make mailings with batches that tests of leases begin from."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import BUCKET_SIZE, Lane
from newsletter.store import Session, counters, mailings
from newsletter.store.tables import Issue, Newsletter
from tests.clocks import NOON


def add_mailing(
    session: Session,
    newsletter: Newsletter,
    *,
    status: IssueStatus = IssueStatus.MAILED,
    at: datetime = NOON,
    highest: int = 1,
    lane: Lane = Lane.BULK,
) -> int:
    """Add a mailing without batches."""
    number = counters.take(session, f"issue:{newsletter.id}")
    issue = Issue(
        newsletter_id=newsletter.id, number=number, status=status, since=at, cut_off_at=at, planned_at=at
    )
    session.add(issue)
    session.flush()
    expires_at = at + timedelta(days=1)
    return mailings.start(session, issue, highest=highest, now=at, expires_at=expires_at, lane=lane).id


def add_batches(
    session: Session, mailing_id: int, buckets: Iterable[int], *, count: int = 1, due_at: datetime = NOON
) -> list[int]:
    """Add a batch with that many readers in each bucket; return the ids."""
    readers = {bucket: range(bucket * BUCKET_SIZE, bucket * BUCKET_SIZE + count) for bucket in buckets}
    mailings.add_batches(session, mailing_id, readers, due_at=due_at)
    return [batch.id for batch in mailings.batches(session, mailing_id) if batch.bucket in readers]
