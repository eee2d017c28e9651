"""Keep what comes in from outside, raw, until it is read and for 30 days: this table is the queue."""

from __future__ import annotations

import hashlib
from collections import Counter as Tally
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import cast  # row counts need a cursor's type

from sqlalchemy import ColumnElement, CursorResult, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, load_only

from newsletter.domain.arrivals import (
    ATTEMPTS_MAX,
    KEPT_BYTES,
    KEPT_FOR,
    READ_BYTES,
    ArrivalResult,
    ArrivalStatus,
)
from newsletter.store import lists
from newsletter.store.tables import Arrival

LEASE = timedelta(minutes=2)  # a reader takes at most 250 ms a mail; one that died is followed by another
_AT_ONCE = 500  # rows deleted in one transaction: their bodies may be large
_ERROR_CHARS = 2_000
_LISTED = (
    Arrival.way,
    Arrival.received_at,
    Arrival.status,
    Arrival.recipient,
    Arrival.sender,
    Arrival.size_bytes,
    Arrival.kind,
    Arrival.result,
    Arrival.error,
)


def keep(
    session: Session,
    *,
    way: str,
    raw: bytes,
    now: datetime,
    key: str | None = None,
    recipient: str | None = None,
    sender: str | None = None,
    peer: str = "",
    headers: Mapping[str, str] | None = None,
    size_bytes: int | None = None,
) -> bool:
    """Put what came in into the queue; False when it is there already.

    ``way`` is a MailWay or a provider's name. ``key`` is the provider's own id of this delivery; None: recipient and
    octets are the key, whichever way they came. ``sender`` "" is a null return path, None: not known. ``peer`` is the
    client's IP address. Beyond ``KEPT_BYTES`` nothing is kept; ``size_bytes`` counts what came when ``raw`` is a part.
    """
    row = {
        "way": way,
        "key": _key_of_mail(raw, recipient) if key is None else f"{way}:{_digest(key)}",
        "received_at": now,
        "status": ArrivalStatus.WAITING,
        "recipient": _storable(recipient),
        "sender": _storable(sender),
        "peer": peer[:45],
        "size_bytes": len(raw) if size_bytes is None else size_bytes,
        "attempt_count": 0,
        "kind": "",
        "result": "",
        "error": "",
        "headers": dict(headers or {}),
        "body": raw[:READ_BYTES],
        "rest": raw[READ_BYTES:KEPT_BYTES] or None,
    }
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    kept = session.execute(
        dialect.insert(Arrival)
        .values(row)
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(Arrival.id)
    ).scalar_one_or_none()
    return kept is not None


def claim(session: Session, *, now: datetime, limit: int) -> list[int]:
    """Take the oldest arrivals that nobody reads just now, and count the attempt; commit before reading them.

    Those that were taken ``ATTEMPTS_MAX`` times and never finished are given up: whoever read them died of it.
    """
    free = _is_free(now)
    due = session.scalars(
        select(Arrival.id).where(free).order_by(Arrival.id).limit(limit).with_for_update(skip_locked=True)
    ).all()
    session.execute(
        update(Arrival)
        .where(Arrival.id.in_(due), Arrival.attempt_count >= ATTEMPTS_MAX)
        .values(
            status=ArrivalStatus.FAILED,
            finished_at=now,
            error="Whoever read it did not live to say what it is.",
        )
        .execution_options(synchronize_session=False)
    )
    taken = session.scalars(
        update(Arrival)
        .where(Arrival.id.in_(due), free)
        .values(lease_until=now + LEASE, attempt_count=Arrival.attempt_count + 1)
        .returning(Arrival.id)
        .execution_options(synchronize_session=False)
    )
    return sorted(taken)


def get(session: Session, arrival_id: int) -> Arrival | None:
    """Return one arrival as it stands now."""
    return session.get(Arrival, arrival_id, populate_existing=True)


def find(session: Session, raw: bytes, *, recipient: str | None) -> Arrival | None:
    """Return the arrival of a mail that was kept."""
    return session.scalars(select(Arrival).where(Arrival.key == _key_of_mail(raw, recipient))).one_or_none()


