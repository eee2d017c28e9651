"""Order stories by what editors, sources and readers say of them: whole numbers, compared one after the other.

What decides first stands first in ``Rank.key``; a later number matters only between equals. So that every place can be
told in a sentence, no number is a mixture of others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

_NOWHERE = 1 << 15  # behind every place of a feed


@dataclass(frozen=True, kw_only=True)
class Rank:
    """Hold what one article is ranked by.

    ``pin`` is an editor's place from the top, 1 = first. ``step`` counts the half lives since it came out. ``clicks``
    are those of people, older ones for less. ``position`` is its place in the feed, 0 = first.
    """

    number: int
    pin: int | None = None
    weight: int = 0
    importance: int = 0
    section_weight: int = 0
    step: int = 0
    clicks: int = 0
    position: int | None = None

    @property
    def key(self) -> tuple[int, ...]:
        """Return what is compared, the smallest first; article numbers differ, so the order is total."""
        return (
            -self.weight,
            -self.importance,
            -self.section_weight,
            self.step,
            -self.clicks,
            _NOWHERE if self.position is None else self.position,
            -self.number,
        )

    def as_dict(self) -> dict[str, int]:
        """Return what differs from an article that nobody says anything of, for keeping."""
        return {
            name: value for name, value in asdict(self).items() if value or (name, value) == ("position", 0)
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, int]) -> Rank:
        """Read what ``as_dict`` wrote; whatever else stands there is left alone."""
        known = {name: value for name, value in plain.items() if name in cls.__dataclass_fields__}
        return cls(**{"number": 0, **known})


def step(dated_at: datetime, *, at: datetime, half_life: timedelta) -> int:
    """Return how many half lives an article is old at an instant; 0 for one that is dated later."""
    return max((at - dated_at) // half_life, 0)


def order(ranks: Iterable[Rank]) -> list[Rank]:
    """Return ranks in the order of the mail: each pin at its place from the top, the rest around them by key.

    Of two with the same pin, the better one gets the place; a pin below the end stands at the end.
    """
    by_key = sorted(ranks, key=lambda rank: rank.key)
    placed = [rank for rank in by_key if rank.pin is None]
    for rank in sorted((rank for rank in by_key if rank.pin is not None), key=lambda rank: rank.pin or 0):
        taken = {each.number for each in placed if each.pin is not None}
        place = max((rank.pin or 1) - 1, 0)
        while place < len(placed) and placed[place].number in taken:
            place += 1
        placed.insert(place, rank)
    return placed


def sentence(rank: Rank) -> str:
    """Say in words what an article's place comes from, in the order in which it counts."""
    words = []
    if rank.pin is not None:
        words.append(f"pinned to place {rank.pin}")
    words += [
        f"{name} {value:+d}"
        for name, value in (
            ("editor's weight", rank.weight),
            ("importance", rank.importance),
            ("section", rank.section_weight),
        )
        if value
    ]
    words.append("newest step of age" if rank.step == 0 else f"{rank.step} steps of age down")
    if rank.clicks:
        words.append(f"{rank.clicks} clicks by people, older ones counted for less")
    if rank.position is not None:
        words.append(f"place {rank.position + 1} in its feed")
    return ", ".join([*words, f"article number {rank.number}"])
