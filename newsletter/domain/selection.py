"""Choose a reader's stories from the frozen, ranked candidates of an issue.

Two spaces of bits. Age space: bit k is article number ``highest - k``; histories and picks live there, because
recent articles are low bits and so masks stay short (measured: 12 octets a message). Rank space: bit r is the
candidate at rank r (0 = first in the mail); choosing lives there, because the lowest set bit is the best story.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

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


def rank(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Order candidates newest first; the article number decides between equals, so the order is total."""
    return sorted(candidates, key=lambda c: (c.dated_at, c.number), reverse=True)


def encode_picks(numbers: Iterable[int], *, highest: int) -> bytes:
    """Return picks in age space, trimmed to whole octets; b"" when nothing was picked."""
    mask = 0
    for number in numbers:
        mask |= 1 << (highest - number)
    return mask.to_bytes((mask.bit_length() + 7) // 8, "big")


def decode_picks(picks: bytes, *, highest: int) -> list[int]:
    """Return the article numbers of picks, newest first."""
    return [highest - k for k in _bits(int.from_bytes(picks, "big"))]


def join_history(history: int, picks: bytes, *, highest: int, highest_then: int) -> int:
    """Add the picks of an earlier (or later) mailing to a history in this mailing's age space.

    Articles newer than this mailing's highest fall off: they cannot be candidates.
    """
    shift = highest - highest_then
    mask = int.from_bytes(picks, "big")
    return history | (mask << shift if shift >= 0 else mask >> -shift)


class Chooser:
    """Choose stories for many readers from one frozen list of candidates."""

    def __init__(self, ranked: Sequence[Candidate], *, highest: int, maximum: int, cut_off: datetime) -> None:
        """Prepare the masks once per mailing; ``ranked`` in the order of the mail."""
        self._ranked = ranked
        self._highest = highest
        self._maximum = maximum
        self._to_rank = {c.number: 1 << r for r, c in enumerate(ranked)}
        self._candidates_in_age = sum(1 << (highest - c.number) for c in ranked)
        self._for_everyone = self._mask(lambda c: c.topics == 0)
        self._by_topic = [self._topic_mask(number) for number in range(64)]
        self._within = {cadence: self._reach_mask(REACH[cadence], cut_off) for cadence in Cadence}

    def choose(self, *, topics: int, cadence: Cadence, history: int) -> bytes:
        """Return the picks of a reader; b"" when there is nothing that the reader wants and has not had.

        ``topics`` is the mask of topics followed, 0 = all; ``history`` is in this mailing's age space.
        """
        left = self._wanted(topics) & self._within[cadence] & ~self._had(history)
        numbers = []
        for position in _bits(left):
            numbers.append(self._ranked[position].number)
            if len(numbers) == self._maximum:
                break
        return encode_picks(numbers, highest=self._highest)

    def in_order(self, picks: bytes) -> list[int]:
        """Return the article numbers of picks in the order of the mail."""
        numbers = [n for n in decode_picks(picks, highest=self._highest) if n in self._to_rank]
        return sorted(numbers, key=self._to_rank.__getitem__)

    def _wanted(self, topics: int) -> int:
        if topics == 0:
            return (1 << len(self._ranked)) - 1
        wanted = self._for_everyone
        for number in _bits(topics):
            wanted |= self._by_topic[number]
        return wanted

    def _had(self, history: int) -> int:
        had = 0
        for k in _bits(history & self._candidates_in_age):
            had |= self._to_rank[self._highest - k]
        return had

    def _mask(self, wanted: Callable[[Candidate], bool]) -> int:
        return sum(1 << r for r, c in enumerate(self._ranked) if wanted(c))

    def _topic_mask(self, number: int) -> int:
        return self._mask(lambda c: bool(c.topics >> number & 1))

    def _reach_mask(self, reach: timedelta | None, cut_off: datetime) -> int:
        if reach is None:
            return self._mask(lambda c: c.is_fresh)
        return self._mask(lambda c: c.is_fresh or c.seen_at > cut_off - reach)


def _bits(mask: int) -> Iterable[int]:
    """Yield the positions of set bits, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest
