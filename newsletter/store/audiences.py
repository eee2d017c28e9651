"""Read whom a mailing is for: the active readers of a newsletter, bucket by bucket."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.domain.mailings import BUCKET_SIZE
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.store import driver
from newsletter.store.tables import Batch, Mailing, Subscriber, Subscription

_AUDIENCE_ON_SQLITE = """
SELECT u.subscriber_id, {zone}, u.hour FROM {readers}
WHERE u.newsletter_id = :newsletter AND u.status = 'active' AND u.subscriber_id BETWEEN :low AND :high
ORDER BY u.subscriber_id
"""
_AUDIENCE = """
SELECT CAST(u.subscriber_id / :size AS int), {zone}, u.hour, array_agg(u.subscriber_id) FROM {readers}
WHERE u.newsletter_id = :newsletter AND u.status = 'active' AND u.subscriber_id BETWEEN :low AND :high
GROUP BY 1, 2, 3 ORDER BY 1
"""
_OF_ALL = {"zone": "s.zone", "readers": "subscriptions u JOIN subscribers s ON s.id = u.subscriber_id"}
# Without the join it takes half the time, and few readers have an hour of their own.
_OF_THOSE_WITH_AN_HOUR = {
    "zone": "CASE WHEN u.hour IS NOT NULL THEN (SELECT s.zone FROM subscribers s WHERE s.id = u.subscriber_id) END",
    "readers": "subscriptions u",
}


class Group(NamedTuple):
    """Hold readers of one bucket who have the same zone and hour, each as the reader gave it or None."""

    bucket: int
    zone: str | None
    hour: int | None
    subscriber_ids: Sequence[int]


def audience(
    session: Session, newsletter_id: int, *, from_bucket: int, bucket_count: int, has_all_zones: bool = True
) -> list[Group]:
    """Return the active readers of a newsletter in a range of buckets, grouped by what says when they are due.

    Unless it ``has_all_zones``, only those of readers who have an hour of their own are told.
    """
    is_sqlite = driver.is_sqlite(session)
    low = from_bucket * BUCKET_SIZE
    high = low + bucket_count * BUCKET_SIZE - 1
    values = {"newsletter": newsletter_id, "low": low, "high": high, "size": BUCKET_SIZE}
    statement = (_AUDIENCE_ON_SQLITE if is_sqlite else _AUDIENCE).format(
        **(_OF_ALL if has_all_zones else _OF_THOSE_WITH_AN_HOUR)
    )
    with driver.cursor(session) as cursor:
        cursor.execute(driver.spelled(statement, is_sqlite=is_sqlite), values)
        rows = cursor.fetchall()
    if not is_sqlite:
        return [Group(*row) for row in rows]
    groups: dict[tuple[int, str | None, int | None], list[int]] = defaultdict(list)
    for reader, zone, hour in rows:
        groups[reader // BUCKET_SIZE, zone, hour].append(reader)
    return [Group(*key, ids) for key, ids in groups.items()]


def languages(session: Session, newsletter_id: int) -> set[str]:
    """Return the languages that active readers of a newsletter have asked for."""
    found = session.scalars(
        select(Subscriber.language)
        .join(Subscription, Subscription.subscriber_id == Subscriber.id)
        .where(
            Subscription.newsletter_id == newsletter_id,
            Subscription.status == SubscriptionStatus.ACTIVE,
            Subscriber.language.is_not(None),
        )
        .distinct()
    )
    return {language for language in found if language}


def next_bucket(session: Session, newsletter_id: int, *, after: int) -> int | None:
    """Return the first bucket behind ``after`` in which a reader of a newsletter is active."""
    found = session.scalar(
        select(func.min(Subscription.subscriber_id)).where(
            Subscription.newsletter_id == newsletter_id,
            Subscription.status == SubscriptionStatus.ACTIVE,
            Subscription.subscriber_id >= (after + 1) * BUCKET_SIZE,
        )
    )
    return None if found is None else found // BUCKET_SIZE


def planned(session: Session, issue_id: int, bucket: int) -> int:
    """Return the readers of a bucket for whom an issue is planned in any mailing, as bits from the bucket's first."""
    rows = session.scalars(
        select(Batch.planned)
        .join(Mailing, Mailing.id == Batch.mailing_id)
        .where(Mailing.issue_id == issue_id, Batch.bucket == bucket)
    )
    marks = 0
    for row in rows:
        marks |= int.from_bytes(row, "little")
    return marks


def last_wave(session: Session, mailing_id: int) -> int:
    """Return the highest wave of a mailing; -1 when it has none."""
    found = session.scalar(select(func.max(Batch.wave)).where(Batch.mailing_id == mailing_id))
    return -1 if found is None else found
