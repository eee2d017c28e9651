"""Hold what a feed says of itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(days=7),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}


@dataclass(frozen=True, kw_only=True)
class Head:
    """Hold a feed's title and its wishes.

    ``hub`` and ``self_url``: where to subscribe to it, and under which name (WebSub). ``floor``: it wants to be asked
    no more often. ``skip_hours``: hours of the day in UTC in which it does not want to be asked, bit 0 = midnight.
    """

    title: str = ""
    hub: str = ""
    self_url: str = ""
    floor: timedelta = timedelta()
    skip_hours: int = 0


def floor_of(ttl: str, period: str, frequency: str) -> timedelta:
    """Return the shortest time between two looks that ``ttl`` (minutes) and the syndication module ask for.

    "Hourly, once" is what WordPress writes into every feed and nobody meant, so it asks for nothing.
    """
    minutes = _number(ttl) or 0
    often = _number(frequency) or 1
    each = _PERIODS.get(period.strip().lower(), timedelta()) / often
    is_default = often == 1 and period.strip().lower() == "hourly"
    return max(timedelta(minutes=minutes), timedelta() if is_default else each)


def hours_of(texts: Iterable[str]) -> int:
    """Return hours as bits; 24 is midnight, as in RSS 0.91."""
    hours = (_number(text) for text in texts)
    return sum({1 << hour % 24 for hour in hours if hour is not None and hour <= 24})


def _number(text: str) -> int | None:
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 6 else None
