"""Keep when things that must happen again and again last happened."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast  # row counts need a cursor's type

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from newsletter.store import inserts
from newsletter.store.tables import Beat


def take_turn(session: Session, name: str, *, every: timedelta, now: datetime) -> bool:
    """Begin something whose turn it is; False when it began less than ``every`` ago, here or elsewhere.

    One conditional UPDATE, so that one of many workers has the turn. A clock that was set back gives no turn until it
    has caught up, but never longer than ``every``.
    """
    if inserts.missing(session, Beat, [{"name": name, "at": now}], returning=Beat.name):
        return True
    result = session.execute(
        update(Beat)
        .where(Beat.name == name, (Beat.at <= now - every) | (Beat.at > now + every))
        .values(at=now)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount == 1


def last(session: Session, name: str) -> datetime | None:
    """Return when something last began; None when it never did."""
    return session.scalar(select(Beat.at).where(Beat.name == name))
