"""Hold the tokens that this process has taken of limited rates, where each message is asked for in no time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from newsletter.domain import rates
from newsletter.domain.mailings import Lane
from newsletter.domain.rates import Ask, Lot

Key = tuple[str, str]  # relay and destination group, as in the table of destinations

_SOONEST = timedelta(seconds=1)  # until a reader who is left is looked at again
_QUIET_TICKS = 4  # a second in which nobody asked: whoever was let in has gone, or will not come


class Gate:
    """Let as many messages through as it has tokens; none while it is suspended.

    ``rate`` in messages a second; None: as many as like. ``until``: the end of its suspension. ``accepted`` counts
    clean 2xx since the rate last changed.
    """

    __slots__ = (
        "_bulk",
        "_is_asked",
        "_let_in",
        "_quiet_ticks",
        "_urgent",
        "_wants_bulk",
        "_wants_urgent",
        "accepted",
        "is_suspended",
        "key",
        "rate",
        "until",
    )

    def __init__(self, key: Key) -> None:
        self.key = key
        self.rate: float | None = None
        self.until: datetime | None = None
        self.is_suspended = False
        self.accepted = 0
        self._bulk = self._urgent = 0
        self._wants_bulk = self._wants_urgent = self._is_asked = False
        self._let_in = self._quiet_ticks = 0

    def set(self, *, rate: float | None, until: datetime | None, now: datetime) -> None:
        """Take over what is known now; tokens in hand stay."""
        self.rate, self.until = rate, until
        self.is_suspended = until is not None and now < until

    def has(self, lane: Lane) -> bool:
        """Say whether a message may go, and remember that one wants to."""
        if self.is_suspended:
            return False
        if self.rate is None:
            return True
        self._is_asked = True
        if lane is Lane.URGENT:
            self._wants_urgent = True
            return self._urgent > 0 or self._bulk > 0
        self._wants_bulk = True
        return self._bulk > 0

    def spend(self, lane: Lane) -> None:
        """Use a token for a message that may go."""
        if self.rate is None:
            return
        if lane is Lane.URGENT and self._urgent > 0:
            self._urgent -= 1
        else:
            self._bulk -= 1
        if self._let_in:
            self._let_in -= 1

    def has_room(self, lane: Lane) -> bool:
        """Say whether one more reader would find a token within a second, besides those let in before.

        One may always come in and look: whoever finds none is given back.
        """
        if self.is_suspended:
            return False
        if self.rate is None:
            return True
        self._wants_bulk = True
        tokens, share = self._bulk, self.rate * (1 - rates.RESERVE)
        if lane is Lane.URGENT:
            self._wants_urgent = True
            tokens, share = tokens + self._urgent, self.rate
        return self._let_in + 1 <= tokens + max(1.0, share)

    def let_in(self) -> None:
        """Count a reader who will want a token."""
        self._let_in += 1

    def opens_at(self, now: datetime) -> datetime:
        """Return when it is worth asking again."""
        if self.is_suspended:
            return max(self.until or now, now + _SOONEST)
        if self.rate is None:
            return now
        return now + max(_SOONEST, timedelta(seconds=1 / (self.rate * (1 - rates.RESERVE))))

    def tick(self, now: datetime) -> None:
        """Open when a suspension is over; forget whom it let in and who never came."""
        if self.until is not None:
            self.is_suspended = now < self.until
        self._quiet_ticks = 0 if self._is_asked else self._quiet_ticks + 1
        self._is_asked = False
        if self._quiet_ticks >= _QUIET_TICKS:
            self._let_in = 0

    def ask(self, elapsed: float) -> Ask | None:
        """Return what is wanted for the next quarter of a second; None: nothing."""
        if self.is_suspended or self.rate is None:
            return None
        size = rates.lot_size(self.rate, elapsed)
        bulk = max(0, size - self._bulk) if self._wants_bulk else 0
        urgent = max(0, size - self._urgent) if self._wants_urgent else 0
        self._wants_bulk = self._wants_urgent = False
        return Ask("|".join(self.key), self.rate, bulk, urgent) if bulk or urgent else None

    def add(self, lot: Lot) -> None:
        """Take tokens in hand."""
        self._bulk += lot.bulk
        self._urgent += lot.urgent


class RelayGates:
    """Hold the gates that a message meets at one relay: the relay's own, and those of its destination."""

    def __init__(self, own: Gate | None = None) -> None:
        self._own = own
        self._of: dict[int | None, tuple[Gate, ...]] = {}

    def add(self, gate: Gate, domain_ids: Iterable[int | None]) -> None:
        """Put a gate before some domains."""
        for domain_id in domain_ids:
            self._of[domain_id] = (*self._of.get(domain_id, ()), gate)

    def take(self, domain_id: int | None, lane: Lane) -> bool:
        """Let a message through all its gates, or through none."""
        own, gates = self._own, self._of.get(domain_id, ())
        may_go = True
        for gate in gates:
            may_go = gate.has(lane) and may_go  # each shall know who waits
        if not may_go or (own is not None and not own.has(lane)):
            return False
        if own is not None:
            own.spend(lane)
        for gate in gates:
            gate.spend(lane)
        return True

    def of(self, domain_id: int | None) -> tuple[Gate, ...]:
        """Return the gates of a destination."""
        return self._of.get(domain_id, ())

    def count(self, domain_id: int | None, accepted: int) -> None:
        """Hear how many messages of a domain were accepted."""
        for gate in self._of.get(domain_id, ()):
            gate.accepted += accepted
        if self._own is not None:
            self._own.accepted += accepted
