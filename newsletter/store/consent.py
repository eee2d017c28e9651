"""Keep what readers agreed to: rows are added, never changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.store import inserts
from newsletter.store.tables import ConsentEvent

_FIELDS = tuple(field.name for field in fields(ConsentEvidence))


def add(
    session: Session,
    subscriber_id: int,
    kind: ConsentKind,
    *,
    newsletters: Iterable[int],
    evidence: ConsentEvidence,
    now: datetime,
) -> None:
    """Keep one event with its evidence."""
    session.add(
        ConsentEvent(
            subscriber_id=subscriber_id,
            newsletters=list(newsletters),
            kind=kind,
            at=now,
            evidence=as_row(evidence),
        )
    )
    session.flush()


def add_imported(
    session: Session, newsletter_id: int, readers: Iterable[tuple[int, ConsentEvidence]], *, now: datetime
) -> None:
    """Keep one event for each reader of an import."""
    rows = [
        {
            "subscriber_id": subscriber_id,
            "newsletters": [newsletter_id],
            "kind": ConsentKind.IMPORTED,
            "at": now,
            "evidence": as_row(evidence),
        }
        for subscriber_id, evidence in readers
    ]
    inserts.missing(session, ConsentEvent, rows, returning=ConsentEvent.id)


def as_row(evidence: ConsentEvidence) -> dict[str, object]:
    """Return evidence as it is stored; empty fields are left out, and NUL, which PostgreSQL cannot read from JSON."""
    values = {name: _without_nul(getattr(evidence, name)) for name in _FIELDS}
    return {name: value for name, value in values.items() if value}


def _without_nul(value: object) -> object:
    match value:
        case str():
            return value.replace("\0", "")
        case dict():
            return {_without_nul(name): _without_nul(found) for name, found in value.items()}
        case _:
            return value


def of_subscriber(session: Session, subscriber_id: int) -> list[ConsentEvent]:
    """Return all events of one reader, oldest first."""
    return list(
        session.scalars(
            select(ConsentEvent)
            .where(ConsentEvent.subscriber_id == subscriber_id)
            .order_by(ConsentEvent.at, ConsentEvent.id)
        )
    )


def last_confirmed_at(session: Session, subscriber_id: int) -> datetime | None:
    """Return when the reader last confirmed anything."""
    return session.scalar(
        select(func.max(ConsentEvent.at)).where(
            ConsentEvent.subscriber_id == subscriber_id, ConsentEvent.kind == ConsentKind.CONFIRMED
        )
    )
