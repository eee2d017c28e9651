"""Let single messages, such as confirmations, use the part of each rate that is kept for what is urgent."""

from __future__ import annotations

import time
from collections.abc import Sequence

from newsletter.domain.mailings import Lane
from newsletter.domain.outcomes import SmtpReply
from newsletter.runtime.clock import Clock
from newsletter.sending.throttle import Throttle

_PATIENCE = 1.0  # seconds for a token: the next message may be for a destination that has some
_NAP = 0.05  # seconds between two tries


class Pace:
    """Ask for a token before each message and tell how it ended, whichever relay will take it."""

    def __init__(self, throttle: Throttle, relay_names: Sequence[str], clock: Clock) -> None:
        """Take the throttle of this process."""
        self._throttle = throttle
        self._relay_names = relay_names
        self._clock = clock
        throttle.tick(clock.now())

    def may_go(self, domain_id: int | None) -> bool:
        """Wait for a token; False when none came, and the message had better wait in its row."""
        ends_at = time.monotonic() + _PATIENCE
        while not self._take(domain_id):
            if time.monotonic() >= ends_at:
                return False
            time.sleep(_NAP)
            self._throttle.tick(self._clock.now())
        return True

    def heard(self, domain_id: int | None, reply: SmtpReply) -> None:
        """Tell of a refusal: it may ask us to slow down."""
        self._throttle.heard(self._relay_names[0], domain_id, reply, now=self._clock.now())

    def _take(self, domain_id: int | None) -> bool:
        return any(self._throttle.take(name, domain_id, Lane.URGENT) for name in self._relay_names)
