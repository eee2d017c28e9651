"""Say when a relay that failed may be tried again: a circuit breaker, as arithmetic on its state and the time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

# Seconds to wait after the first, second, ... failure in a row: a restart of the relay costs a second or two,
# and one that is down for long is asked every five minutes.
PAUSES = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)


class Passage(Enum):
    """Say whether work may go through."""

    FREE = auto()  # closed: nothing is wrong
    BARRED = auto()  # open: wait
    TRIAL = auto()  # half-open: one attempt, whose result decides


@dataclass(frozen=True)
class Breaker:
    """Count the failures in a row. ``barred_until`` is on whatever clock the caller reads, in seconds."""

    failures: int = 0
    barred_until: float = 0.0
    is_on_trial: bool = False

    def passage(self, now: float) -> Passage:
        """Return what may go through now."""
        if not self.failures:
            return Passage.FREE
        if self.is_on_trial or now < self.barred_until:
            return Passage.BARRED
        return Passage.TRIAL

    def on_trial(self) -> Breaker:
        """Return the state while the one attempt is under way."""
        return Breaker(self.failures, self.barred_until, is_on_trial=True)

    def undecided(self) -> Breaker:
        """Return the state after an attempt that proved nothing: the next one may begin at once."""
        return Breaker(self.failures, self.barred_until)

    def failed(self, now: float) -> Breaker:
        """Return the state after a failure.

        What was begun before the breaker opened and fails behind it is the same failure, and does not count again.
        """
        if self.failures and not self.is_on_trial:
            return self
        pause = PAUSES[min(self.failures, len(PAUSES) - 1)]
        return Breaker(self.failures + 1, now + pause)

    def succeeded(self) -> Breaker:
        """Return the state after a success."""
        return Breaker()
