"""Keep one narrow row per reader and mailing, and a detail row for the few that need one."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any  # bulk rows are dictionaries of column values

from sqlalchemy import bindparam, func, insert, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.domain.mailings import BUCKET_SIZE, HAD, MessageStatus
from newsletter.domain.subscriptions import Cadence, SubscriptionStatus
from newsletter.store import lists
from newsletter.store.tables import Article, ArticleKey, Message, MessageDetail, Subscriber, Subscription


@dataclass(frozen=True, slots=True)
class Reader:
    """Hold what deciding needs to know of one planned reader, as it is now.

    ``signup_number`` is the number of the article that the reader signed up from.
    """

    subscriber_id: int
    address: str | None
    address_key: str | None
    name: str
    status: SubscriptionStatus | None
    topics: int
    cadence: Cadence
    signup_number: int | None


@dataclass(frozen=True, slots=True)
class Had:
    """Hold one earlier message of a reader."""

    mailing_id: int
    subscriber_id: int
    picks: bytes


def readers(session: Session, newsletter_id: int, subscriber_ids: Collection[int]) -> dict[int, Reader]:
    """Return the readers with these ids, each with the subscription to one newsletter.

    It is written so that a planner without statistics, as after an import or a restore, reads these rows alone: the
    ids stand in both conditions, and the article is looked up reader by reader.
    """
    signup_number = (
        select(Article.number)
        .join(ArticleKey, ArticleKey.article_id == Article.id)
        .where(ArticleKey.kind == "url", ArticleKey.value == Subscription.signup_article)
        .correlate(Subscription)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            Subscriber.id,
            Subscriber.address,
            Subscriber.address_key,
            Subscriber.name,
            Subscription.status,
            func.coalesce(Subscription.topics, 0),
            Subscription.cadence,
            signup_number,
        )
        .outerjoin(
            Subscription,
            (Subscription.subscriber_id == Subscriber.id)
            & (Subscription.newsletter_id == newsletter_id)
            & lists.among(session, Subscription.subscriber_id, subscriber_ids),
        )
        .where(lists.among(session, Subscriber.id, subscriber_ids))
    )
    found = (
        Reader(reader, address, key, name, status, topics, cadence or Cadence.EVERY_ISSUE, number)
        for reader, address, key, name, status, topics, cadence, number in rows
    )
    return {reader.subscriber_id: reader for reader in found}


def had(session: Session, mailing_ids: Collection[int], *, low: int, high: int) -> list[Had]:
    """Return the messages of some mailings that readers from ``low`` to ``high`` had or may have had."""
    if not mailing_ids:
        return []
    rows = session.execute(
        select(Message.mailing_id, Message.subscriber_id, Message.picks).where(
            Message.mailing_id.in_(mailing_ids),
            Message.subscriber_id.between(low, high),
            Message.status.in_(HAD),
        )
    )
    return [Had(*row) for row in rows]


def recorded(session: Session, mailing_id: int, bucket: int) -> list[int]:
    """Return the readers of a bucket that have a result in a mailing."""
    low = bucket * BUCKET_SIZE
    return list(
        session.scalars(
            select(Message.subscriber_id).where(
                Message.mailing_id == mailing_id, Message.subscriber_id.between(low, low + BUCKET_SIZE - 1)
            )
        )
    )


def append(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the first results of readers."""
    if rows:
        session.execute(insert(Message), list(rows))


