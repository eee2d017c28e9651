"""Choose a reader's stories from the frozen, ranked candidates of an issue.

Two spaces of bits. Age space: bit k is article number ``highest - k``; histories and picks live there, because
recent articles are low bits and so masks stay short (measured: 12 octets a message). Rank space: bit r is the
candidate at rank r (0 = first in the mail); choosing lives there, because the lowest set bit is the best story.

A candidate tells a story (docs/decisions/0025): who had its lead or any member has had it, and its picks are its lead
and the articles named below it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from newsletter.domain.masks import Translation, bits_of, trimmed
from newsletter.domain.subscriptions import REACH, Cadence

FIRST_REACH = timedelta(days=7)  # how far back the first digest reaches, whatever the reader's cadence


@dataclass(frozen=True)
class Candidate:
    """Hold what choosing needs to know of one article and the story that it tells.

    ``topics`` is a bit mask of topic numbers; 0 means that the article is for everyone.
    ``is_fresh``: first seen since the last issue. ``dated_at`` is when it came out, never later than it was seen.
    ``members`` are the numbers of the story's other articles, ``more`` those of them that are named in the mail.
    ``section`` is the number of a topic. ``is_missed``: told once more, to those who had it too.
    """

    number: int
    topics: int
    seen_at: datetime
    is_fresh: bool
    dated_at: datetime
    members: tuple[int, ...] = ()
    more: tuple[int, ...] = ()
    section: int | None = None
    author: str = ""
    is_missed: bool = False
    is_update: bool = False

    @property
    def told(self) -> tuple[int, ...]:
        """Return the numbers that are in the mail when the story is."""
        return (self.number, *self.more)

    @property
    def known_by(self) -> tuple[int, ...]:
        """Return the numbers of which any is enough to have had the story."""
        return self.told if self.is_update else (*self.told, *self.members)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Say how many stories there may be, and of what; the maxima of a section and an author are off at 0.

    The first ``top_count`` are for everybody, whatever topics they follow. At most ``outside_percent`` of a mail are
    stories from outside the reader's topics. ``reach``: how far back left-overs may be told to anybody.
    """

    maximum: int
    top_count: int = 0
    outside_percent: int = 0
    section_maximum: int = 0
    author_maximum: int = 0
    reach: timedelta = timedelta()


class Choice(NamedTuple):
    """Hold what was chosen for a reader; ``story_count`` counts without what is told once more."""

    picks: bytes
    story_count: int


_NOTHING = Choice(b"", 0)
_KNOWN_MAXIMUM = (
    1024  # choices remembered: those of a broadcast are few, and of the others hardly two are alike
)


