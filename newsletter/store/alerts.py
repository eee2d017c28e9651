"""Keep what a person should look at: each thing once, counted, until it is over."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import cast  # row counts need a cursor's type

from sqlalchemy import ColumnElement, CursorResult, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.domain.errors import NotFound
from newsletter.store.tables import Alert

SHOWN_FOR = timedelta(days=7)  # after it was last seen, nobody has to know any more


def note(
    session: Session,
    code: str,
    subject: str,
    text: str,
    *,
    now: datetime,
    newsletter_id: int | None = None,
) -> bool:
    """Tell the operator; False when that is told already, and then it is counted and the newest text stays.

    One that was over begins anew.
    """
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    values = {"text": text, "last_at": now, "newsletter_id": newsletter_id}
    is_over = Alert.resolved_at.is_not(None)
    changes = {
        **values,
        "count": case((is_over, 1), else_=Alert.count + 1),
        "first_at": case((is_over, now), else_=Alert.first_at),
        "resolved_at": None,
    }
    count: int = session.execute(
        dialect.insert(Alert)
        .values(code=code, subject=subject[:260], count=1, first_at=now, **values)
        .on_conflict_do_update(index_elements=["code", "subject"], set_=changes)
        .returning(Alert.count)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    return count == 1


def resolve(session: Session, code: str, subject: str, *, now: datetime) -> bool:
    """Say that something is over; False when nothing of the kind was open."""
    return _close(session, Alert.code == code, Alert.subject == subject[:260], now=now) == 1


def resolve_subject(session: Session, subject: str, *, now: datetime) -> int:
    """Say of all alerts about a subject that they are over; return how many were."""
    return _close(session, Alert.subject == subject[:260], now=now)


def since(session: Session, instant: datetime) -> list[Alert]:
    """Return the open alerts that began after an instant, the oldest first."""
    query = select(Alert).where(Alert.resolved_at.is_(None), Alert.first_at > instant)
    return list(session.scalars(query.order_by(Alert.first_at, Alert.id)))


def resolve_by_id(session: Session, alert_id: int, *, now: datetime) -> Alert:
    """Say that somebody has seen to an alert; raise NotFound. One that is over already stays so."""
    alert = session.get(Alert, alert_id)
    if alert is None:
        raise NotFound(
            f"There is no alert {alert_id}.",
            hint="See them with: newsletter alerts list",
            reason="unknown_alert",
        )
    _close(session, Alert.id == alert_id, now=now)
    session.refresh(alert)
    return alert


def resolve_others(session: Session, code: str, subjects: Collection[str], *, now: datetime) -> int:
    """Say of all alerts of a code that they are over, except those of the subjects named; return how many were."""
    kept = [subject[:260] for subject in subjects]
    return _close(session, Alert.code == code, Alert.subject.not_in(kept), now=now)


def recent(session: Session, *, now: datetime) -> list[Alert]:
    """Return what is not over and was seen in the last days, the newest first."""
    return list(
        session.scalars(
            select(Alert)
            .where(Alert.last_at > now - SHOWN_FOR, Alert.resolved_at.is_(None))
            .order_by(Alert.last_at.desc(), Alert.id)
        )
    )


def listing(
    session: Session, *, with_resolved: bool = False, search: str = "", limit: int = 100
) -> list[Alert]:
    """Return alerts, the newest first, whose code, subject or text holds ``search``."""
    query = select(Alert).order_by(Alert.last_at.desc(), Alert.id.desc()).limit(limit)
    if not with_resolved:
        query = query.where(Alert.resolved_at.is_(None))
    if search:
        columns = (Alert.code, Alert.subject, Alert.text)
        query = query.where(or_(*(column.icontains(search, autoescape=True) for column in columns)))
    return list(session.scalars(query))


def to_mail(session: Session, *, now: datetime, again_after: timedelta) -> list[Alert]:
    """Return what is open and has not been mailed lately, the oldest first."""
    return list(
        session.scalars(
            select(Alert)
            .where(
                Alert.resolved_at.is_(None),
                Alert.last_at > now - SHOWN_FOR,
                or_(Alert.mailed_at.is_(None), Alert.mailed_at <= now - again_after),
            )
            .order_by(Alert.first_at, Alert.id)
        )
    )


def mailed(session: Session, ids: Collection[int], *, now: datetime) -> None:
    """Remember that alerts have gone out by mail."""
    session.execute(
        update(Alert)
        .where(Alert.id.in_(list(ids)))
        .values(mailed_at=now)
        .execution_options(synchronize_session=False)
    )


def open_counts(session: Session) -> dict[str, int]:
    """Count the open alerts by code."""
    query = select(Alert.code, func.count()).where(Alert.resolved_at.is_(None)).group_by(Alert.code)
    return {row[0]: row[1] for row in session.execute(query)}


def find(session: Session, code: str, subjects: Sequence[str]) -> set[str]:
    """Return which subjects have an alert of a code, open or over."""
    return set(session.scalars(select(Alert.subject).where(Alert.code == code, Alert.subject.in_(subjects))))


def _close(session: Session, *which: ColumnElement[bool], now: datetime) -> int:
    result = session.execute(
        update(Alert)
        .where(Alert.resolved_at.is_(None), *which)
        .values(resolved_at=now)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount
