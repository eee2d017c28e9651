"""Freeze the audience of a built issue: a bitmap per bucket, no row per reader."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby

from newsletter.domain.issues import IssueStatus, SkipReason
from newsletter.domain.mailings import BUCKET_SIZE, MailingStatus
from newsletter.runtime import logs
from newsletter.store import Session, Transactions, issues, mailings
from newsletter.store.tables import Mailing

LIFETIME = timedelta(hours=24)  # a digest that could not be submitted within a day is stale
_BUCKETS_AT_ONCE = 16  # 65,536 readers: some 50 ms in one transaction
_log = logs.get(__name__)


def expand(transactions: Transactions, issue_id: int, *, now: datetime) -> int | None:
    """Make the mailing of an issue and its batches; return the mailing's id, None when there is nothing to mail.

    Opens short transactions and can be repeated or resumed at any point: the position is the last bucket that has
    a batch. Nothing goes out before the end: until then the issue can still be held or given up.
    """
    with transactions() as session:
        mailing = _start(session, issue_id, now=now)
    if mailing is None:
        return None
    while True:
        with transactions() as session:
            if not _add_some(session, mailing):
                break
    with transactions() as session:
        _end(session, mailing.id, issue_id)
    _log.info("mailing_expanded", mailing=mailing.id, issue=issue_id)
    return mailing.id


def _start(session: Session, issue_id: int, *, now: datetime) -> Mailing | None:
    if issue_id not in issues.ready(session):
        return None
    issue = issues.get(session, issue_id)
    if mailings.next_bucket(session, issue.newsletter_id, after=-1) is None:
        issues.move(session, issue_id, IssueStatus.SKIPPED, reason=SkipReason.NO_READERS)
        return None
    highest = issues.frozen(issue).highest
    return mailings.start(session, issue, highest=highest, now=now, expires_at=now + LIFETIME)


def _add_some(session: Session, mailing: Mailing) -> bool:
    """Add the next few batches; False when there is no reader left."""
    bucket = mailings.next_bucket(
        session, mailing.newsletter_id, after=mailings.last_bucket(session, mailing.id)
    )
    if bucket is None:
        return False
    readers = mailings.audience(
        session, mailing.newsletter_id, from_bucket=bucket, bucket_count=_BUCKETS_AT_ONCE
    )
    by_bucket = {
        place: list(ids) for place, ids in groupby(readers, key=lambda reader: reader // BUCKET_SIZE)
    }
    mailings.add_batches(session, mailing.id, by_bucket, due_at=mailing.started_at)
    return True


def _end(session: Session, mailing_id: int, issue_id: int) -> None:
    """Let the batches go; when the issue was given up meanwhile, so is its mailing."""
    if issues.move(session, issue_id, IssueStatus.MAILED, only_from=IssueStatus.BUILT):
        return
    mailing = mailings.get(session, mailing_id)
    is_given_up = issues.get(session, issue_id).status is IssueStatus.CANCELLED
    if is_given_up and mailing.status is not MailingStatus.CANCELLED:
        mailings.move(session, mailing, MailingStatus.CANCELLED)
