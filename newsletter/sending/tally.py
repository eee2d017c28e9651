"""Count what was accepted in the last minute, by relay and domain."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

_MINUTE = timedelta(minutes=1)
_SHORTEST = timedelta(seconds=10)  # a second of a drain says little of a minute

Counts = defaultdict[str, defaultdict[int | None, int]]


class Tally:
    """Hold the counts of the last minute, in slots of some seconds; ``current`` is written by whoever counts."""

    def __init__(self, *, now: datetime) -> None:
        self._slots: deque[tuple[datetime, Counts]] = deque()
        self._begun_at = now
        self.current = _empty()

    def turn(self, now: datetime) -> Mapping[str, Mapping[int | None, int]]:
        """Begin a new slot; return the one that ends."""
        ended = self.current
        self.current = _empty()
        self._slots.append((now, ended))
        while self._slots and self._slots[0][0] <= now - _MINUTE:
            self._begun_at = self._slots.popleft()[0]
        return ended

    def per_minute(self, relay: str, domain_ids: Collection[int | None] | None, *, now: datetime) -> float:
        """Return how many messages a minute went to some domains, None: to all, over a relay, "": over all."""
        slots = [*(counts for _, counts in self._slots), self.current]
        count = sum(
            number
            for counts in slots
            for name, by_domain in counts.items()
            if relay in {"", name}
            for domain_id, number in by_domain.items()
            if domain_ids is None or domain_id in domain_ids
        )
        elapsed = min(max(now - self._begun_at, _SHORTEST), _MINUTE)
        return count * (_MINUTE / elapsed)


def _empty() -> Counts:
    return defaultdict(_zeros)


def _zeros() -> defaultdict[int | None, int]:
    return defaultdict(int)
