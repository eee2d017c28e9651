"""Keep to the maxima of sections and authors in one mail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

_Key = TypeVar("_Key", int, str)
_Entry = tuple[int, int, int]  # a rank, the group of its section, that of its author
_ANY_NUMBER = 1 << 62


class Maxima:
    """Know of which section and author each candidate is, and how many of each one mail may have."""

    def __init__(self, ranked: Sequence[tuple[int | None, str]], *, section: int, author: int) -> None:
        """Take section and author of each candidate, and the maxima; at 0 one is off.

        ``room`` says how many of each group a mail may have; ``groups``, of each rank, those of section and author.
        """
        of_section: dict[int, int] = {}
        of_author: dict[str, int] = {}
        self.room = [_ANY_NUMBER]  # of group 0, in which are all that no maximum concerns
        self.groups: list[_Entry] = []
        for r, (number, name) in enumerate(ranked):
            in_section = self._group(of_section, number, section) if number is not None else 0
            by_author = self._group(of_author, name.casefold(), author) if name else 0
            self.groups.append((r, in_section, by_author))
        self.has_any = len(self.room) > 1
        # For each octet of a mask and each of its values: the ranks that are set, each with its groups.
        self._entries = [_entries(self.groups[start : start + 8]) for start in range(0, len(ranked), 8)]

    def _group(self, known: dict[_Key, int], key: _Key, maximum: int) -> int:
        """Return the group of a section or an author, a new one for one not met yet."""
        if maximum and key not in known:
            known[key] = len(self.room)
            self.room.append(maximum)
        return known.get(key, 0)

    def walk(self) -> Walk:
        """Begin a mail."""
        return Walk(self._entries, self.room.copy())


class Walk:
    """Take the best stories one by one, so that no section and no author has more than its share of one mail."""

    __slots__ = ("_entries", "_room", "ranks")

    def __init__(self, entries: Sequence[Sequence[Sequence[_Entry]]], room: list[int]) -> None:
        self.ranks: list[int] = []
        self._entries = entries
        self._room = room

    def take(self, left: int, count: int) -> None:
        """Take up to ``count`` of the ranks that are left, lowest first."""
        if not left or count <= 0:
            return
        room, take = self._room, self.ranks.append
        octets = left.to_bytes((left.bit_length() + 7) // 8, "little")
        for table, octet in zip(self._entries, octets, strict=False):  # the octets end with the last rank
            for r, section, author in table[octet]:
                if room[section] and room[author]:
                    room[section] -= 1
                    room[author] -= 1
                    take(r)
                    count -= 1
                    if not count:
                        return


def _entries(eight: Sequence[_Entry]) -> list[tuple[_Entry, ...]]:
    """Return what each of the 256 values of an octet has set."""
    table: list[tuple[_Entry, ...]] = [()]
    for entry in eight:
        table += [(*lower, entry) for lower in table]
    return table