def rank(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Order candidates newest first; the article number decides between equals, so the order is total."""
    return sorted(candidates, key=lambda c: (c.dated_at, c.number), reverse=True)


def encode_picks(numbers: Iterable[int], *, highest: int) -> bytes:
    """Return picks in age space, trimmed to whole octets; b"" when nothing was picked."""
    return trimmed(_ages(numbers, highest))


def decode_picks(picks: bytes, *, highest: int) -> list[int]:
    """Return the article numbers of picks, newest first."""
    return [highest - k for k in bits_of(int.from_bytes(picks, "big"))]


class Chooser:
    """Choose stories for many readers from one frozen list of candidates.

    Millions of choices are made from one list: what does not depend on the reader is prepared, and the rest works
    on whole masks (benchmarks/choosing.py). Stories can be blocked while an issue goes out.
    """

    def __init__(
        self,
        ranked: Sequence[Candidate],
        *,
        highest: int,
        limits: Limits,
        cut_off: datetime,
        is_first: bool = False,
        is_breaking: bool = False,
    ) -> None:
        """Prepare the masks once per mailing; ``ranked`` in the order of the mail.

        ``is_first``: for readers who have just come. Breaking news has no rhythm, so all candidates are within reach.
        """
        self._ranked = ranked
        self._highest = highest
        self._limits = limits
        self._place_of = {number: (c.is_missed, r) for r, c in enumerate(ranked) for number in c.told}
        self._ages = [_ages(c.told, highest) for c in ranked]
        self._to_age = Translation(dict(enumerate(self._ages)))
        self._is_missed = _mask(ranked, lambda c: c.is_missed)
        self._everything = (1 << len(ranked)) - 1
        self._for_everyone = _mask(ranked, lambda c: c.topics == 0)
        self._of_topics = Translation(_by_topic(ranked))
        self._caps = _Caps(ranked, limits)
        self._is_plain = not (limits.top_count or limits.outside_percent or self._caps.limits)
        ages = [_ages(c.known_by, highest) for c in ranked]
        # Of articles that are told once more: the bit of each, and what says that this has been done.
        self._again = [(1 << r, ages[r]) for r in bits_of(self._is_missed)]
        regular = self._everything & ~self._is_missed
        if is_breaking:
            self._within = self._is_new = dict.fromkeys(Cadence, regular)
        else:
            reach = dict.fromkeys(Cadence, FIRST_REACH) if is_first else REACH
            self._is_new = {c: regular & _reach_mask(ranked, reach[c], cut_off) for c in Cadence}
            left_over = regular & _reach_mask(ranked, limits.reach, cut_off)
            self._within = {cadence: mask | left_over for cadence, mask in self._is_new.items()}
        self._known_by = ages
        self._had: dict[Cadence, Translation] = {}
        self._known: dict[Hashable, Choice] = {}
        self._blocked: frozenset[int] = frozenset()
        self._is_open = self._everything
        self._top = self._tops()

    @property
    def blocked(self) -> frozenset[int]:
        """Return the articles of which no story may tell any more."""
        return self._blocked

    def block(self, numbers: Collection[int]) -> None:
        """Tell no more stories that name one of these articles: their blocks are rendered with it."""
        if self._blocked == (blocked := frozenset(numbers)):
            return
        self._blocked = blocked
        self._is_open = self._everything & ~_mask(self._ranked, lambda c: not blocked.isdisjoint(c.told))
        self._top = self._tops()
        self._known.clear()

    def choose(self, *, topics: int, cadence: Cadence, history: int, again: int = 0) -> bytes:
        """Return the picks of a reader; b"" when there is nothing that the reader wants and has not had.

        ``topics`` is the mask of topics followed, 0 = all; ``history`` and ``again``, what was told a second time
        already, are in this mailing's age space.
        """
        return self.choice(topics=topics, cadence=cadence, history=history, again=again).picks

    def choice(self, *, topics: int, cadence: Cadence, history: int, again: int = 0) -> Choice:
        """Return the picks of a reader and how many stories they tell."""
        left = self._within[cadence] & self._is_open
        if history:
            left &= ~self._to_rank(cadence)(history)
        wanted = self._for_everyone | self._of_topics(topics) if topics else self._everything
        once_more = 0
        if self._is_missed:
            once_more = self._once_more(wanted, again)
        key: Hashable
        if self._is_plain:
            left &= wanted
            key = left, once_more
        else:
            key = left, wanted, cadence, once_more
        known = self._known.get(key)
        if known is None:
            known = self._plain(left) if self._is_plain else self._careful(left, wanted, cadence)
            if once_more and known.story_count:
                picks = int.from_bytes(known.picks, "big") | self._to_age(once_more)
                known = Choice(trimmed(picks), known.story_count)
            if len(self._known) >= _KNOWN_MAXIMUM:
                self._known.clear()
            self._known[key] = known
        return known

    def is_blocked_for(self, *, topics: int, cadence: Cadence, history: int) -> bool:
        """Say whether a reader who is left without a story would have one if nothing was blocked."""
        left = self._within[cadence] & ~self._is_open
        if history and left:
            left &= ~self._to_rank(cadence)(history)
        return bool(left & (self._for_everyone | self._of_topics(topics) if topics else left))

    def in_order(self, picks: bytes) -> list[int]:
        """Return the articles that lead the stories of picks, in the order of the mail: what was missed stands last."""
        places = {self._place_of.get(number) for number in decode_picks(picks, highest=self._highest)}
        return [self._ranked[r].number for _, r in sorted(place for place in places if place is not None)]

    def _plain(self, left: int) -> Choice:
        """Take the best stories, as many as fit."""
        if not left:
            return _NOTHING
        maximum = self._limits.maximum
        return Choice(trimmed(self._to_age.of_lowest(left, maximum)), min(left.bit_count(), maximum))

    def _careful(self, left: int, wanted: int, cadence: Cadence) -> Choice:
        """Take the top, then the reader's topics, then the share from outside, then more of the reader's topics."""
        limits, walk = self._limits, _Walk(self._caps, self._ages)
        top = left & self._top[cadence]
        if top:
            walk.take(top, limits.top_count)
        own, outside = left & wanted & ~top, left & ~wanted & ~top
        reserved = limits.maximum * limits.outside_percent // 100 if outside else 0
        own = walk.take(own, limits.maximum - reserved - walk.count)
        if reserved:
            walk.take(outside, _share(walk.count, limits.outside_percent, reserved))
            walk.take(own, limits.maximum - walk.count)
        return Choice(trimmed(walk.ages), walk.count)

    def _once_more(self, wanted: int, again: int) -> int:
        fitting = self._is_missed & self._is_open & wanted
        for bit, ages in self._again:
            if again & ages:
                fitting &= ~bit
        return fitting

    def _to_rank(self, cadence: Cadence) -> Translation:
        """Take masks from age space to rank space, as far as a cadence reaches: of a daily reader a few days.

        Made when the first history is met: pages meet none.
        """
        found = self._had.get(cadence)
        if found is None:
            meanings: defaultdict[int, int] = defaultdict(int)
            for r in bits_of(self._within[cadence]):
                for k in bits_of(self._known_by[r]):
                    meanings[k] |= 1 << r
            found = self._had[cadence] = Translation(meanings)
        return found

    def _tops(self) -> dict[Cadence, int]:
        """Return, for each cadence, the first stories of what is new in its time."""
        count = min(self._limits.top_count, self._limits.maximum)
        found = {}
        for cadence, is_new in self._is_new.items():
            walk = _Walk(self._caps, self._ages)
            walk.take(is_new & self._is_open, count)
            found[cadence] = walk.taken
        return found


class _Caps:
    """Know the sections and authors of whom there are more candidates than one mail may have."""

    def __init__(self, ranked: Sequence[Candidate], limits: Limits) -> None:
        groups: defaultdict[Hashable, list[int]] = defaultdict(list)
        for r, candidate in enumerate(ranked):
            if candidate.is_missed:
                continue
            if limits.section_maximum and candidate.section is not None:
                groups[candidate.section].append(r)
            if limits.author_maximum and candidate.author:
                groups[candidate.author.casefold()].append(r)
        self.limits: list[int] = []
        self.others: list[int] = []  # of each group, the mask of all that are not of it
        of_rank: list[list[int]] = [[] for _ in ranked]
        everything = (1 << len(ranked)) - 1
        for key, ranks in groups.items():
            limit = limits.author_maximum if isinstance(key, str) else limits.section_maximum
            if len(ranks) > limit:
                for r in ranks:
                    of_rank[r].append(len(self.limits))
                self.limits.append(limit)
                self.others.append(everything & ~sum(1 << r for r in ranks))
        self.of_rank = [tuple(found) for found in of_rank]


class _Walk:
    """Take the best stories one by one, so that no section and no author has more than its share of one mail."""

    def __init__(self, caps: _Caps, ages: Sequence[int]) -> None:
        self.count = 0
        self.taken = 0
        self.ages = 0
        self._caps = caps
        self._ages_of = ages
        self._room = caps.limits.copy()
        self._open = -1

    def take(self, left: int, count: int) -> int:
        """Take up to ``count`` of the ranks that are left, lowest first; return those that are left then."""
        of_rank, others, ages_of, room = self._caps.of_rank, self._caps.others, self._ages_of, self._room
        taken, ages, begun = 0, 0, count
        left &= self._open
        while left and count > 0:
            lowest = left & -left
            r = lowest.bit_length() - 1
            left ^= lowest
            taken |= lowest
            ages |= ages_of[r]
            count -= 1
            for group in of_rank[r]:
                room[group] -= 1
                if not room[group]:
                    self._open &= others[group]
                    left &= others[group]
        self.taken |= taken
        self.ages |= ages
        self.count += begun - count
        return left


def _share(count: int, percent: int, most: int) -> int:
    """Return how many more make ``percent`` of the whole, at most ``most``, when ``count`` are there."""
    return most if percent >= 100 else min(most, count * percent // (100 - percent))


def _ages(numbers: Iterable[int], highest: int) -> int:
    mask = 0
    for number in numbers:
        if (
            number <= highest
        ):  # a newer member of a story stands in no mailing's picks that could be read here
            mask |= 1 << (highest - number)
    return mask


def _mask(ranked: Sequence[Candidate], is_wanted: Callable[[Candidate], bool]) -> int:
    return sum(1 << r for r, c in enumerate(ranked) if is_wanted(c))


def _by_topic(ranked: Sequence[Candidate]) -> dict[int, int]:
    masks: dict[int, int] = {}
    for r, candidate in enumerate(ranked):
        for topic in bits_of(candidate.topics):
            masks[topic] = masks.get(topic, 0) | 1 << r
    return masks


def _reach_mask(ranked: Sequence[Candidate], reach: timedelta | None, cut_off: datetime) -> int:
    if not reach:
        return _mask(ranked, lambda c: c.is_fresh)
    return _mask(ranked, lambda c: c.is_fresh or c.seen_at > cut_off - reach)
