"""Say when a source is asked again, and where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

INTERVAL = timedelta(minutes=15)  # news sites; most polls end with 304
INTERVAL_MIN = timedelta(minutes=1)
LEASE = timedelta(minutes=5)  # a fetch ends after 30 s; then an answer may wait for 199 others to be stored
FLOOR_MAX = timedelta(hours=1)  # a feed's own wish: many name a day because their software does
FAILURES_ALARMING = 5  # in a row: about five hours at the usual pace
ALL_HOURS = (1 << 24) - 1

_FAILURE_CAP = timedelta(hours=6)
_MISSING_FIRST, _MISSING_CAP = timedelta(hours=1), timedelta(hours=24)
_WAIT_MAX = timedelta(hours=24)  # longer orders are mistakes more often than wishes
_MAX_AGE = re.compile(r"\bmax-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_MAX_AGE_MAX = timedelta(hours=1)  # pages of servers with a day as their default would be a day late
_MOVE_COUNT, _MOVE_TIME = 3, timedelta(hours=24)  # a mistake in a server's settings is mended within a day
_MOVE_COUNT_MAX = 1_000


class Refusal(StrEnum):
    """Name what a status other than 200 and 304 says."""

    GONE = "gone"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    UNEXPECTED_STATUS = "unexpected_status"


_REFUSALS = {
    401: Refusal.FORBIDDEN,
    403: Refusal.FORBIDDEN,
    404: Refusal.NOT_FOUND,
    410: Refusal.GONE,
    429: Refusal.THROTTLED,
}


def refusal(status: int) -> Refusal | None:
    """Say what a status means for a source; None when the answer can be used."""
    if status in (200, 304):
        return None
    if status in _REFUSALS:
        return _REFUSALS[status]
    return Refusal.SERVER_ERROR if status >= 500 else Refusal.UNEXPECTED_STATUS


@dataclass(frozen=True)
class Move:
    """Hold where permanent redirects lead: ``count`` times in a row since ``since``."""

    url: str
    count: int
    since: datetime

    def is_settled(self, *, now: datetime) -> bool:
        """Say whether the source may be taken to be there: three times in a row, over a day at least."""
        return self.count >= _MOVE_COUNT and now - self.since >= _MOVE_TIME


def move(known: Move | None, permanent_url: str | None, *, now: datetime) -> Move | None:
    """Return where a source moves after one more answer; None where it was asked is where it stays."""
    if permanent_url is None:
        return None
    if known is None or known.url != permanent_url:
        return Move(permanent_url, 1, now)
    return Move(known.url, min(known.count + 1, _MOVE_COUNT_MAX), known.since)


def wait_after_success(
    pace: timedelta, *, cache_control: str, floor: timedelta = timedelta(), jitter: float
) -> timedelta:
    """Return how long to wait after an answer; never shorter than the server lets its answer be kept.

    ``floor`` is what the feed itself asks for. ``jitter`` in [0, 1) lengthens it by up to 10 %, so that sources do not
    fall due together.
    """
    age = _MAX_AGE.search(cache_control)
    kept = min(timedelta(seconds=int(age[1])), _MAX_AGE_MAX) if age else timedelta()
    return max(pace, kept, min(floor, FLOOR_MAX)) * (1 + jitter / 10)


def after_skipped_hours(at: datetime, skip_hours: int) -> datetime:
    """Return the first instant from ``at`` on in an hour that a feed does not want left out (RSS 2.0, skipHours).

    ``skip_hours``: bit 0 is the hour after midnight UTC. Who leaves out all hours means something else.
    """
    if skip_hours & ALL_HOURS == ALL_HOURS:
        return at
    while skip_hours >> at.hour & 1:
        at = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return at


def wait_after_failure(
    interval: timedelta, *, failures: int, is_missing: bool, retry_after: timedelta | None, jitter: float
) -> timedelta:
    """Return how long to wait after failure number ``failures`` (1, 2, ...) in a row.

    It doubles from the interval up to 6 h; for a document that ``is_missing``, from an hour up to a day.
    """
    first, cap = (_MISSING_FIRST, _MISSING_CAP) if is_missing else (interval, _FAILURE_CAP)
    wait = min(first * (1 << min(failures - 1, 16)), cap)
    return max(wait, retry_after or timedelta()) * (1 + jitter / 10)


def retry_after(text: str | None, *, now: datetime) -> timedelta | None:
    """Return the wait that a Retry-After header asks for (RFC 9110 §10.2.3), at most a day; None without one."""
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), _WAIT_MAX)
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return min(max(aware - now, timedelta()), _WAIT_MAX)