def done(
    session: Session, arrival_id: int, *, kind: str, result: ArrivalResult, now: datetime, error: str = ""
) -> bool:
    """Say what an arrival was and what came of it; False when another reader was first.

    ``error`` says what of it could not be read.
    """
    return _finish(
        session,
        arrival_id,
        status=ArrivalStatus.READ,
        kind=kind,
        result=result,
        error=_storable(error, chars=_ERROR_CHARS),
        now=now,
    )


def failed(session: Session, arrival_id: int, *, error: str, now: datetime) -> bool:
    """Put an arrival aside that could not be read; it stays for a person to look at."""
    shown = _storable(error, chars=_ERROR_CHARS)
    return _finish(session, arrival_id, status=ArrivalStatus.FAILED, error=shown, now=now)


def again(session: Session, ids: Collection[int]) -> int:
    """Put arrivals back into the queue, to be read by newer rules; return how many."""
    result = session.execute(
        update(Arrival)
        .where(Arrival.id.in_(ids), Arrival.status != ArrivalStatus.WAITING)
        .values(
            status=ArrivalStatus.WAITING,
            attempt_count=0,
            lease_until=None,
            finished_at=None,
            kind="",
            result="",
            error="",
        )
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount


def is_due(session: Session, *, now: datetime) -> bool:
    """Say whether an arrival wants to be read."""
    return session.scalar(select(Arrival.id).where(_is_free(now)).limit(1)) is not None


def waiting_since(session: Session) -> datetime | None:
    """Return when the oldest came that still waits to be read; None when none does."""
    return session.scalar(
        select(Arrival.received_at)
        .where(Arrival.status == ArrivalStatus.WAITING)
        .order_by(Arrival.id)
        .limit(1)
    )


def sweep(session: Session, *, now: datetime) -> int:
    """Delete some of what was read more than 30 days ago; return how many rows, 0 when nothing is left to delete."""
    old = (
        select(Arrival.id)
        .where(Arrival.received_at < now - KEPT_FOR, Arrival.status != ArrivalStatus.WAITING)
        .limit(_AT_ONCE)
    )
    result = session.execute(
        delete(Arrival).where(Arrival.id.in_(old)).execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount


def delete_many(session: Session, ids: Collection[int]) -> None:
    """Delete arrivals before their time, as when their reader is erased."""
    session.execute(
        delete(Arrival)
        .where(lists.among(session, Arrival.id, ids))
        .execution_options(synchronize_session=False)
    )


def counts(session: Session) -> Tally[tuple[ArrivalStatus, str]]:
    """Count the arrivals of the last 30 days by status and result."""
    rows = session.execute(
        select(Arrival.status, Arrival.result, func.count()).group_by(Arrival.status, Arrival.result)
    )
    return Tally({(status, result): count for status, result, count in rows})


def listing(
    session: Session,
    *,
    status: ArrivalStatus | None = None,
    results: Collection[str] = (),
    limit: int,
) -> list[Arrival]:
    """Return the newest arrivals without their bodies, of one status or of some results."""
    statement = select(Arrival).options(load_only(*_LISTED, raiseload=True))
    if status is not None:
        statement = statement.where(Arrival.status == status)
    if results:
        statement = statement.where(Arrival.result.in_(results))
    return list(session.scalars(statement.order_by(Arrival.id.desc()).limit(limit)))


def _finish(
    session: Session, arrival_id: int, *, now: datetime, **values: str | ArrivalStatus | None
) -> bool:
    result = session.execute(
        update(Arrival)
        .where(Arrival.id == arrival_id, Arrival.status == ArrivalStatus.WAITING)
        .values(finished_at=now, lease_until=None, **values)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount == 1


def _is_free(now: datetime) -> ColumnElement[bool]:
    return (Arrival.status == ArrivalStatus.WAITING) & (
        Arrival.lease_until.is_(None) | (Arrival.lease_until <= now)
    )


def _key_of_mail(raw: bytes, recipient: str | None) -> str:
    return f"mail:{_digest((recipient or '').lower(), raw)}"


def _digest(text: str, octets: bytes = b"") -> str:
    return hashlib.sha256(text.encode(errors="replace") + b"\0" + octets).hexdigest()


def _storable(text: str | None, *, chars: int = 320) -> str | None:
    """Leave out what a database's text cannot hold: NUL and half characters."""
    if text is None:
        return None
    return text.replace("\0", "").encode(errors="replace").decode()[:chars]
