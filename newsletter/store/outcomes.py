"""Keep what became known about messages, each event once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any  # bulk rows are dictionaries of column values

from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.domain.outcomes import IdentifiedBy, OutcomeKind, OutcomeSource, SmtpReply
from newsletter.store import lists
from newsletter.store.tables import Outcome


@dataclass(frozen=True, kw_only=True)
class Told:
    """Hold what an outcome says of the report that it comes from; the columns of the table say what each is."""

    identified_by: IdentifiedBy | None = None
    provider: str = ""
    arrival_id: int | None = None
    named_recipient: str | None = None
    is_hard: bool = False
    is_final: bool = True
    reply_code: int | None = None
    reply_enhanced: str | None = None
    answer_to: str | None = None


_OWN = Told()


def add(
    session: Session,
    *,
    kind: OutcomeKind,
    source: OutcomeSource,
    at: datetime,
    event_key: str,
    mailing_id: int | None = None,
    subscriber_id: int | None = None,
    reason: str = "",
    category: str = "",
    reply: SmtpReply | None = None,
    evidence: str = "",
    told: Told = _OWN,
    needs_action: bool = False,
) -> bool:
    """Keep one event; return False when an event with this key is there already.

    ``told`` is what is known of events that somebody else reported. ``needs_action``: the policy has still to look at
    it.
    """
    row = vars(told) | {
        "kind": kind,
        "source": source,
        "at": at,
        "event_key": event_key,
        "mailing_id": mailing_id,
        "subscriber_id": subscriber_id,
        "reason": reason,
        "category": category,
        "evidence": evidence,
        "acted_at": None if needs_action else at,
    }
    if reply is not None:
        row |= {"reply_code": reply.code, "reply_enhanced": reply.enhanced}
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    added = session.execute(
        dialect.insert(Outcome)
        .values(row)
        .on_conflict_do_nothing(index_elements=["event_key"])
        .returning(Outcome.id)
    ).scalar_one_or_none()
    return added is not None


def add_many(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep many events that have no key of their own."""
    if rows:
        session.execute(insert(Outcome), list(rows))


def open_ones(session: Session, kinds: Collection[OutcomeKind], *, limit: int) -> list[Outcome]:
    """Return the oldest events that the policy has not looked at."""
    return list(
        session.scalars(
            select(Outcome)
            .where(Outcome.acted_at.is_(None), Outcome.kind.in_(kinds))
            .order_by(Outcome.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
    )


def are_open(session: Session) -> bool:
    """Say whether there are events that the policy has not looked at."""
    return session.scalar(select(Outcome.id).where(Outcome.acted_at.is_(None)).limit(1)) is not None


def get_many(session: Session, ids: Collection[int]) -> list[Outcome]:
    """Return events by their ids."""
    return list(
        session.scalars(select(Outcome).where(lists.among(session, Outcome.id, ids)).order_by(Outcome.id))
    )


def of_subscribers(
    session: Session, subscriber_ids: Collection[int], kinds: Collection[OutcomeKind]
) -> list[Outcome]:
    """Return all events of some kinds about some readers, oldest first."""
    return list(
        session.scalars(
            select(Outcome)
            .where(lists.among(session, Outcome.subscriber_id, subscriber_ids), Outcome.kind.in_(kinds))
            .order_by(Outcome.at, Outcome.id)
        )
    )


def readers_of(session: Session, kinds: Collection[OutcomeKind], *, after_id: int, limit: int) -> list[int]:
    """Return the readers behind an id of whom events of some kinds are known, in order."""
    return [
        reader
        for reader in session.scalars(
            select(Outcome.subscriber_id)
            .where(Outcome.kind.in_(kinds), Outcome.subscriber_id > after_id)
            .distinct()
            .order_by(Outcome.subscriber_id)
            .limit(limit)
        )
        if reader is not None
    ]


def mark_acted(session: Session, ids: Collection[int], *, now: datetime) -> None:
    """Note that the policy has looked at events."""
    session.execute(
        update(Outcome)
        .where(lists.among(session, Outcome.id, ids))
        .values(acted_at=now)
        .execution_options(synchronize_session=False)
    )


def of_subscriber(session: Session, subscriber_id: int, *, limit: int = 50) -> list[Outcome]:
    """Return the newest events of one reader."""
    return list(
        session.scalars(
            select(Outcome)
            .where(Outcome.subscriber_id == subscriber_id)
            .order_by(Outcome.at.desc(), Outcome.id.desc())
            .limit(limit)
        )
    )


def forget(session: Session, subscriber_id: int) -> list[int]:
    """Blank what events of one reader say in words; return the arrivals that they come from."""
    rows = session.scalars(
        update(Outcome)
        .where(Outcome.subscriber_id == subscriber_id)
        .values(evidence="", named_recipient=None, answer_to=None)
        .returning(Outcome.arrival_id)
        .execution_options(synchronize_session=False)
    )
    return sorted({arrival_id for arrival_id in rows if arrival_id is not None})
