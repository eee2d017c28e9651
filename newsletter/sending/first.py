"""Send first digests: those who have just confirmed get the newsletter's last issue, minutes later.

An issue has one standing mailing for them, which takes readers in as they come, wave after wave. What they signed up
from counts as had, so it is not in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from newsletter.domain.mailings import BUCKET_SIZE, Lane, MailingKind
from newsletter.runtime import logs
from newsletter.sending.expand import LIFETIME
from newsletter.store import Session, Transactions, audiences, issues, mailings, subscriptions
from newsletter.store.tables import Issue, Mailing

# Those who come within this go together: each wave interrupts a running issue for a moment.
PAUSE = timedelta(seconds=30)
AGE_MAXIMUM = timedelta(days=7)  # an older issue is no news; such readers wait for the next
_NEAR = timedelta(minutes=10)  # an issue so near its cut-off reaches them as well
_AT_ONCE = 5_000
_log = logs.get(__name__)


def is_due(session: Session, *, now: datetime) -> bool:
    """Say whether somebody waits for a first digest."""
    return bool(subscriptions.owed_firsts(session, since_before=now - PAUSE))


def top_up(transactions: Transactions, *, now: datetime) -> list[int]:
    """Plan first digests for all who wait; return the mailings that took somebody in.

    Repeating it is harmless: whoever is planned for an issue, in any of its mailings, is not planned again.
    """
    with transactions() as session:
        owing = subscriptions.owed_firsts(session, since_before=now - PAUSE)
    found: list[int] = []
    for newsletter_id in owing:
        with transactions() as session:
            mailing_id = _of_newsletter(session, newsletter_id, now=now)
        if mailing_id is not None:
            found.append(mailing_id)
    return found


def _of_newsletter(session: Session, newsletter_id: int, *, now: datetime) -> int | None:
    if issues.is_about_to_go(session, newsletter_id, since=now - _NEAR, until=now + _NEAR):
        return None  # they are asked for again in a moment; two mails at once would be no welcome
    readers = subscriptions.take_firsts(session, newsletter_id, limit=_AT_ONCE)
    issue = issues.newest_mailed(session, newsletter_id, since=now - AGE_MAXIMUM, until=now)
    if issue is None:
        _log.info("first_without_recent_issue", newsletter=newsletter_id, readers=len(readers))
        return None
    mailing = _mailing(session, issue, now=now)
    mailings.lock(session, mailing.id)
    new = _unplanned(session, issue.id, readers)
    if not new:
        return None
    wave = audiences.last_wave(session, mailing.id) + 1
    mailings.add_batches(session, mailing.id, new, due_at=now, wave=wave)
    mailings.extend(session, mailing.id, expires_at=now + LIFETIME)
    _log.info("first_planned", mailing=mailing.id, readers=sum(map(len, new.values())))
    return mailing.id


def _mailing(session: Session, issue: Issue, *, now: datetime) -> Mailing:
    """Return the standing mailing; it overtakes issues that are going out, because its readers are waiting."""
    frozen = issues.frozen(issue)
    return mailings.start(
        session,
        issue,
        kind=MailingKind.FIRST,
        lane=Lane.URGENT,
        highest=frozen.highest,
        missed=frozen.missed,
        now=now,
        expires_at=now + LIFETIME,
    )


def _unplanned(session: Session, issue_id: int, readers: Iterable[int]) -> dict[int, list[int]]:
    """Return the readers by bucket for whom no mailing of the issue is planned yet."""
    buckets: dict[int, list[int]] = defaultdict(list)
    for reader in readers:
        buckets[reader // BUCKET_SIZE].append(reader)
    new: dict[int, list[int]] = {}
    for bucket, ids in buckets.items():
        planned = audiences.planned(session, issue_id, bucket)
        left = [reader for reader in ids if not planned >> reader % BUCKET_SIZE & 1]
        if left:
            new[bucket] = left
    return new
