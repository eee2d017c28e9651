"""Put articles together that tell one story, and say why.

Two articles are linked by an editor's word, because an issue told them as one story, by the website's own id of the
story, or by the likeness of their titles and leads within some hours. An editor's "apart" is never overruled. A false
link costs a reader an article, a missing one a line: in doubt, articles stay apart (domain/moulds.py).

Everything here depends on the articles alone, never on the order in which they are given.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from newsletter.domain import moulds
from newsletter.domain.rules import StoryRules
from newsletter.domain.wording import Text, Vocabulary

STORY_MAXIMUM = 40  # articles that likeness puts into one story: more would be a subject
_RARE_WORDS = 12  # of an article, by which others like it are looked for
_NEIGHBOURS = 40  # articles before it that have such a word and are looked at
_SHARED_LEAST = 2  # rare words that two must share to be compared at all
_LOOSER = 0.7  # of the likeness wanted: what the articles of two groups must have on average to become one
_WORDS_TOLD = 6  # of those shared, the rarest


class LinkKind(StrEnum):
    """Say why two articles tell one story."""

    EDITOR = "editor"
    TOLD = "told"
    KEY = "key"
    LIKENESS = "likeness"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Hold what is compared of an article. ``story_key`` is the website's id of its story, "" when it has none."""

    id: int
    title: str
    lead: str
    at: datetime
    story_key: str = ""


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """Hold an editor's word on two articles: whether they tell one story."""

    first_id: int
    second_id: int
    is_same: bool
    by: str


@dataclass(frozen=True, kw_only=True)
class Link:
    """Say why two articles tell one story: by whose word, or which of their words are the same.

    ``percent`` is the share of their words that the other has, rare words counted for more; ``hours`` lie between.
    """

    first_id: int
    second_id: int
    kind: LinkKind
    by: str = ""
    percent: int = 0
    words: tuple[str, ...] = ()
    hours: int = 0

    def other_than(self, article_id: int) -> int:
        """Return the article at the other end."""
        return self.second_id if article_id == self.first_id else self.first_id

    @property
    def sentence(self) -> str:
        """Say it in words."""
        match self.kind:
            case LinkKind.EDITOR:
                return f"{self.by} put them together"
            case LinkKind.TOLD:
                return "an earlier issue told both as one story"
            case LinkKind.KEY:
                return f"the website gives both the story id {self.by}"
            case LinkKind.LIKENESS:
                return f"{self.percent} % of their words ({', '.join(self.words)}), {self.hours} hours apart"


class Stories:
    """Hold the stories that articles were put into."""

    def __init__(self, groups: Sequence[tuple[int, ...]], links: Sequence[Link]) -> None:
        """Take groups of ids, and the links that made them."""
        self.groups = tuple(groups)
        self._of = {each: group for group in groups for each in group}
        self._links: dict[int, list[Link]] = defaultdict(list)
        for link in links:
            self._links[link.first_id].append(link)
            self._links[link.second_id].append(link)

    def of(self, article_id: int) -> tuple[int, ...]:
        """Return the ids of the articles of a story, that of the given one among them."""
        return self._of[article_id]

    def links(self, article_id: int) -> tuple[Link, ...]:
        """Return what ties an article to its story."""
        return tuple(self._links.get(article_id, ()))


def group(
    pieces: Iterable[Piece],
    rules: StoryRules,
    *,
    rulings: Sequence[Ruling] = (),
    told: Iterable[tuple[int, int]] = (),
) -> Stories:
    """Put articles into stories; of editors' rulings that contradict each other, the first given holds.

    ``told`` are pairs that an issue told as one story: its readers have had both, so only an editor takes them apart.
    """
    return _Grouping(pieces, rules, rulings, told).stories()


