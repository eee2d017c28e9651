"""Say when to try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from newsletter.domain import throttling
from newsletter.domain.outcomes import SmtpReply
from newsletter.domain.throttling import Throttling

_FEW = 3  # waits that a server may choose by itself; greylisting ends at the second try, or it never does


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """Double the wait after each refusal until a cap, within a lifetime.

    Defaults: 10, 20, 40, 80, 160 min, then every 3 h, for 24 h: a digest is stale sooner than the four days of
    RFC 5321 §4.5.4.1.
    """

    first: timedelta = timedelta(minutes=10)
    cap: timedelta = timedelta(hours=3)
    lifetime: timedelta = timedelta(hours=24)

    def delay(
        self,
        attempt: int,
        *,
        age: timedelta,
        jitter: float,
        reply: SmtpReply | None = None,
        lifetime: timedelta | None = None,
    ) -> timedelta | None:
        """Return how long to wait after attempt number ``attempt`` (1, 2, ...); None when the message expires.

        ``age`` is the time since the first attempt. ``jitter`` in [0, 1) spreads the delay by up to 20 % either
        way. ``reply`` is the refusal: what it asks for is done. ``lifetime``: how long the message is of use, as
        until the next issue, when that is shorter.
        """
        asked = throttling.read(reply) if reply is not None else None
        if asked is not None and 0 < asked.retries_most < attempt:
            return None
        wait = self._wait(attempt, asked, jitter)
        longest = self.lifetime if lifetime is None else min(self.lifetime, lifetime)
        return wait if age + wait <= longest else None

    def _wait(self, attempt: int, asked: Throttling | None, jitter: float) -> timedelta:
        usual = min(self.first * (1 << min(attempt - 1, 16)), self.cap) * (0.8 + 0.4 * jitter)
        if asked is None:
            return usual
        if asked.retry_after is not None:
            wait = asked.retry_after + asked.retry_spread * jitter
            return wait if attempt <= _FEW else max(wait, usual)
        if asked.stops_at_once and asked.pause is not None:
            return max(usual, asked.pause)
        return usual


MESSAGES = RetryPolicy()
NOTICES = RetryPolicy(first=timedelta(seconds=30), cap=timedelta(hours=1))
UNCERTAIN_WAIT = timedelta(minutes=30)  # after a connection that was lost behind the final dot (RFC 1047)
