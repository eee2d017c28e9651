"""Choose a reader's stories from the frozen, ranked candidates of an issue.

Two spaces of bits. Age space: bit k is article number ``highest - k``; histories and picks live there, because
recent articles are low bits and so masks stay short (measured: 12 octets a message). Rank space: bit r is the
candidate at rank r (0 = first in the mail); choosing lives there, because the lowest set bit is the best story.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice

from newsletter.domain.subscriptions import REACH, Cadence


@dataclass(frozen=True)
class Candidate:
    """Hold what choosing needs to know of one article.

    ``topics`` is a bit mask of topic numbers; 0 means that the article is for everyone.
    ``is_fresh``: first seen since the last issue. ``dated_at`` is when it came out, never later than it was seen.
    """

    number: int
    topics: int
    seen_at: datetime
    is_fresh: bool
    dated_at: datetime


_KNOWN_MAXIMUM = (
    1024  # choices remembered: those of a broadcast are few, and of the others hardly two are alike
)


def rank(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Order candidates newest first; the article number decides between equals, so the order is total."""
    return sorted(candidates, key=lambda c: (c.dated_at, c.number), reverse=True)


def encode_picks(numbers: Iterable[int], *, highest: int) -> bytes:
    """Return picks in age space, trimmed to whole octets; b"" when nothing was picked."""
    mask = 0
    for number in numbers:
        mask |= 1 << (highest - number)
    return _trimmed(mask)


def decode_picks(picks: bytes, *, highest: int) -> list[int]:
    """Return the article numbers of picks, newest first."""
    return [highest - k for k in _bits(int.from_bytes(picks, "big"))]


class History:
    """Hold what many readers have had of a newsletter, in one mailing's age space, and which issue was their newest.

    A mail that is late changes no rhythm, so an issue counts by its cut-off.
    """

    def __init__(self, *, highest: int) -> None:
        """Begin with nothing; ``highest`` is that of the mailing that is chosen for."""
        self._highest = highest
        self._masks: dict[int, int] = {}
        self._last_at: dict[int, datetime] = {}

    def add(self, had: Iterable[tuple[int, bytes]], *, highest_then: int, cut_off_at: datetime) -> None:
        """Add another mailing, those with older cut-offs first: the readers who had it, each with the picks.

        Articles newer than this mailing's highest fall off: they cannot be candidates.
        """
        shift = self._highest - highest_then
        masks, last_at, read = self._masks, self._last_at, int.from_bytes
        get = masks.get
        for reader, picks in had:
            mask = read(picks, "big")
            masks[reader] = get(reader, 0) | (mask << shift if shift >= 0 else mask >> -shift)
            last_at[reader] = cut_off_at

    def of(self, reader: int, *, signup_number: int | None) -> int:
        """Return the mask of a reader; the article that the reader signed up from counts as had."""
        mask = self._masks.get(reader, 0)
        if signup_number is not None and signup_number <= self._highest:
            mask |= 1 << (self._highest - signup_number)
        return mask

    def last_at(self, reader: int) -> datetime | None:
        """Return the cut-off of a reader's newest issue."""
        return self._last_at.get(reader)


