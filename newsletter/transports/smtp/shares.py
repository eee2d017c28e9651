"""Share messages out among relays by weight: smooth weighted round robin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Shares:
    """Say whose turn it is. Over any stretch each gets its share, and 5:1:1 goes a a b a c a a."""

    def __init__(self, weights: Mapping[str, int]) -> None:
        self._weights = dict(weights)
        self._credits = dict.fromkeys(weights, 0)

    def due(self, names: Sequence[str]) -> str:
        """Return whose turn it is among those who can take one now."""
        return max(names, key=lambda name: self._credits[name] + self._weights[name])

    def served(self, name: str, names: Sequence[str]) -> None:
        """Book that ``name`` took one of those that ``names`` could have had; who could not has lost this turn."""
        for other in names:
            self._credits[other] += self._weights[other]
        self._credits[name] -= sum(self._weights[other] for other in names)
