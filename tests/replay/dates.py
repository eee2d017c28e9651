"""Write dates as feeds do: right, short, in words, ahead of time, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import format_datetime

_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()


def full(at: datetime) -> str:
    """Return a date as RFC 5322 wants it."""
    return format_datetime(at)


def two_digits(at: datetime) -> str:
    """Return a date of RFC 822, with a year of two digits and a named zone."""
    return f"{at - timedelta(hours=5):%a, %d %b %y %H:%M:%S} EST"


def in_words(at: datetime) -> str:
    """Return a date as people of another language write it."""
    return f"le {at.day} {_MONTHS[at.month - 1]} {at.year} à {at:%H}h{at:%M}"


def unreadable(_: datetime) -> str:
    """Return what no reader can turn into a date."""
    return "this morning"


def missing(_: datetime) -> str:
    """Return no date."""
    return ""


def soon(at: datetime) -> str:
    """Return a date some hours ahead: an article that is to appear then."""
    return format_datetime(at + timedelta(hours=5))


def far(at: datetime) -> str:
    """Return a date that is a slip of the pen."""
    return format_datetime(at + timedelta(days=400))


def long_ago(at: datetime) -> str:
    """Return the date of a piece from the archive."""
    return format_datetime(at - timedelta(days=40))


def iso(at: datetime) -> str:
    """Return a date of RFC 3339."""
    return at.isoformat().replace("+00:00", "Z")


def iso_without_zone(at: datetime) -> str:
    """Return a date that does not say of which zone it is."""
    return at.replace(tzinfo=None).isoformat()


Form = Callable[[datetime], str]