def change(session: Session, mailing_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the results of further attempts: each row has subscriber_id, status and code."""
    if not rows:
        return
    session.connection().execute(
        update(Message.__table__)  # type: ignore[arg-type]  # a Table, though it is typed as a FromClause
        .where(Message.mailing_id == mailing_id, Message.subscriber_id == bindparam("of"))
        .values(status=bindparam("new_status"), code=bindparam("new_code")),
        [{"of": row["subscriber_id"], "new_status": row["status"], "new_code": row["code"]} for row in rows],
    )


def of_mailing(session: Session, mailing_id: int, subscriber_ids: Collection[int]) -> dict[int, Message]:
    """Return the message rows of some readers."""
    if not subscriber_ids:
        return {}
    rows = session.scalars(
        select(Message)
        .where(Message.mailing_id == mailing_id, Message.subscriber_id.in_(subscriber_ids))
        .execution_options(populate_existing=True)
    )
    return {row.subscriber_id: row for row in rows}


def of_subscriber(session: Session, subscriber_id: int, *, mailing_ids: Collection[int]) -> list[Message]:
    """Return the message rows of one reader in some mailings."""
    return list(
        session.scalars(
            select(Message).where(Message.mailing_id.in_(mailing_ids), Message.subscriber_id == subscriber_id)
        )
    )


def keep_details(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the details of messages that are not simply submitted; the first name and address stay."""
    if not rows:
        return
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(MessageDetail)
    changing = ("next_attempt_at", "reason", "reply_code", "reply_enhanced", "reply_text")
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["mailing_id", "subscriber_id"],
            set_={name: statement.excluded[name] for name in changing}
            | {"attempt_count": MessageDetail.attempt_count + 1},
        ).execution_options(synchronize_session=False),
        list(rows),
    )


def due_details(session: Session, batch_id: int, *, now: datetime | None, limit: int) -> list[MessageDetail]:
    """Return the messages of a batch whose next attempt is due; with ``now`` None all that have one to come."""
    statement = select(MessageDetail).where(MessageDetail.batch_id == batch_id)
    if now is None:
        statement = statement.where(MessageDetail.next_attempt_at.is_not(None))
    else:
        statement = statement.where(MessageDetail.next_attempt_at <= now)
    return list(session.scalars(statement.order_by(MessageDetail.subscriber_id).limit(limit)))


def details(session: Session, mailing_id: int, subscriber_ids: Collection[int]) -> dict[int, MessageDetail]:
    """Return the detail rows of some readers."""
    if not subscriber_ids:
        return {}
    rows = session.scalars(
        select(MessageDetail)
        .where(MessageDetail.mailing_id == mailing_id, MessageDetail.subscriber_id.in_(subscriber_ids))
        .execution_options(populate_existing=True)
    )
    return {row.subscriber_id: row for row in rows}


def next_attempt(session: Session, batch_id: int) -> datetime | None:
    """Return when the next message of a batch is due again."""
    return session.scalar(
        select(func.min(MessageDetail.next_attempt_at)).where(MessageDetail.batch_id == batch_id)
    )


def stop_retries(session: Session, batch_id: int, *, code: int) -> None:
    """Withhold what is deferred in a batch, and try nothing of it again; uncertain messages stay uncertain."""
    waiting = select(MessageDetail.mailing_id, MessageDetail.subscriber_id).where(
        MessageDetail.batch_id == batch_id, MessageDetail.next_attempt_at.is_not(None)
    )
    session.execute(
        update(Message)
        .where(
            tuple_(Message.mailing_id, Message.subscriber_id).in_(waiting),
            Message.status == MessageStatus.DEFERRED,
        )
        .values(status=MessageStatus.WITHHELD, code=code)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(MessageDetail)
        .where(MessageDetail.batch_id == batch_id)
        .values(next_attempt_at=None)
        .execution_options(synchronize_session=False)
    )


def clear_doubt(session: Session, mailing_id: int, subscriber_id: int, *, window_id: int, code: int) -> None:
    """Make an uncertain message of a first window a submitted one: its 250 has come to light."""
    detail = session.get(MessageDetail, (mailing_id, subscriber_id), populate_existing=True)
    if detail is None or detail.window_id != window_id:
        return
    session.execute(
        update(Message)
        .where(
            Message.mailing_id == mailing_id,
            Message.subscriber_id == subscriber_id,
            Message.status == MessageStatus.UNCERTAIN,
        )
        .values(status=MessageStatus.SUBMITTED, code=code)
        .execution_options(synchronize_session=False)
    )
    detail.next_attempt_at = None


def tally(session: Session, mailing_id: int) -> Tally[tuple[int, MessageStatus, int]]:
    """Count the results of a mailing by bucket, status and code."""
    bucket = Message.subscriber_id // BUCKET_SIZE
    rows = session.execute(
        select(bucket, Message.status, Message.code, func.count())
        .where(Message.mailing_id == mailing_id)
        .group_by(bucket, Message.status, Message.code)
    )
    return Tally({(place, status, code): count for place, status, code, count in rows})