class _Grouping:
    """Join articles link by link, the surest first."""

    def __init__(
        self,
        pieces: Iterable[Piece],
        rules: StoryRules,
        rulings: Sequence[Ruling],
        told: Iterable[tuple[int, int]],
    ) -> None:
        self._pieces = {piece.id: piece for piece in sorted(pieces, key=lambda piece: (piece.at, piece.id))}
        self._told = sorted({(min(pair), max(pair)) for pair in told if self._pieces.keys() >= set(pair)})
        self._rules = rules
        self._rulings = [r for r in rulings if r.first_id in self._pieces and r.second_id in self._pieces]
        self._groups = {each: {each} for each in self._pieces}  # by any of its members
        self._apart: dict[int, set[int]] = defaultdict(set)
        self._links: list[Link] = []

    def stories(self) -> Stories:
        self._join_by_editors()
        for first_id, second_id in self._told:
            self._join(Link(first_id=first_id, second_id=second_id, kind=LinkKind.TOLD))
        self._join_by_keys()
        if self._rules.window_hours:
            self._join_by_likeness()
        groups = {min(members): tuple(sorted(members)) for members in self._groups.values()}
        return Stories([groups[each] for each in sorted(groups)], self._links)

    def _join_by_editors(self) -> None:
        for ruling in self._rulings:
            if ruling.is_same:
                self._join(
                    Link(
                        first_id=ruling.first_id,
                        second_id=ruling.second_id,
                        kind=LinkKind.EDITOR,
                        by=ruling.by,
                    )
                )
            elif not self._groups[ruling.first_id] & {ruling.second_id}:
                self._apart[ruling.first_id].add(ruling.second_id)
                self._apart[ruling.second_id].add(ruling.first_id)

    def _join_by_keys(self) -> None:
        first_of: dict[str, int] = {}
        for piece in self._pieces.values():
            if piece.story_key:
                first = first_of.setdefault(piece.story_key, piece.id)
                if first != piece.id:
                    self._join(
                        Link(first_id=first, second_id=piece.id, kind=LinkKind.KEY, by=piece.story_key)
                    )

    def _join_by_likeness(self) -> None:
        likeness = _Likeness(self._pieces, self._rules)
        for first, second in likeness.surest_first():
            if self._may_join(first, second, likeness):
                self._join(likeness.link(first, second))

    def _may_join(self, first_id: int, second_id: int, likeness: _Likeness) -> bool:
        one, other = self._groups[first_id], self._groups[second_id]
        if one is other or len(one) + len(other) > STORY_MAXIMUM:
            return False
        if len(self._keys(one) | self._keys(other)) > 1:
            return False  # the website tells them apart
        total = sum(likeness.percent(first, second) for first in one for second in other)
        return total >= self._rules.likeness_percent * _LOOSER * len(one) * len(other)

    def _keys(self, members: Iterable[int]) -> set[str]:
        return {key for each in members if (key := self._pieces[each].story_key)}

    def _join(self, link: Link) -> None:
        one, other = self._groups[link.first_id], self._groups[link.second_id]
        if one is other or any(self._apart[each] & other for each in one if each in self._apart):
            return
        one |= other
        for each in other:
            self._groups[each] = one
        self._links.append(link)


class _Likeness:
    """Find the articles that are alike, without comparing each with each."""

    def __init__(self, pieces: dict[int, Piece], rules: StoryRules) -> None:
        """Read all articles, given from the oldest to the newest."""
        self._pieces = pieces
        self._window = timedelta(hours=rules.window_hours)
        self._least = rules.likeness_percent
        self._texts = {piece.id: Text(piece.title, piece.lead) for piece in pieces.values()}
        self._vocabulary = Vocabulary(list(self._texts.values()))
        self._percents: dict[tuple[int, int], int] = {}

    def surest_first(self) -> list[tuple[int, int]]:
        """Return the pairs that are alike enough, those most alike first, then those closest in time."""
        found = [pair for pair in self._pairs() if self.percent(*pair) >= self._least]
        return sorted(found, key=lambda pair: (-self.percent(*pair), self._apart(*pair), pair))

    def percent(self, first: int, second: int) -> int:
        """Return how alike two articles are; 0 when they are only made to one mould."""
        key = (first, second) if first < second else (second, first)
        percent = self._percents.get(key)
        if percent is None:
            percent = self._percents[key] = self._compared(*key)
        return percent

    def _compared(self, first: int, second: int) -> int:
        one, other = self._texts[first], self._texts[second]
        percent = round(100 * self._vocabulary.likeness(one, other))
        if percent < self._least:
            return percent
        percent = round(percent * moulds.factor(one, other, self._vocabulary))
        apart = self._apart(first, second)
        return 0 if moulds.is_one_mould(one, other, self._vocabulary, apart=apart) else percent

    def link(self, first: int, second: int) -> Link:
        """Say why two are linked."""
        one, other = self._texts[first], self._texts[second]
        shared = sorted(one.stems & other.stems, key=lambda stem: (-self._vocabulary.weight(stem), stem))
        return Link(
            first_id=first,
            second_id=second,
            kind=LinkKind.LIKENESS,
            percent=self.percent(first, second),
            words=tuple(one.spelled[stem] for stem in shared[:_WORDS_TOLD]),
            hours=round(self._apart(first, second) / timedelta(hours=1)),
        )

    def _apart(self, first: int, second: int) -> timedelta:
        return abs(self._pieces[first].at - self._pieces[second].at)

    def _pairs(self) -> Iterator[tuple[int, int]]:
        """Yield the pairs within the window that share rare words, each once, the lower id first."""
        having: dict[str, list[int]] = defaultdict(list)
        for piece in self._pieces.values():
            shared: Counter[int] = Counter()
            for stem in self._vocabulary.rare(self._texts[piece.id], _RARE_WORDS):
                shared.update(having[stem][-_NEIGHBOURS:])
                having[stem].append(piece.id)
            for other, count in shared.items():
                if count >= _SHARED_LEAST and piece.at - self._pieces[other].at <= self._window:
                    yield min(piece.id, other), max(piece.id, other)
