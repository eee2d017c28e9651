"""Stand still, and move on when told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday


class FixedClock:
    """Tell one instant until it is advanced."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now
        self._seconds = 0.0

    def now(self) -> datetime:
        """Return the instant."""
        return self._now

    def monotonic(self) -> float:
        """Return the seconds advanced so far."""
        return self._seconds

    def advance(self, step: timedelta) -> datetime:
        """Move on and return the new instant."""
        self._now += step
        self._seconds += step.total_seconds()
        return self._now