class Chooser:
    """Choose stories for many readers from one frozen list of candidates.

    Millions of choices are made from one list: what does not depend on the reader is prepared, and the rest works
    on whole masks (benchmarks/choosing.py).
    """

    def __init__(self, ranked: Sequence[Candidate], *, highest: int, maximum: int, cut_off: datetime) -> None:
        """Prepare the masks once per mailing; ``ranked`` in the order of the mail."""
        self._highest = highest
        self._maximum = maximum
        self._rank_of = {c.number: r for r, c in enumerate(ranked)}
        self._to_age = _Translation({r: 1 << (highest - c.number) for r, c in enumerate(ranked)})
        self._known: dict[int, bytes] = {}
        self._everything = (1 << len(ranked)) - 1
        self._for_everyone = _mask(ranked, lambda c: c.topics == 0)
        self._of_topics = _Translation(_by_topic(ranked))
        self._within = {cadence: _reach_mask(ranked, REACH[cadence], cut_off) for cadence in Cadence}

    def choose(self, *, topics: int, cadence: Cadence, history: int) -> bytes:
        """Return the picks of a reader; b"" when there is nothing that the reader wants and has not had.

        ``topics`` is the mask of topics followed, 0 = all; ``history`` is in this mailing's age space.
        """
        wanted = self._for_everyone | self._of_topics(topics) if topics else self._everything
        left = wanted & self._within[cadence]
        if history:
            left &= ~self._to_rank(history)
        picks = self._known.get(left)
        if picks is None:
            picks = _trimmed(self._to_age.of_lowest(left, self._maximum))
            if len(self._known) >= _KNOWN_MAXIMUM:
                self._known.clear()
            self._known[left] = picks
        return picks

    def in_order(self, picks: bytes) -> list[int]:
        """Return the article numbers of picks in the order of the mail."""
        numbers = [n for n in decode_picks(picks, highest=self._highest) if n in self._rank_of]
        return sorted(numbers, key=self._rank_of.__getitem__)

    @cached_property
    def _to_rank(self) -> _Translation:
        """Take masks from age space to rank space; made when the first history is met: pages meet none."""
        return _Translation({self._highest - number: 1 << r for number, r in self._rank_of.items()})


class _Translation:
    """Take masks from one space of bits to another: each bit set stands for a mask there, and they are joined.

    Eight bits are looked up at a time. A history of a week has a hundred bits set, and one step for each would be
    most of the work of choosing.
    """

    def __init__(self, meanings: Mapping[int, int]) -> None:
        """Take the mask that each bit stands for; bits without one stand for nothing."""
        self._known = sum(1 << position for position in meanings)
        self._size = (self._known.bit_length() + 7) // 8
        octets = sorted({position // 8 for position in meanings})
        self._tables = [(octet, _table(meanings, octet)) for octet in octets]

    def __call__(self, bits: int) -> int:
        """Return the union of what the bits stand for."""
        octets = (bits & self._known).to_bytes(self._size, "little")
        union = 0
        for octet, table in self._tables:
            union |= table[octets[octet]]
        return union

    def of_lowest(self, bits: int, count: int) -> int:
        """Return the union of what the lowest ``count`` bits stand for."""
        octets = (bits & self._known).to_bytes(self._size, "little")
        union = 0
        for octet, table in self._tables:
            eight = octets[octet]
            if (size := _SIZE[eight]) >= count:
                return union | table[_LOWEST[count][eight]]
            union |= table[eight]
            count -= size
        return union


def _table(meanings: Mapping[int, int], octet: int) -> list[int]:
    """Return what each of the 256 values of an octet stands for."""
    table = [0]
    for position in range(octet * 8, octet * 8 + 8):
        meaning = meanings.get(position, 0)
        table += [union | meaning for union in table]
    return table


def _mask(ranked: Sequence[Candidate], is_wanted: Callable[[Candidate], bool]) -> int:
    return sum(1 << r for r, c in enumerate(ranked) if is_wanted(c))


def _by_topic(ranked: Sequence[Candidate]) -> dict[int, int]:
    masks: dict[int, int] = {}
    for r, candidate in enumerate(ranked):
        for topic in _bits(candidate.topics):
            masks[topic] = masks.get(topic, 0) | 1 << r
    return masks


def _reach_mask(ranked: Sequence[Candidate], reach: timedelta | None, cut_off: datetime) -> int:
    if reach is None:
        return _mask(ranked, lambda c: c.is_fresh)
    return _mask(ranked, lambda c: c.is_fresh or c.seen_at > cut_off - reach)


def _bits(mask: int) -> Iterator[int]:
    """Yield the positions of set bits, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def _trimmed(mask: int) -> bytes:
    return mask.to_bytes((mask.bit_length() + 7) // 8, "big")


# Of each octet: how many bits are set; of each count up to eight: what is left of each octet with its lowest bits.
_SIZE = [octet.bit_count() for octet in range(256)]
_LOWEST = [
    [sum(1 << position for position in islice(_bits(octet), count)) for octet in range(256)]
    for count in range(9)
]
