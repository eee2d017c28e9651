"""Keep what was learned of destinations: every worker hears for itself, and the row is the truth for all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from newsletter.domain import rates, throttling
from newsletter.domain.errors import NotFound
from newsletter.domain.outcomes import SmtpReply
from newsletter.domain.rates import Pace
from newsletter.domain.throttling import Throttling
from newsletter.store import inserts
from newsletter.store.tables import Destination

EVERY_RELAY = ""  # as the name of a relay
THE_RELAY = ""  # as the name of a group


def limiting(session: Session, *, now: datetime) -> list[Destination]:
    """Return what may not be sent to as fast as one likes."""
    return list(
        session.scalars(
            select(Destination)
            .where(
                or_(
                    Destination.rate.is_not(None),
                    Destination.limit_rate.is_not(None),
                    Destination.suspended_until > now,
                )
            )
            .execution_options(populate_existing=True)
        )
    )


def hit(
    session: Session,
    relay: str,
    group: str,
    said: Throttling,
    reply: SmtpReply,
    *,
    observed: float,
    now: datetime,
) -> bool:
    """Note a throttling reply; False when it tells of what another worker has noted already.

    ``observed`` is how many messages went there in the last minute.
    """
    row = _locked(session, relay, group, now=now)
    before = _pace(row)
    after = rates.slow_down(before, said, observed=observed, now=now)
    if after == before:
        return False
    _write(row, after, now=now)
    row.last_reply = throttling.told(reply)
    return True


def grow(session: Session, relay: str, group: str, *, now: datetime) -> None:
    """Raise a rate after a clean minute, once for all workers."""
    row = _locked(session, relay, group, now=now)
    before = _pace(row)
    after = rates.speed_up(before, now=now)
    if after != before:
        _write(row, after, now=now)


def listing(session: Session) -> list[Destination]:
    """Return all destinations that ever throttled or were limited, those in trouble first."""
    return list(
        session.scalars(
            select(Destination).order_by(
                Destination.fault.is_(None),
                Destination.suspended_until.is_(None),
                Destination.mx_group,
                Destination.relay,
            )
        )
    )


def of_name(session: Session, name: str) -> Sequence[Destination]:
    """Return the rows of a group, one for each relay that learned something, or the one of a relay."""
    return session.scalars(_named(name)).all()


def named(session: Session, name: str) -> Sequence[Destination]:
    """Return the rows of a group or relay, which nobody else changes until the transaction ends; raise NotFound."""
    found = session.scalars(_named(name).with_for_update().execution_options(populate_existing=True)).all()
    if not found:
        raise NotFound(
            f"Nothing is known of a destination {name!r}: it has never throttled and has no limit.",
            hint="See those that did with: newsletter destinations list",
            reason="unknown_destination",
        )
    return found


def resume(session: Session, name: str, *, now: datetime, is_forgiven: bool = False) -> None:
    """Let mail go to a destination again, at the rate that was learned; ``is_forgiven`` forgets that as well."""
    for row in named(session, name):
        row.suspended_until, row.fault, row.hits, row.last_hit_at = None, None, 0, None
        if is_forgiven:
            row.rate = None
        row.grows_at = None if row.rate is None else now + rates.MINUTE
        row.updated_at = now


def limit(session: Session, group: str, rate: float | None, *, now: datetime) -> None:
    """Let no more than ``rate`` messages a minute go to a group, over all relays; None lifts the limit."""
    if rate is None:
        named(session, group)
    row = _locked(session, EVERY_RELAY, group, now=now)
    row.limit_rate, row.updated_at = rate, now


def _named(name: str) -> Select[Destination]:
    is_relay = and_(Destination.relay == name, Destination.mx_group == THE_RELAY)
    return select(Destination).where(or_(Destination.mx_group == name, is_relay)).order_by(Destination.relay)


def _locked(session: Session, relay: str, group: str, *, now: datetime) -> Destination:
    """Return a row, made when there is none, that nobody else changes until the transaction ends."""
    wanted = select(Destination).where(Destination.relay == relay, Destination.mx_group == group)
    wanted = wanted.with_for_update().execution_options(populate_existing=True)
    row = session.scalars(wanted).one_or_none()
    if row is None:
        new = {"relay": relay, "mx_group": group, "updated_at": now}
        inserts.missing(session, Destination, [new], returning=Destination.relay)
        row = session.scalars(wanted).one()
    return row


def _pace(row: Destination) -> Pace:
    return Pace(
        rate=row.rate,
        suspended_until=row.suspended_until,
        hits=row.hits,
        last_hit_at=row.last_hit_at,
        grows_at=row.grows_at,
        fault=row.fault,
    )


def _write(row: Destination, pace: Pace, *, now: datetime) -> None:
    row.rate, row.suspended_until, row.hits = pace.rate, pace.suspended_until, pace.hits
    row.last_hit_at, row.grows_at, row.fault = pace.last_hit_at, pace.grows_at, pace.fault
    row.updated_at = now
