"""Turn a cron expression in an IANA zone into instants.

Days on which the clocks change, as cronsim has them: a slot inside the missing hour happens once, at the first
instant after the gap; a slot inside the doubled hour happens once, at its first pass; an hourly slot happens at
every real hour. Expressions whose minute or hour begins with * go by real time altogether.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from newsletter.domain.errors import InvalidInput

# A slot found later than this is skipped with a reason: yesterday's morning digest is no news at night.
LATE_LIMIT = timedelta(hours=6)

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


def is_too_late(slot: datetime, *, now: datetime, limit: timedelta = LATE_LIMIT) -> bool:
    """Say whether a slot was found so late, after downtime, that its issue is skipped."""
    return now - slot > limit


def _bad_cron(message: str, *, hint: str) -> InvalidInput:
    return InvalidInput(message, hint=hint, reason="bad_cron")
