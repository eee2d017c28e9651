"""Turn a cron expression in an IANA zone into instants.

Days on which the clocks change, as cronsim has them: a slot inside the missing hour happens once, at the first
instant after the gap; a slot inside the doubled hour happens once, at its first pass; an hourly slot happens at
every real hour.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from newsletter.domain.errors import InvalidInput

# A slot found later than this is skipped with a reason: yesterday's morning digest is no news at night.
LATE_LIMIT = timedelta(hours=6)


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
    try:
        return next(CronSim(cron, local)).astimezone(UTC)
    except CronSimError as error:
        raise InvalidInput(
            f"{cron!r} is no cron expression: {error}.",
            hint='Give five fields, such as "0 7 * * 1-5" for weekdays at seven.',
            reason="bad_cron",
        ) from error
    except StopIteration as error:
        raise InvalidInput(
            f"{cron!r} has no slot in the next fifty years.",
            hint="Give a date that exists.",
            reason="bad_cron",
        ) from error


def is_too_late(slot: datetime, *, now: datetime, limit: timedelta = LATE_LIMIT) -> bool:
    """Say whether a slot was found so late, after downtime, that its issue is skipped."""
    return now - slot > limit
