"""Turn a cron expression in an IANA zone into instants.

Days on which the clocks change, as cronsim has them: a slot inside the missing hour happens once, at the first
instant after the gap; a slot inside the doubled hour happens once, at its first pass; an hourly slot happens at
every real hour. Expressions whose minute or hour begins with * go by real time altogether. Users read it in
docs/schedules.md.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from newsletter.domain.errors import InvalidInput

# A slot found later than this is skipped with a reason: yesterday's morning digest is no news at night.
LATE_LIMIT = timedelta(hours=6)

LEAD_MAXIMUM = timedelta(hours=48)  # between an issue's planning and its cut-off, as the rules allow

_FIVE_FIELDS = 'Give five fields, such as "0 7 * * 1-5" for weekdays at seven.'


def zone(name: str) -> ZoneInfo:
    """Return the IANA zone of that name; raise InvalidInput when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(
            f"There is no time zone {name!r}.",
            hint="Use an IANA name such as Europe/Berlin.",
            reason="unknown_zone",
        ) from error


@cache
def zone_names() -> tuple[str, ...]:
    """Return the zones that people choose from: those of places, and UTC."""
    areas = (
        "Africa",
        "America",
        "Antarctica",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
    )
    named = (name for name in available_timezones() if name.partition("/")[0] in areas and "/" in name)
    return (*sorted(named), "UTC")


def next_slot(cron: str, zone_name: str, *, after: datetime) -> datetime:
    """Return the first slot later than ``after``, in UTC."""
    local = after.astimezone(zone(zone_name))
    if len(cron.split()) != 5:  # cronsim would take a sixth field, for seconds
        raise _bad_cron(f"{cron!r} is no cron expression: wrong number of fields.", hint=_FIVE_FIELDS)
    try:
        # Asked in the second pass of a doubled hour, cronsim names the slots of the first again.
        return next(slot for each in CronSim(cron, local) if (slot := each.astimezone(UTC)) > after)
    except CronSimError as error:
        raise _bad_cron(f"{cron!r} is no cron expression: {error}.", hint=_FIVE_FIELDS) from error
    except StopIteration as error:
        raise _bad_cron(
            f"{cron!r} has no slot in the next fifty years.", hint="Give a date that exists."
        ) from error


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Hold what people want to know of one slot.

    ``local`` is the clock of its schedule's zone. ``shift`` is by how much the clocks change on that day, 0 on all
    others; ``is_moved``: its own time is missing on that day. ``is_holiday``: no issue goes out.
    """

    at: datetime
    local: datetime
    shift: timedelta
    is_moved: bool
    is_holiday: bool


def slots(
    cron: str,
    zone_name: str,
    *,
    after: datetime,
    count: int,
    holidays: Collection[date] = (),
    holiday_zone: str | None = None,
) -> list[Slot]:
    """Return the next slots; ``holidays`` are days of ``holiday_zone``, which is the schedule's own unless given."""
    found: list[Slot] = []
    own = zone(zone_name)
    for _ in range(count):
        after = next_slot(cron, zone_name, after=after)
        found.append(
            Slot(
                at=after,
                local=after.astimezone(own),
                shift=shift_of_day(after, zone_name),
                is_moved=_is_moved(cron, after.astimezone(own)),
                is_holiday=is_holiday(after, holidays, zone_name=holiday_zone or zone_name),
            )
        )
    return found


def is_holiday(slot: datetime, holidays: Collection[date], *, zone_name: str) -> bool:
    """Say whether a slot falls on a day without an issue, by the calendar of a zone."""
    return bool(holidays) and slot.astimezone(zone(zone_name)).date() in holidays


def shift_of_day(instant: datetime, zone_name: str) -> timedelta:
    """Return by how much the clocks of a zone change on the day of an instant: +1 h in spring, 0 on most days."""
    own = zone(zone_name)
    day = instant.astimezone(own).date()
    begins, ends = (datetime.combine(each, time(), own) for each in (day, day + timedelta(days=1)))
    return (ends.utcoffset() or timedelta()) - (begins.utcoffset() or timedelta())


def instant(text: str, zone_name: str) -> datetime:
    """Read an instant such as 2026-12-24T17:00; without an offset it is by the clocks of a zone. Raise InvalidInput."""
    try:
        found = datetime.fromisoformat(text.strip())
        return found.astimezone(UTC) if found.tzinfo else strike(found, zone(zone_name))
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{text!r} is no time.",
            hint="Write it as 2026-12-24T17:00 or 2026-12-24T17:00+01:00.",
            reason="bad_time",
        ) from error


def local_midnight(day: date, zone_name: str) -> datetime:
    """Return the first instant of a day in a zone, in UTC: where midnight is missing, that is after the gap."""
    own = zone(zone_name)
    return strike(datetime.combine(day, time()), own)


def strike(local: datetime, own: ZoneInfo) -> datetime:
    """Return when clocks of a zone show a local time: the first pass of a doubled one, the end of the gap of a missing.

    In UTC; ``local`` is naive.
    """
    instant = local.replace(tzinfo=own, fold=0).astimezone(UTC)
    if instant.astimezone(own).replace(tzinfo=None) == local:
        return instant
    # In a gap, fold 0 counts with the offset before it and fold 1 with the one after it: the later offset leads to
    # an instant before the gap, and the time that is missing up to ``local`` stands between the two.
    before, after = (local.replace(tzinfo=own, fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return _end_of_gap(instant - (after - before), instant, own)


def next_strike(at: time, own: ZoneInfo, *, after: datetime) -> datetime:
    """Return the first instant from ``after`` on at which clocks of a zone strike a local time."""
    day = after.astimezone(own).date() - timedelta(days=1)
    while True:
        instant = strike(datetime.combine(day, at), own)
        if instant >= after:
            return instant
        day += timedelta(days=1)


def is_too_late(slot: datetime, *, now: datetime, limit: timedelta = LATE_LIMIT) -> bool:
    """Say whether a slot was found so late, after downtime, that its issue is skipped."""
    return now - slot > limit


def _is_moved(cron: str, local: datetime) -> bool:
    """Say whether a slot stands where the expression has none, as it does right after a gap."""
    shown = local.replace(tzinfo=None, fold=0)
    return next(CronSim(cron, shown - timedelta(minutes=1))) != shown


def _end_of_gap(low: datetime, high: datetime, own: ZoneInfo) -> datetime:
    """Return the first instant with the later offset, to the second; ``low`` has the earlier one."""
    offset = low.astimezone(own).utcoffset()
    seconds = int((high - low).total_seconds())
    first, last = 0, seconds
    while last - first > 1:
        middle = (first + last) // 2
        if (low + timedelta(seconds=middle)).astimezone(own).utcoffset() == offset:
            first = middle
        else:
            last = middle
    return low + timedelta(seconds=last)


def _bad_cron(message: str, *, hint: str) -> InvalidInput:
    return InvalidInput(message, hint=hint, reason="bad_cron")
