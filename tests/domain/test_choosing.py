"""Hold the choosing by masks against a walk over the candidates that is slow and obvious."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import selection
from newsletter.domain.selection import Candidate, Chooser, Limits, Wish
from newsletter.domain.subscriptions import Cadence
from tests.clocks import NOON

HOUR = timedelta(hours=1)
HIGHEST = 60
NUMBERS = st.integers(1, HIGHEST)
TOPICS = st.integers(0, 0b1111) | st.just(1 << 62)
DAYS = {Cadence.EVERY_ISSUE: 0, Cadence.DAILY: 1, Cadence.WEEKDAYS: 3, Cadence.WEEKLY: 7}


@st.composite
def ranked_candidates(draw: st.DrawFn) -> list[Candidate]:
    """Deal numbers out to stories, and rank the stories in any order."""
    numbers = draw(st.lists(NUMBERS, unique=True, max_size=40))
    found = []
    while numbers:
        lead, *others = [numbers.pop() for _ in range(min(len(numbers), draw(st.integers(1, 4))))]
        more_count = draw(st.integers(0, len(others)))
        found.append(
            Candidate(
                lead,
                draw(TOPICS),
                NOON - draw(st.integers(0, 200)) * HOUR,
                draw(st.booleans()),
                members=tuple(others),
                more=tuple(others[:more_count]),
                section=draw(st.sampled_from([None, 0, 1, 2])),
                author=draw(st.sampled_from(["", "Ada", "ADA", "Ben"])),
                is_missed=draw(st.integers(0, 5)) == 0,
            )
        )
    return found


LIMITS = st.builds(
    Limits,
    maximum=st.integers(1, 20),
    top_count=st.integers(0, 4),
    outside_percent=st.sampled_from([0, 0, 20, 50, 100]),
    section_maximum=st.integers(0, 3),
    author_maximum=st.integers(0, 3),
    reach=st.sampled_from([0 * HOUR, 48 * HOUR, 100 * HOUR]),
)


@dataclass
class Mail:
    """Fill a mail story by story, and keep to the maxima."""

    limits: Limits
    stories: list[Candidate] = field(default_factory=list)

    def fill(self, stories: list[Candidate], count: int) -> None:
        """Take stories until there are ``count``."""
        for story in stories:
            if len(self.stories) < count and story not in self.stories and self._has_room_for(story):
                self.stories.append(story)

    def _has_room_for(self, story: Candidate) -> bool:
        sections = Counter(each.section for each in self.stories)
        authors = Counter(each.author.casefold() for each in self.stories)
        return not (
            (self.limits.section_maximum and story.section is not None)
            and sections[story.section] >= self.limits.section_maximum
        ) and not (
            (self.limits.author_maximum and story.author)
            and authors[story.author.casefold()] >= self.limits.author_maximum
        )


def walk(
    ranked: list[Candidate],
    limits: Limits,
    *,
    topics: int,
    cadence: Cadence,
    had: set[int],
    again: set[int],
    blocked: set[int],
) -> list[int]:
    """Choose in the plainest way; return the leads in the order of the mail."""

    def is_new(story: Candidate, reach: timedelta) -> bool:
        return story.is_fresh or NOON - story.seen_at < reach

    def is_wanted(story: Candidate) -> bool:
        return topics == 0 or story.topics == 0 or story.topics & topics != 0

    open_ones = [story for story in ranked if blocked.isdisjoint({story.number, *story.more})]
    regular = [story for story in open_ones if not story.is_missed]
    reach = DAYS[cadence] * 24 * HOUR
    left = [
        story
        for story in regular
        if is_new(story, max(reach, limits.reach)) and had.isdisjoint({story.number, *story.members})
    ]
    top = Mail(limits)
    top.fill([story for story in regular if is_new(story, reach)], min(limits.top_count, limits.maximum))
    mail = Mail(limits)
    mail.fill([story for story in left if story in top.stories], limits.maximum)
    rest = [story for story in left if story not in top.stories]
    own = [story for story in rest if is_wanted(story)]
    outside = [story for story in rest if not is_wanted(story)]
    reserved = limits.maximum * limits.outside_percent // 100 if outside else 0
    mail.fill(own, limits.maximum - reserved)
    share = reserved
    if limits.outside_percent < 100:
        share = min(reserved, len(mail.stories) * limits.outside_percent // (100 - limits.outside_percent))
    mail.fill(outside, len(mail.stories) + share)
    mail.fill(own, limits.maximum)
    once_more = [
        story
        for story in open_ones
        if story.is_missed and is_wanted(story) and again.isdisjoint({story.number, *story.members})
    ]
    in_order = [story for story in ranked if story in mail.stories]
    return [story.number for story in (in_order + once_more if in_order else [])]


def mask(numbers: set[int]) -> int:
    return int.from_bytes(selection.encode_picks(numbers, highest=HIGHEST), "big")


@given(
    ranked=ranked_candidates(),
    limits=LIMITS,
    topics=TOPICS,
    cadence=st.sampled_from(Cadence),
    had=st.sets(NUMBERS, max_size=20),
    again=st.sets(NUMBERS, max_size=5),
    blocked=st.sets(NUMBERS, max_size=5),
)
def test_choosing_equals_a_walk_over_all_candidates(
    ranked: list[Candidate],
    limits: Limits,
    topics: int,
    cadence: Cadence,
    had: set[int],
    again: set[int],
    blocked: set[int],
) -> None:
    found = Chooser(ranked, highest=HIGHEST, limits=limits, cut_off=NOON)

    for blocked_now in (set[int](), blocked):
        found.block(blocked_now)
        picks = found.choose(topics=topics, cadence=cadence, history=mask(had), again=mask(again))

        expected = walk(
            ranked, limits, topics=topics, cadence=cadence, had=had, again=again, blocked=blocked_now
        )
        assert found.in_order(picks) == expected
        told = {number for story in ranked if story.number in expected for number in story.told}
        assert set(selection.decode_picks(picks, highest=HIGHEST)) == told


@given(
    ranked=ranked_candidates(),
    limits=LIMITS,
    wishes=st.lists(
        st.builds(
            Wish,
            TOPICS,
            st.sampled_from(Cadence),
            st.sets(NUMBERS, max_size=20).map(mask) | st.just(1 << 100_000),
            st.sets(NUMBERS, max_size=5).map(mask),
        ),
        min_size=1,
        max_size=9,
    ),
    blocked=st.sets(NUMBERS, max_size=5),
)
def test_readers_who_are_chosen_for_together_get_what_each_would_get_alone(
    ranked: list[Candidate], limits: Limits, wishes: list[Wish], blocked: set[int]
) -> None:
    found = Chooser(ranked, highest=HIGHEST, limits=limits, cut_off=NOON)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selection, "_KNOWN_MAXIMUM", 0)  # nothing is remembered
        patch.setattr(selection, "_CROWD_MINIMUM", 1)
        for blocked_now in (set[int](), blocked):
            found.block(blocked_now)
            alone = [found.choice(**wish._asdict()) for wish in wishes]

            assert found.choices(wishes) == alone
