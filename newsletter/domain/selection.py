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
from functools import reduce
from operator import or_
from typing import NamedTuple

from newsletter.domain import crowds
from newsletter.domain.crowds import Crowd, Offer, share
from newsletter.domain.masks import Translation, bits_of, trimmed
from newsletter.domain.maxima import Maxima
from newsletter.domain.subscriptions import REACH, Cadence

FIRST_REACH = timedelta(days=7)  # how far back the first digest reaches, whatever the reader's cadence


@dataclass(frozen=True)
class Candidate:
    """Hold what choosing needs to know of one article and the story that it tells.

    ``topics`` is a bit mask of topic numbers; 0 means that the article is for everyone.
    ``is_fresh``: first seen since the last issue.
    ``members`` are the numbers of the story's other articles, ``more`` those of them that are named in the mail.
    ``section`` is the number of a topic. ``is_missed``: told once more, to those who had it too.
    """

    number: int
    topics: int
    seen_at: datetime
    is_fresh: bool
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


class Wish(NamedTuple):
    """Hold what choosing for a reader needs; the fields are those of ``Chooser.choice``."""

    topics: int
    cadence: Cadence
    history: int
    again: int = 0


_NOTHING = Choice(b"", 0)
_CROWD_MINIMUM = 96  # readers: for fewer it is not worth it to look at each candidate (measured)
_KNOWN_MAXIMUM = (
    1024  # choices remembered: those of a broadcast are few, and of the others hardly two are alike
)


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
        self._maxima = Maxima(
            [(c.section, c.author) for c in ranked],
            section=limits.section_maximum,
            author=limits.author_maximum,
        )
        self._is_plain = not (limits.top_count or limits.outside_percent or self._maxima.has_any)
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
        self._known: dict[Hashable, Choice] | None = {}
        self._known_count = 0  # how often a choice was remembered
        self._crowd: Crowd | None = None
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
        self._known, self._known_count = {}, 0
        self._crowd = None

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
        wanted = self._wanted(topics)
        once_more = 0
        if self._is_missed:
            once_more = self._once_more(wanted, again)
        if self._is_plain:
            left &= wanted
        if self._known is None:
            return self._chosen(left, wanted, once_more, cadence)
        key: Hashable = (left, once_more) if self._is_plain else (left, wanted, once_more, cadence)
        known = self._known.get(key)
        if known is None:
            known = self._chosen(left, wanted, once_more, cadence)
            self._remember(key, known)
        else:
            self._known_count += 1
        return known

    def choices(self, wishes: Sequence[Wish]) -> list[Choice]:
        """Return what ``choice`` returns for each of many readers; if hardly two are alike, for all at once."""
        is_broad = self._is_plain or self._known is not None or self._limits.maximum > crowds.MOST_STORIES
        if is_broad or len(wishes) < _CROWD_MINIMUM:
            return [self.choice(topics=t, cadence=c, history=h, again=a) for t, c, h, a in wishes]
        if self._crowd is None:
            self._crowd = self._make_crowd()
        topics, cadences, histories, _ = zip(*wishes, strict=True)
        found = [Choice(*each) for each in self._crowd.choose(topics, cadences, histories)]
        if self._is_missed:
            found = [
                self._with(each, self._once_more(self._wanted(wish.topics), wish.again))
                for each, wish in zip(found, wishes, strict=True)
            ]
        return found

    def _wanted(self, topics: int) -> int:
        return self._for_everyone | self._of_topics(topics) if topics else self._everything

    def _chosen(self, left: int, wanted: int, once_more: int, cadence: Cadence) -> Choice:
        found = self._plain(left) if self._is_plain else self._careful(left, wanted, cadence)
        return self._with(found, once_more)

    def _with(self, found: Choice, once_more: int) -> Choice:
        """Add what is told once more to a mail that tells something else."""
        if not once_more or not found.story_count:
            return found
        picks = int.from_bytes(found.picks, "big") | self._to_age(once_more)
        return Choice(trimmed(picks), found.story_count)

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

    def _remember(self, key: Hashable, choice: Choice) -> None:
        """Keep a choice; where hardly two readers have chosen alike, keep none any more."""
        if self._known is None:
            return
        if len(self._known) >= _KNOWN_MAXIMUM:
            is_worth_it = self._known_count > _KNOWN_MAXIMUM
            self._known, self._known_count = ({} if is_worth_it else None), 0
            return
        self._known[key] = choice

    def _plain(self, left: int) -> Choice:
        """Take the best stories, as many as fit."""
        if not left:
            return _NOTHING
        maximum = self._limits.maximum
        return Choice(trimmed(self._to_age.of_lowest(left, maximum)), min(left.bit_count(), maximum))

    def _careful(self, left: int, wanted: int, cadence: Cadence) -> Choice:
        """Take the top, then the reader's topics, then the share from outside, then more of the reader's topics."""
        limits, walk = self._limits, self._maxima.walk()
        ranks = walk.ranks
        top = left & self._top[cadence]
        if top:
            walk.take(top, limits.top_count)
            left ^= top
        own = left & wanted
        outside = left ^ own
        reserved = limits.maximum * limits.outside_percent // 100 if outside else 0
        walk.take(own, limits.maximum - reserved - len(ranks))
        if reserved:
            own_count = len(ranks)
            walk.take(outside, share(own_count, limits.outside_percent, reserved))
            if len(ranks) < limits.maximum and own_count == limits.maximum - reserved:
                walk.take(own & ~sum(1 << r for r in ranks), limits.maximum - len(ranks))
        ages = reduce(or_, map(self._ages.__getitem__, ranks), 0)
        return Choice(trimmed(ages), len(ranks))

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

    def _make_crowd(self) -> Crowd:
        """Prepare choosing for many at once; what is blocked is within nobody's reach."""
        within = {cadence: mask & self._is_open for cadence, mask in self._within.items()}
        stories = [
            Offer(
                topics=candidate.topics,
                told=self._ages[r],
                known_by=self._known_by[r],
                section=section,
                author=author,
                within=frozenset(cadence for cadence, mask in within.items() if mask >> r & 1),
                top=frozenset(cadence for cadence, mask in self._top.items() if mask >> r & 1),
            )
            for candidate, (r, section, author) in zip(self._ranked, self._maxima.groups, strict=True)
        ]
        limits = self._limits
        return Crowd(
            stories, self._maxima.room, maximum=limits.maximum, outside_percent=limits.outside_percent
        )

    def _tops(self) -> dict[Cadence, int]:
        """Return, for each cadence, the first stories of what is new in its time."""
        count = min(self._limits.top_count, self._limits.maximum)
        found = {}
        for cadence, is_new in self._is_new.items():
            walk = self._maxima.walk()
            walk.take(is_new & self._is_open, count)
            found[cadence] = sum(1 << r for r in walk.ranks)
        return found


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
