"""Choose for many readers at once, in a few passes over the candidates.

Each reader has an octet of their own in numbers as long as the crowd, so that one addition counts for all of them. A
counter begins so far below 128 that its highest bit says when it is full. What comes out is what ``Chooser`` chooses
for each reader alone (domain/selection.py), in less than half of the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from newsletter.domain.masks import bits_of
from newsletter.domain.subscriptions import Cadence

MOST_STORIES = 100  # of one mail: an octet counts to 127
_FULL = 7  # the bit of an octet that says that its counter is full
_NOBODY = 0


@dataclass(frozen=True, kw_only=True)
class Offer:
    """Hold what a candidate is to a crowd: masks of topics and of ages, groups with a maximum (0: none), cadences.

    ``within``: whose readers may be told it; ``top``: of those, who have it at the top.
    """

    topics: int
    told: int
    known_by: int
    section: int
    author: int
    within: frozenset[Cadence]
    top: frozenset[Cadence]


class Crowd:
    """Choose for many readers from candidates in the order of the mail."""

    def __init__(
        self, stories: Sequence[Offer], room: Sequence[int], *, maximum: int, outside_percent: int
    ) -> None:
        """Take the candidates; ``room`` says how many stories of each group a mail may have, of 0 any number."""
        self._stories = stories
        self._room = [0, *(min(most, maximum) for most in room[1:])]
        self._maximum = maximum
        self._reserved = maximum * outside_percent // 100
        self._shares = bytes(share(count, outside_percent, self._reserved) for count in range(256))
        self._is_filled = bytes(count == maximum - self._reserved for count in range(256))
        self._topics = reduce(or_, (story.topics for story in stories), 0)
        self._ages = reduce(or_, (story.known_by for story in stories), 0)
        self._pick_size = (max((story.told.bit_length() for story in stories), default=1) + 7) // 8
        self._told = [[divmod(age, 8) for age in bits_of(story.told)] for story in stories]
        self._known_by = [list(bits_of(story.known_by)) for story in stories]
        self._about = [list(bits_of(story.topics)) for story in stories]
        self._parts = {story.within for story in stories} | {story.top for story in stories}

    def choose(
        self, topics: Sequence[int], cadences: Sequence[Cadence], histories: Sequence[int]
    ) -> Iterator[tuple[bytes, int]]:
        """Return the picks of each reader and how many stories they tell; masks as for Chooser.choice."""
        mail = _Mail(self._room, size=len(topics), story_count=len(self._stories))
        own, outside = self._offered(mail, topics, cadences, histories)
        concerned = reduce(or_, outside, _NOBODY) if self._reserved else _NOBODY
        before = (128 - self._maximum) * mail.everybody + self._reserved * concerned
        own_counts = mail.fill(self._stories, own, before + mail.counts) - before
        if concerned:
            self._fill_up(mail, own, outside, own_counts, concerned)
        counts = mail.counts.to_bytes(mail.size, "little")
        return zip(self._picks(mail), counts, strict=True)

    def _offered(
        self, mail: _Mail, topics: Sequence[int], cadences: Sequence[Cadence], histories: Sequence[int]
    ) -> tuple[list[int], list[int]]:
        """Give the top to whom it is left; return who may be told each other story as their own, and from outside."""
        had = _columns(histories, self._ages, mail.everybody)
        follows = _columns(topics, self._topics, mail.everybody)
        wants_all = _marks(not mask for mask in topics)
        of_cadence = {each: _marks(cadence is each for cadence in cadences) for each in Cadence}
        of_part = {part: sum(of_cadence[each] for each in part) for part in self._parts}
        own, outside = [], []
        for place, story in enumerate(self._stories):
            left = of_part[story.within]
            for age in self._known_by[place]:
                left ^= left & had[age]
            if story.top:
                top = left & of_part[story.top]
                mail.take(place, story, top)
                left ^= top
            wanted = wants_all if story.topics else mail.everybody
            for topic in self._about[place]:
                wanted |= follows[topic]
            wanted &= left
            own.append(wanted)
            outside.append(left ^ wanted)
        return own, outside

    def _fill_up(
        self, mail: _Mail, own: Sequence[int], outside: Sequence[int], own_counts: int, concerned: int
    ) -> None:
        """Add the share from outside; where it is smaller than what was kept for it, more of the reader's own."""
        counts = own_counts.to_bytes(mail.size, "little")
        shares = int.from_bytes(counts.translate(self._shares), "little") & concerned * 255
        mail.fill(self._stories, outside, 128 * mail.everybody - shares)
        filled = int.from_bytes(counts.translate(self._is_filled), "little") & concerned
        if filled:
            more = [
                (each & filled) ^ (each & filled & chosen)
                for each, chosen in zip(own, mail.chosen, strict=True)
            ]
            mail.fill(self._stories, more, (128 - self._maximum) * mail.everybody + mail.counts)

    def _picks(self, mail: _Mail) -> list[bytes]:
        size = self._pick_size
        octets = [_NOBODY] * size
        for places, chosen in zip(self._told, mail.chosen, strict=True):
            if chosen:
                for octet, bit in places:
                    octets[octet] |= chosen << bit
        whole = bytearray(size * mail.size)
        for octet, column in enumerate(octets):
            whole[size - 1 - octet :: size] = column.to_bytes(mail.size, "little")
        return [bytes(whole[start : start + size]).lstrip(b"\0") for start in range(0, len(whole), size)]


class _Mail:
    """Hold the mails of a crowd: who has which story, how many, and how full the groups are."""

    def __init__(self, room: Sequence[int], *, size: int, story_count: int) -> None:
        self.size = size
        self.everybody = int.from_bytes(b"\1" * size, "little")
        self.counts = _NOBODY
        self.chosen = [_NOBODY] * story_count
        self._groups = [(128 - most) * self.everybody for most in room]
        self._groups[0] = _NOBODY  # never full

    def take(self, place: int, story: Offer, readers: int) -> None:
        """Put a story into the mails of readers, which have room for it."""
        self.chosen[place] |= readers
        self.counts += readers
        if story.section:
            self._groups[story.section] += readers
        if story.author:
            self._groups[story.author] += readers

    def fill(self, stories: Sequence[Offer], offered: Sequence[int], counter: int) -> int:
        """Give each story to those it is offered to, until their counter is full; return the counter."""
        groups, everybody_full = self._groups, self.everybody << _FULL
        for place, readers in enumerate(offered):
            if not readers:
                continue
            story = stories[place]
            full = counter | groups[story.section] | groups[story.author]
            readers ^= readers & full >> _FULL
            if readers:
                self.take(place, story, readers)
                counter += readers
                if counter & everybody_full == everybody_full:
                    break
        return counter


def share(count: int, percent: int, most: int) -> int:
    """Return how many more make ``percent`` of the whole, at most ``most``, when ``count`` are there."""
    return most if percent >= 100 else min(most, count * percent // (100 - percent))


def _marks(marks: Iterable[bool]) -> int:
    return int.from_bytes(bytes(marks), "little")


def _columns(masks: Sequence[int], wanted: int, everybody: int) -> dict[int, int]:
    """Return, for each bit that is set in ``wanted``, the readers in whose masks it is."""
    size = (wanted.bit_length() + 7) // 8
    whole = b"".join([(mask & wanted).to_bytes(size, "little") for mask in masks])
    octets = [int.from_bytes(whole[octet::size], "little") for octet in range(size)]
    return {bit: octets[bit // 8] >> bit % 8 & everybody for bit in bits_of(wanted)}
