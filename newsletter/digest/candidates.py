"""Decide what becomes of each article that an issue looks at: which tell a story, in which order, and why not.

From rows to frozen stories, without a database, so that every rule can be tried alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any  # details are what JSON holds

from newsletter.domain import ranking, stories
from newsletter.domain.articles import BacklogReason
from newsletter.domain.issues import Verdict
from newsletter.domain.ranking import Rank
from newsletter.domain.rendered import FrozenLink, FrozenStory
from newsletter.domain.rules import Rules
from newsletter.domain.stories import Piece, Ruling, Stories
from newsletter.store.stories import Found
from newsletter.store.tables import DeskItem
from newsletter.store.verdicts import Judged

# Of one issue. Choosing works on masks with a bit for each, and every one is rendered in all styles; of a thousand
# stories the last is further down than any reader's list goes.
CANDIDATE_MAXIMUM = 1000
LATE_ARRIVAL = timedelta(minutes=10)  # a fetch and its storing take a minute; the rest is for slow clocks
_LINKS_KEPT = 5  # of those that tie an article to its story, in the verdict
_REGULAR = frozenset({Verdict.CANDIDATE, Verdict.PINNED})
_TOLD = _REGULAR | {Verdict.MISSED}
_LINKED = _REGULAR | {Verdict.OUT_OF_REACH}  # may be named under another article of the story
_APART = frozenset({Verdict.BACKLOG, Verdict.OLD, Verdict.NOT_YET})  # of no story: nobody has had them


@dataclass(frozen=True, kw_only=True)
class Question:
    """Hold all that decides what an issue is made of.

    ``rows`` are the articles of the newsletter that are looked at, ``others`` only count as parts of stories, and
    ``together`` are pairs that readers were told as one story. Fresh is
    what was seen after ``since``, and shortly before it what the issue of ``since`` did not know (``known``).
    Left-overs count when they were seen after ``reach``. ``section_weights`` and ``clicks`` go by the number of a
    topic and the id of an article. ``is_breaking``: nothing but what is pinned.
    """

    rows: Sequence[Found]
    others: Sequence[Found] = ()
    rulings: Sequence[Ruling] = ()
    together: Collection[tuple[int, int]] = ()
    items: Mapping[int, DeskItem] = field(default_factory=dict)
    rules: Rules
    since: datetime
    reach: datetime
    cut_off_at: datetime
    known: Collection[int] = frozenset()
    section_weights: Mapping[int, int] = field(default_factory=dict)
    clicks: Mapping[int, int] = field(default_factory=dict)
    is_breaking: bool = False


@dataclass(frozen=True)
class Answer:
    """Hold the stories in the order of the mail, what became of every article, and the ids of those that are named.

    ``members``: of each story, the article that tells it with each of the others, whatever became of these.
    """

    stories: tuple[FrozenStory, ...]
    judged: tuple[Judged, ...]
    named_ids: tuple[int, ...]
    members: tuple[tuple[int, int], ...]


def choose(question: Question) -> Answer:
    """Say which stories an issue has, and what became of every other article."""
    return _Choice(question).answer()


def section_of(row: Found) -> int | None:
    """Return the number of an article's main topic: the one it was given, else its first; None when it has none."""
    if row.section is not None:
        return row.section
    return (row.topics & -row.topics).bit_length() - 1 if row.topics else None


