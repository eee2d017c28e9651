"""Say when a source is asked again."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

INTERVAL = timedelta(minutes=15)  # news sites; most polls end with 304
INTERVAL_MIN = timedelta(minutes=1)
LEASE = timedelta(minutes=2)  # a fetch ends after 30 s, reading and storing after a few more

_FAILURE_CAP = timedelta(hours=6)
_MISSING_FIRST, _MISSING_CAP = timedelta(hours=1), timedelta(hours=24)
_WAIT_MAX = timedelta(hours=24)  # longer orders are mistakes more often than wishes
_MAX_AGE = re.compile(r"\bmax-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_MAX_AGE_MAX = timedelta(hours=1)  # pages of servers with a day as their default would be a day late


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


def wait_after_success(interval: timedelta, *, cache_control: str, jitter: float) -> timedelta:
    """Return how long to wait after an answer; never shorter than the server lets its answer be kept.

    ``jitter`` in [0, 1) lengthens it by up to 10 %, so that sources do not fall due together.
    """
    age = _MAX_AGE.search(cache_control)
    floor = min(timedelta(seconds=int(age[1])), _MAX_AGE_MAX) if age else timedelta()
    return max(interval, floor) * (1 + jitter / 10)


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
