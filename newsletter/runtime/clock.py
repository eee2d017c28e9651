"""Read the clock: the only module that does."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tell the time."""

    def now(self) -> datetime:
        """Return this instant as aware UTC."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""


class SystemClock:
    """Tell the machine's time."""

    def now(self) -> datetime:
        """Return this instant as aware UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()