class _Choice:
    """Go from articles to stories, and keep what became of each."""

    def __init__(self, question: Question) -> None:
        self._ask = question
        self._rows = {row.id: row for row in (*question.others, *question.rows)}
        self._verdicts = {row.id: self._first_verdict(row) for row in question.rows}
        self._ranks = {each: self._rank(self._rows[each]) for each, v in self._verdicts.items() if v in _TOLD}
        self._stories: dict[int, tuple[int, ...]] = {}  # by the article that tells it: its other articles
        self._missed: list[int] = []
        self._lead_of: dict[int, int] = {}
        self._members: list[tuple[int, int]] = []

    def answer(self) -> Answer:
        grouped = self._grouped()
        for group in grouped.groups:
            self._tell(group)
        told = self._in_order()
        places = {article_id: rank for rank, article_id in enumerate(told)}
        found = tuple(self._story(each) for each in told)
        named = {number for story in found for number in story.candidate.told}
        return Answer(
            found,
            tuple(self._judged(row, places.get(row.id), grouped) for row in self._ask.rows),
            tuple(row.id for row in self._rows.values() if row.number in named),
            tuple(pair for pair in self._members if pair[0] in places or pair[1] in places),
        )

    def _first_verdict(self, row: Found) -> Verdict:
        """Say what becomes of an article by itself, before its story is looked at."""
        item = self._ask.items.get(row.id)
        if item is not None and item.is_banned:
            return Verdict.BANNED
        if row.retracted_at is not None:
            return Verdict.RETRACTED
        if item is not None and item.pin is not None:
            return Verdict.PINNED
        if item is not None and item.is_missed:
            return Verdict.MISSED
        if row.backlog:
            return Verdict.OLD if row.backlog == BacklogReason.OLD else Verdict.BACKLOG
        if row.seen_at > self._ask.cut_off_at:
            return Verdict.NOT_YET
        is_within = row.seen_at > self._ask.reach or self._is_fresh(row)
        return Verdict.CANDIDATE if is_within else Verdict.OUT_OF_REACH

    def _grouped(self) -> Stories:
        if self._ask.is_breaking:
            return Stories([(each,) for each, v in self._verdicts.items() if v is Verdict.PINNED], ())
        pieces = [
            Piece(
                id=row.id,
                title=row.title,
                lead=row.summary,
                at=_dated_at(row),
                story_key=row.story_key or "",
            )
            for row in self._rows.values()
            if self._verdicts.get(row.id) not in _APART
            or row.is_frozen  # told elsewhere, or pinned before: its readers know the story
            or row.backlog == BacklogReason.MERGED
        ]
        ask = self._ask
        return stories.group(pieces, ask.rules.stories, rulings=ask.rulings, told=ask.together)

    def _tell(self, group: Sequence[int]) -> None:
        """Choose who tells a story: what editors want told, else the best of what is new, else of what is left over."""
        wanted = sorted((each for each in group if self._verdicts.get(each) in _REGULAR), key=self._by_rank)
        missed = [each for each in group if self._verdicts.get(each) is Verdict.MISSED]
        leads = [each for each in wanted if self._is_named(each)] or wanted[:1]
        if missed and not any(self._is_named(each) or self._is_fresh(self._rows[each]) for each in leads):
            self._missed += missed
            leads = missed
        elif leads:
            # Another one that an editor wants told is a story of its own: who had the others may get it.
            self._stories.update(dict.fromkeys(leads[1:], ()))
            self._stories[leads[0]] = (
                () if self._is_update(leads[0]) else tuple(e for e in group if e != leads[0])
            )
        if leads:
            self._lead_of.update((each, leads[0]) for each in (*wanted, *missed) if each not in leads)
            self._members += ((leads[0], each) for each in group if each != leads[0])

    def _in_order(self) -> list[int]:
        """Return who tells the stories, in the order of the mail, as many as there may be."""
        by_number = {self._rows[each].number: each for each in (*self._stories, *self._missed)}
        missed = [self._ranks[each] for each in sorted(self._missed, key=self._by_missed_place)]
        del missed[self._ask.rules.selection.missed_maximum :]
        regular = ranking.order(self._ranks[each] for each in self._stories)
        told = [*regular[: CANDIDATE_MAXIMUM - len(missed)], *missed]
        return [by_number[rank.number] for rank in told]

    def _judged(self, row: Found, place: int | None, grouped: Stories) -> Judged:
        verdict, rank = self._verdicts[row.id], self._ranks.get(row.id)
        if row.id in self._lead_of:
            verdict = Verdict.SAME_STORY
        elif verdict in _TOLD and place is None:
            verdict = Verdict.BEYOND_CANDIDATES
        detail: dict[str, Any] = rank.as_dict() if rank is not None else {}
        links = grouped.links(row.id)[:_LINKS_KEPT]
        if links:
            detail["links"] = [[link.other_than(row.id), link.sentence] for link in links]
        return Judged(
            article_id=row.id, verdict=verdict, rank=place, lead_id=self._lead_of.get(row.id), detail=detail
        )

    def _story(self, article_id: int) -> FrozenStory:
        is_missed = article_id in self._missed
        others = self._stories.get(article_id, ())
        row = self._rows[article_id]
        return frozen_story(
            row,
            title=self._title(row),
            is_fresh=not is_missed and (self._is_fresh(row) or self._is_pinned(article_id)),
            is_missed=is_missed,
            is_update=self._is_update(article_id) or self._ask.is_breaking,
            members=tuple(sorted((self._rows[each].number for each in others), reverse=True)),
            more=self._more(others),
        )

    def _more(self, others: Iterable[int]) -> tuple[FrozenLink, ...]:
        """Return the newest of a story's other articles that can be told."""
        can_be_told = [self._rows[each] for each in others if self._verdicts.get(each) in _LINKED]
        told = sorted(
            (row for row in can_be_told if row.id not in self._stories),
            key=lambda row: (row.seen_at, row.number),
        )
        newest = told[::-1][: self._ask.rules.stories.more_maximum]
        return tuple(FrozenLink(number=row.number, title=self._title(row), url=row.url) for row in newest)

    def _rank(self, row: Found) -> Rank:
        ask, item, section = self._ask, self._ask.items.get(row.id), section_of(row)
        return Rank(
            number=row.number,
            pin=item.pin if item is not None else None,
            weight=row.weight,
            importance=row.importance,
            section_weight=ask.section_weights.get(section, 0) if section is not None else 0,
            step=ranking.step(
                _dated_at(row),
                at=ask.cut_off_at,
                half_life=timedelta(hours=ask.rules.selection.half_life_hours),
            ),
            clicks=ask.clicks.get(row.id, 0),
            position=row.feed_position,
        )

    def _by_rank(self, article_id: int) -> tuple[object, ...]:
        """Return what is compared between the articles of one story."""
        rank = self._ranks[article_id]
        return rank.pin is None, rank.pin or 0, not self._is_fresh(self._rows[article_id]), rank.key

    def _by_missed_place(self, article_id: int) -> tuple[object, ...]:
        place = self._ask.items[article_id].missed_place
        return place is None, place or 0, self._ranks[article_id].key

    def _is_fresh(self, row: Found) -> bool:
        since = self._ask.since
        return row.seen_at > since or (row.seen_at > since - LATE_ARRIVAL and row.id not in self._ask.known)

    def _is_named(self, article_id: int) -> bool:
        """Say whether an editor wants this very article told."""
        return self._is_pinned(article_id) or self._is_update(article_id)

    def _is_pinned(self, article_id: int) -> bool:
        return self._verdicts[article_id] is Verdict.PINNED

    def _is_update(self, article_id: int) -> bool:
        return self._rows[article_id].is_worth_telling

    def _title(self, row: Found) -> str:
        item = self._ask.items.get(row.id)
        return (item.title if item is not None else None) or row.title


def frozen_story(
    row: Found,
    *,
    title: str = "",
    is_fresh: bool,
    is_missed: bool = False,
    is_update: bool = False,
    members: tuple[int, ...] = (),
    more: tuple[FrozenLink, ...] = (),
) -> FrozenStory:
    """Return an article as it will be mailed."""
    has_image = not row.image_fault
    return FrozenStory(
        number=row.number,
        article_id=row.id,
        topics=row.topics,
        seen_at=row.seen_at,
        is_fresh=is_fresh,
        title=title or row.title,
        summary=row.summary,
        url=row.url,
        canonical_url=row.canonical_url,
        author=row.author,
        image_url=row.image_url if has_image else "",
        image_width=row.image_width if has_image else None,
        image_height=row.image_height if has_image else None,
        image_alt=row.image_alt if has_image else "",
        published_at=row.published_at,
        section=section_of(row),
        members=members,
        more=more,
        is_update=is_update,
        is_missed=is_missed,
    )


def _dated_at(row: Found) -> datetime:
    return min(row.published_at or row.seen_at, row.seen_at)
