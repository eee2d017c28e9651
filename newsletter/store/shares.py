"""Count failures among results, no further than a comparison needs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select, text
from sqlalchemy.orm import Session

from newsletter.domain.mailings import MessageStatus
from newsletter.domain.outcomes import OutcomeKind
from newsletter.store import lists
from newsletter.store.tables import Mailing, Message, Outcome, Subscriber

_FAILED = (OutcomeKind.FAILED, OutcomeKind.BOUNCED)
# Word for word the condition of the index over failures, which are few among all outcomes.
_HAS_ENDED = text("outcomes.kind IN ('failed', 'bounced', 'expired')")


def failed_of_mailing(session: Session, mailing_id: int, categories: Collection[str]) -> int:
    """Count the readers of a mailing whose message failed for good for reasons of some categories."""
    return _count(
        session,
        select(func.count(Outcome.subscriber_id.distinct())).where(
            Outcome.mailing_id == mailing_id, Outcome.kind.in_(_FAILED), Outcome.category.in_(categories)
        ),
    )


def results_of_mailing(session: Session, mailing_id: int, *, limit: int) -> int:
    """Count the messages of a mailing that went out or were refused, up to a limit."""
    return _bounded(session, _results().where(Message.mailing_id == mailing_id), limit=limit)


def failed_at(
    session: Session, domain_ids: Collection[int], *, reason: str, since: datetime, until: datetime
) -> dict[int, int]:
    """Count the readers at some domains whose messages failed for one reason in some time, by mailing."""
    rows = session.execute(
        select(Outcome.mailing_id, func.count(Outcome.subscriber_id.distinct()))
        .join(Subscriber, Subscriber.id == Outcome.subscriber_id)
        .where(
            _HAS_ENDED,
            Outcome.kind.in_(_FAILED),
            Outcome.at > since,
            Outcome.at <= until,
            Outcome.reason == reason,
            Outcome.mailing_id.is_not(None),
            lists.among(session, Subscriber.domain_id, domain_ids),
        )
        .group_by(Outcome.mailing_id)
    )
    return {mailing_id: count for mailing_id, count in rows if mailing_id is not None}


def results_at(
    session: Session, domain_ids: Collection[int], mailing_id: int, *, since: datetime | None, limit: int
) -> int:
    """Count the messages of a mailing to some domains, all of them or since an instant, up to a limit."""
    started_at = session.scalar(select(Mailing.started_at).where(Mailing.id == mailing_id))
    if started_at is None:
        return 0
    statement = (
        _results()
        .join(Subscriber, Subscriber.id == Message.subscriber_id)
        .where(Message.mailing_id == mailing_id, lists.among(session, Subscriber.domain_id, domain_ids))
    )
    if since is not None:
        statement = statement.where(Message.at >= (since - started_at).total_seconds())
    return _bounded(session, statement, limit=limit)


def mailings_between(session: Session, since: datetime, until: datetime) -> Sequence[int]:
    """Return the mailings that began in some time."""
    return session.scalars(
        select(Mailing.id).where(Mailing.started_at > since, Mailing.started_at <= until)
    ).all()


def in_trouble(session: Session, domain_id: int, *, category: str, day: datetime) -> tuple[int, int]:
    """Count the readers at a domain whose messages failed for a category on a day, and all who are there."""
    failed = _count(
        session,
        select(func.count(Outcome.subscriber_id.distinct()))
        .join(Subscriber, Subscriber.id == Outcome.subscriber_id)
        .where(
            _HAS_ENDED,
            Outcome.at >= day,
            Outcome.at < day + timedelta(days=1),
            Outcome.category == category,
            Subscriber.domain_id == domain_id,
        ),
    )
    there = Subscriber.domain_id == domain_id
    return failed, _bounded(session, select(Subscriber.id).where(there), limit=2 * failed + 1)


def _results() -> Select[int]:
    was_tried: ColumnElement[bool] = Message.status != MessageStatus.WITHHELD
    return select(Message.subscriber_id).where(was_tried)


def _bounded(session: Session, statement: Select[int], *, limit: int) -> int:
    return _count(session, select(func.count()).select_from(statement.limit(limit).subquery()))


def _count(session: Session, statement: Select[int]) -> int:
    return session.scalar(statement) or 0
