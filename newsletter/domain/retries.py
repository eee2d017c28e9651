"""Say when to try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Double the wait after each refusal until a cap, within a lifetime.

    Defaults: 10, 20, 40, 80, 160 min, then every 3 h, for 24 h: a digest is stale sooner than the four days of
    RFC 5321 §4.5.4.1.
    """

    first: timedelta = timedelta(minutes=10)
    cap: timedelta = timedelta(hours=3)
    lifetime: timedelta = timedelta(hours=24)

    def delay(self, attempt: int, *, age: timedelta, jitter: float) -> timedelta | None:
        """Return how long to wait after attempt number ``attempt`` (1, 2, ...); None when the message expires.

        ``age`` is the time since the first attempt. ``jitter`` in [0, 1) spreads the delay by up to 20 % either
        way.
        """
        wait = min(self.first * 2 ** min(attempt - 1, 16), self.cap) * (0.8 + 0.4 * jitter)
        return wait if age + wait <= self.lifetime else None


MESSAGES = RetryPolicy()
NOTICES = RetryPolicy(first=timedelta(seconds=30), cap=timedelta(hours=1))
UNCERTAIN_WAIT = timedelta(minutes=30)  # after a connection that was lost behind the final dot (RFC 1047)
