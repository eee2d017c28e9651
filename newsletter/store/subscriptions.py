"""Keep the pairs of reader and newsletter; moves are single conditional statements."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, cast  # bulk rows are dictionaries of column values; row counts need a cursor's type

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session

from newsletter.domain.subscriptions import Cadence, EndReason, SubscriptionStatus
from newsletter.store import inserts, lists
from newsletter.store.tables import Subscriber, Subscription

_OPEN = (SubscriptionStatus.PENDING, SubscriptionStatus.ACTIVE)


def get(session: Session, subscriber_id: int, newsletter_id: int) -> Subscription | None:
    """Return one subscription."""
    return session.get(Subscription, (subscriber_id, newsletter_id), populate_existing=True)


def of_subscriber(session: Session, subscriber_id: int) -> list[Subscription]:
    """Return all subscriptions of one reader."""
    return list(
        session.scalars(
            select(Subscription)
            .where(Subscription.subscriber_id == subscriber_id)
            .order_by(Subscription.newsletter_id)
            .execution_options(populate_existing=True)
        )
    )


def request(
    session: Session,
    subscriber_id: int,
    newsletter_id: int,
    *,
    topics: int,
    cadence: Cadence,
    signup_article: str | None,
    hour: int | None = None,
    now: datetime,
) -> SubscriptionStatus:
    """Ask for a subscription and return where it stood before; an active one is left as it is.

    An ended one waits for a confirmation again and keeps when and why it ended until that comes. The caller holds
    the reader's lock.
    """
    wanted = {
        "topics": topics,
        "cadence": cadence,
        "hour": hour,
        "signup_article": signup_article,
        "requested_at": now,
    }
    row = {
        "subscriber_id": subscriber_id,
        "newsletter_id": newsletter_id,
        "status": SubscriptionStatus.PENDING,
        **wanted,
    }
    if inserts.missing(session, Subscription, [row], returning=Subscription.subscriber_id):
        return SubscriptionStatus.PENDING
    subscription = get(session, subscriber_id, newsletter_id)
    assert subscription is not None, "rows of subscriptions are never deleted"
    before = subscription.status
    if before is not SubscriptionStatus.ACTIVE:
        subscription.status = SubscriptionStatus.PENDING
        for field, value in wanted.items():
            setattr(subscription, field, value)
        session.flush()
    return before


def activate(
    session: Session, subscriber_id: int, newsletter_ids: Collection[int], *, now: datetime
) -> list[int]:
    """Turn pending subscriptions into active ones; return the newsletters of those that moved.

    Their readers are owed a first digest from now on.
    """
    return _moved(
        session,
        update(Subscription)
        .where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.newsletter_id.in_(newsletter_ids),
            Subscription.status == SubscriptionStatus.PENDING,
        )
        .values(
            status=SubscriptionStatus.ACTIVE,
            confirmed_at=now,
            ended_at=None,
            end_reason=None,
            first_due_at=now,
            snoozed_until=None,
        )
        .returning(Subscription.newsletter_id),
    )


def end(
    session: Session,
    subscriber_id: int,
    *,
    reason: EndReason,
    now: datetime,
    newsletter_ids: Collection[int] | None = None,
    statuses: Collection[SubscriptionStatus] = _OPEN,
) -> list[int]:
    """End subscriptions of one reader; return the newsletters of those that moved.

    ``newsletter_ids`` None: all of them.
    """
    statement = update(Subscription).where(
        Subscription.subscriber_id == subscriber_id, Subscription.status.in_(statuses)
    )
    if newsletter_ids is not None:
        statement = statement.where(Subscription.newsletter_id.in_(newsletter_ids))
    return _moved(
        session,
        statement.values(
            status=SubscriptionStatus.ENDED, ended_at=now, end_reason=reason, first_due_at=None
        ).returning(Subscription.newsletter_id),
    )


def set_preferences(
    session: Session,
    subscriber_id: int,
    newsletter_id: int,
    *,
    topics: int,
    cadence: Cadence,
    hour: int | None,
    snoozed_until: datetime | None,
) -> bool:
    """Change what an active reader gets, and when; return False when the reader is not active."""
    result = session.execute(
        update(Subscription)
        .where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.newsletter_id == newsletter_id,
            Subscription.status == SubscriptionStatus.ACTIVE,
        )
        .values(topics=topics, cadence=cadence, hour=hour, snoozed_until=snoozed_until)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount == 1


def owed_firsts(session: Session, *, since_before: datetime) -> list[int]:
    """Return the newsletters that owe somebody a first digest since an instant or longer."""
    return list(
        session.scalars(
            select(Subscription.newsletter_id)
            .where(Subscription.first_due_at <= since_before)
            .distinct()
            .order_by(Subscription.newsletter_id)
        )
    )


def take_firsts(session: Session, newsletter_id: int, *, limit: int) -> list[int]:
    """Return readers to whom a newsletter owes a first digest, the longest waiting first, and owe them none any more.

    Rows that another transaction holds are left to it.
    """
    waiting = (
        select(Subscription.subscriber_id)
        .where(
            Subscription.newsletter_id == newsletter_id,
            Subscription.first_due_at.is_not(None),
            Subscription.status == SubscriptionStatus.ACTIVE,
        )
        .order_by(Subscription.first_due_at, Subscription.subscriber_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = list(session.scalars(waiting))
    session.execute(
        update(Subscription)
        .where(
            Subscription.newsletter_id == newsletter_id,
            lists.among(session, Subscription.subscriber_id, taken),
        )
        .values(first_due_at=None)
        .execution_options(synchronize_session=False)
    )
    return sorted(taken)


def counts(session: Session, newsletter_id: int) -> dict[SubscriptionStatus, int]:
    """Count the readers of a newsletter by status."""
    rows = session.execute(
        select(Subscription.status, func.count())
        .where(Subscription.newsletter_id == newsletter_id)
        .group_by(Subscription.status)
    )
    return {SubscriptionStatus(status): count for status, count in rows}


def follower_count(session: Session, newsletter_id: int, number: int) -> int:
    """Count the readers who follow the topic of a number and have not left."""
    query = select(func.count()).where(
        Subscription.newsletter_id == newsletter_id,
        Subscription.status != SubscriptionStatus.ENDED,
        Subscription.topics.op("&")(1 << number) != 0,
    )
    return session.scalar(query) or 0


def standings(
    session: Session, newsletter_id: int, subscriber_ids: Sequence[int]
) -> dict[int, tuple[SubscriptionStatus, bool]]:
    """Return status, and whether it has ever ended, for those of the readers who have a subscription."""
    rows = session.execute(
        select(Subscription.subscriber_id, Subscription.status, Subscription.ended_at).where(
            Subscription.newsletter_id == newsletter_id,
            lists.among(session, Subscription.subscriber_id, subscriber_ids),
        )
    )
    return {row[0]: (row[1], row[2] is not None) for row in rows}


def add_active(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[int]:
    """Add active subscriptions of one newsletter in bulk; return the readers who had none."""
    active = [{"status": SubscriptionStatus.ACTIVE, **row} for row in rows]
    return set(inserts.missing(session, Subscription, active, returning=Subscription.subscriber_id))


def activate_many(
    session: Session, newsletter_id: int, subscriber_ids: Sequence[int], *, now: datetime
) -> set[int]:
    """Activate pending subscriptions that have never ended; return the readers who moved."""
    return set(
        session.scalars(
            update(Subscription)
            .where(
                Subscription.newsletter_id == newsletter_id,
                lists.among(session, Subscription.subscriber_id, subscriber_ids),
                Subscription.status == SubscriptionStatus.PENDING,
                Subscription.ended_at.is_(None),
            )
            .values(status=SubscriptionStatus.ACTIVE, confirmed_at=now)
            .returning(Subscription.subscriber_id)
            .execution_options(synchronize_session=False)
        )
    )


def readers(
    session: Session, newsletter_id: int, *, page: int = 2000
) -> Iterator[tuple[Subscriber, Subscription]]:
    """Yield everybody who has, had or asked for a newsletter, in order of their ids, a page at a time."""
    after = 0
    while True:
        rows = session.execute(
            select(Subscriber, Subscription)
            .join(Subscription, Subscription.subscriber_id == Subscriber.id)
            .where(
                Subscription.newsletter_id == newsletter_id,
                Subscriber.id > after,
                Subscriber.erased_at.is_(None),
            )
            .order_by(Subscriber.id)
            .limit(page)
        ).all()
        yield from ((subscriber, subscription) for subscriber, subscription in rows)
        if len(rows) < page:
            return
        after = rows[-1][0].id
        session.expunge_all()


def _moved(session: Session, statement: Any) -> list[int]:  # an UPDATE .. RETURNING has no nameable type
    moved = session.scalars(statement.execution_options(synchronize_session=False))
    return sorted(moved)
