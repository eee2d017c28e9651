"""Freeze the audience of a built issue: a bitmap per bucket, no row per reader."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from newsletter.domain.issues import IssueKind, IssueStatus, SkipReason
from newsletter.domain.mailings import Lane, MailingStatus, draw
from newsletter.runtime import logs
from newsletter.store import Session, Transactions, issues, mailings, newsletters
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
        spread = _spread(session, issue_id)
        wave_count = _wave_count(session, mailing.newsletter_id, spread)
    while True:
        with transactions() as session:
            if not _add_some(session, mailing, wave_count=wave_count):
                break
    with transactions() as session:
        _end(session, mailing, issue_id, spread=spread)
    _log.info("mailing_expanded", mailing=mailing.id, issue=issue_id)
    return mailing.id


def _start(session: Session, issue_id: int, *, now: datetime) -> Mailing | None:
    issue = issues.lock(session, issue_id)  # from here on, the desk changes it no more
    if issue_id not in issues.ready(session):
        return None
    if mailings.next_bucket(session, issue.newsletter_id, after=-1) is None:
        issues.move(session, issue_id, IssueStatus.SKIPPED, reason=SkipReason.NO_READERS)
        return None
    frozen = issues.frozen(issue)
    return mailings.start(
        session,
        issue,
        highest=frozen.highest,
        missed=frozen.missed,
        now=now,
        expires_at=now + LIFETIME,
        lane=Lane.URGENT if issue.kind is IssueKind.BREAKING else Lane.BULK,
    )


def _spread(session: Session, issue_id: int) -> timedelta:
    """Return over how long the issue goes out; breaking news waits for nobody."""
    issue = issues.get(session, issue_id)
    if issue.kind is IssueKind.BREAKING:
        return timedelta()
    return timedelta(minutes=newsletters.get(session, issue.newsletter_id).spread_minutes)


def _wave_count(session: Session, newsletter_id: int, spread: timedelta) -> int:
    """Return into how many waves each bucket is cut, so that there is a batch a minute, and no more than one."""
    minutes = spread // timedelta(minutes=1)
    buckets: list[int] = []
    while len(buckets) <= minutes // 2:
        bucket = mailings.next_bucket(session, newsletter_id, after=buckets[-1] if buckets else -1)
        if bucket is None:
            return minutes // len(buckets) if buckets else 1
        buckets.append(bucket)
    return 1  # with more buckets than that, two waves would be too many


def _add_some(session: Session, mailing: Mailing, *, wave_count: int) -> bool:
    """Add the next few batches; False when there is no reader left."""
    mailings.lock(session, mailing.id)  # two that expand one issue would cut a bucket into waves twice
    bucket = mailings.next_bucket(
        session, mailing.newsletter_id, after=mailings.last_bucket(session, mailing.id)
    )
    if bucket is None:
        return False
    readers = mailings.audience(
        session, mailing.newsletter_id, from_bucket=bucket, bucket_count=_BUCKETS_AT_ONCE
    )
    for wave, part in _waves(mailing.id, readers, wave_count).items():
        mailings.add_batches(session, mailing.id, part, due_at=mailing.started_at, wave=wave)
    return True


def _waves(
    mailing_id: int, readers: Mapping[int, Sequence[int]], wave_count: int
) -> Mapping[int, Mapping[int, Sequence[int]]]:
    """Deal the readers of buckets out to waves, by chance and always alike."""
    if wave_count == 1:
        return {0: readers}
    waves: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for bucket, ids in readers.items():
        for reader in ids:
            waves[draw(mailing_id, reader) % wave_count][bucket].append(reader)
    return waves


def _end(session: Session, mailing: Mailing, issue_id: int, *, spread: timedelta) -> None:
    """Let the batches go; when the issue was given up meanwhile, so is its mailing."""
    if issues.move(session, issue_id, IssueStatus.MAILED, only_from=IssueStatus.BUILT):
        if spread:
            mailings.set_due(session, _due(session, mailing, spread))
        return
    mailing = mailings.get(session, mailing.id)
    is_given_up = issues.get(session, issue_id).status is IssueStatus.CANCELLED
    if is_given_up and mailing.status is not MailingStatus.CANCELLED:
        mailings.move(session, mailing, MailingStatus.CANCELLED)


def _due(session: Session, mailing: Mailing, spread: timedelta) -> dict[int, datetime]:
    """Spread the batches evenly over a time, in an order in which no reader is always the last."""
    places = mailings.places(session, mailing.id)
    mixed = sorted(places, key=lambda place: draw(mailing.id, *place[1:]))
    return {
        batch_id: mailing.started_at + spread * rank / len(mixed) for rank, (batch_id, *_) in enumerate(mixed)
    }
