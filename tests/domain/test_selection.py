"""Check the choosing of stories by examples; test_choosing.py holds it against a plain walk."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any  # limits are of several types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import selection
from newsletter.domain.selection import Candidate, Chooser, Limits
from newsletter.domain.subscriptions import Cadence
from tests.clocks import NOON

HOUR = timedelta(hours=1)
HIGHEST = 40
SPORT, CULTURE = 0b01, 0b10
NUMBERS = st.integers(1, HIGHEST)


def candidate(
    number: int, *, topics: int = 0, hours_ago: int = 1, is_fresh: bool = True, **more: Any
) -> Candidate:
    at = NOON - hours_ago * HOUR
    return Candidate(number, topics, at, is_fresh, **more)


def chooser(candidates: list[Candidate], *, maximum: int = 16, **limits: Any) -> Chooser:
    ranked = sorted(candidates, key=lambda each: each.number, reverse=True)
    return Chooser(ranked, highest=HIGHEST, limits=Limits(maximum=maximum, **limits), cut_off=NOON)


def chosen(
    found: Chooser,
    *,
    topics: int = 0,
    cadence: Cadence = Cadence.EVERY_ISSUE,
    had: int = 0,
    again: int = 0,
) -> list[int]:
    return found.in_order(found.choose(topics=topics, cadence=cadence, history=had, again=again))


def history(*numbers: int) -> int:
    return int.from_bytes(selection.encode_picks(numbers, highest=HIGHEST), "big")


@pytest.mark.parametrize(
    ("topics", "numbers"),
    [
        (0, [4, 3, 2, 1]),
        (SPORT, [4, 3, 1]),
        (CULTURE, [4, 3, 2]),
        (SPORT | CULTURE, [4, 3, 2, 1]),
        (1 << 62, [4]),
    ],
)
def test_a_reader_gets_the_topics_followed_and_what_is_for_everyone(topics: int, numbers: list[int]) -> None:
    found = chooser(
        [
            candidate(1, topics=SPORT),
            candidate(2, topics=CULTURE),
            candidate(3, topics=SPORT | CULTURE),
            candidate(4),
        ]
    )

    assert chosen(found, topics=topics) == numbers


@pytest.mark.parametrize(
    ("cadence", "numbers"),
    [(Cadence.EVERY_ISSUE, [5]), (Cadence.DAILY, [5, 4]), (Cadence.WEEKLY, [5, 4, 3, 2])],
)
def test_a_rarer_reader_gets_what_the_issues_between_had(cadence: Cadence, numbers: list[int]) -> None:
    found = chooser(
        [
            candidate(5, hours_ago=1),
            candidate(4, hours_ago=23, is_fresh=False),
            candidate(3, hours_ago=24, is_fresh=False),
            candidate(2, hours_ago=7 * 24 - 1, is_fresh=False),
            candidate(1, hours_ago=7 * 24, is_fresh=False),
        ]
    )

    assert chosen(found, cadence=cadence) == numbers


def test_a_story_that_was_had_makes_room_for_the_next_and_its_number_alone_says_which() -> None:
    found = chooser([candidate(n) for n in range(1, 6)], maximum=2)

    assert chosen(found) == [5, 4]
    assert chosen(found, had=history(5, 4, 40)) == [3, 2]
    assert chosen(found, had=history(5, 3, 2, 1)) == [4]
    assert found.choose(topics=0, cadence=Cadence.DAILY, history=history(*range(1, 41))) == b""


def test_articles_of_long_ago_in_a_history_change_nothing() -> None:
    found = chooser([candidate(39), candidate(38)])

    assert chosen(found, had=history(39) | 1 << 100_000) == [38]


def test_an_issue_without_candidates_has_nothing_for_anybody() -> None:
    empty = Chooser([], highest=0, limits=Limits(maximum=16), cut_off=NOON)

    assert empty.choose(topics=SPORT, cadence=Cadence.WEEKLY, history=0b1011) == b""
    assert empty.in_order(b"\xff") == []


@given(st.sets(NUMBERS))
def test_picks_are_read_back_newest_first(numbers: set[int]) -> None:
    picks = selection.encode_picks(numbers, highest=HIGHEST)

    assert selection.decode_picks(picks, highest=HIGHEST) == sorted(numbers, reverse=True)


@pytest.mark.parametrize(
    ("numbers", "picks"), [([], b""), ([40], b"\x01"), ([33, 40], b"\x81"), ([32], b"\x01\x00")]
)
def test_picks_have_no_leading_zeros(numbers: list[int], picks: bytes) -> None:
    assert selection.encode_picks(numbers, highest=HIGHEST) == picks


@pytest.mark.parametrize("maximum", [1, 2, 7, 8, 9, 15, 16, 17, 40])
def test_as_many_stories_are_chosen_as_fit_wherever_they_stand(maximum: int) -> None:
    found = chooser([candidate(number) for number in range(1, 41)], maximum=maximum)
    had = {1, 2, 12, 25, 26, 27, 28, 29, 30, 31, 32, 33, 40}

    numbers = chosen(found, had=history(*had))

    left = [number for number in range(40, 0, -1) if number not in had]
    assert numbers == left[:maximum]
    assert chosen(found, had=history(*had)) == numbers  # remembered


def test_who_had_any_article_of_a_story_has_had_it_and_its_picks_are_what_the_mail_names() -> None:
    story = candidate(9, members=(8, 3), more=(8,))
    found = chooser([story, candidate(7)])

    picks = found.choose(topics=0, cadence=Cadence.DAILY, history=0)

    assert selection.decode_picks(picks, highest=HIGHEST) == [9, 8, 7]
    assert found.in_order(picks) == [9, 7]
    assert [chosen(found, had=history(number)) for number in (9, 8, 3)] == [[7]] * 3
    assert chosen(chooser([replace(story, more=(), is_update=True)]), had=history(8, 3)) == [9]


def test_the_top_is_for_everybody_and_is_not_filled_up_for_those_who_had_it() -> None:
    found = chooser([candidate(n, topics=SPORT if n > 2 else CULTURE) for n in range(1, 7)], top_count=2)

    assert chosen(found, topics=CULTURE) == [6, 5, 2, 1]
    assert chosen(found, topics=CULTURE, had=history(6, 5)) == [2, 1]


def test_the_top_is_of_what_is_new_in_the_time_of_a_cadence() -> None:
    old = candidate(9, topics=SPORT, hours_ago=30, is_fresh=False)
    found = chooser(
        [old, candidate(8, topics=SPORT), candidate(7, topics=SPORT)],
        top_count=1,
        reach=48 * HOUR,
    )

    assert chosen(found, topics=CULTURE, cadence=Cadence.DAILY) == [8]
    assert chosen(found, topics=CULTURE, cadence=Cadence.WEEKLY) == [9]
    assert chosen(found, topics=SPORT, cadence=Cadence.DAILY) == [9, 8, 7]


@pytest.mark.parametrize(
    ("own", "outside", "numbers"), [(10, 10, 8), (8, 1, 9), (4, 10, 4), (3, 10, 3), (0, 10, 0)]
)
def test_a_share_of_the_mail_is_from_outside_the_readers_topics(own: int, outside: int, numbers: int) -> None:
    """Of ten stories two; of fewer not more than a fifth."""
    stories = [candidate(n, topics=SPORT) for n in range(1, own + 1)]
    strange = [candidate(20 + n, topics=CULTURE) for n in range(outside)]
    found = chooser(stories + strange, maximum=10, outside_percent=20)

    mail = chosen(found, topics=SPORT)

    assert sum(number < 20 for number in mail) == min(numbers, own)
    assert sum(number >= 20 for number in mail) == {10: 2, 8: 1, 4: 1, 3: 0, 0: 0}[own]
    assert len(chosen(found)) == min(10, own + outside)


def test_no_section_and_no_author_has_more_than_its_share() -> None:
    found = chooser(
        [candidate(n, section=n % 2, author="Ada" if n > 4 else "") for n in range(1, 11)],
        section_maximum=2,
        author_maximum=3,
    )

    assert chosen(found) == [10, 9, 8, 3]
    assert chosen(found, had=history(10, 8)) == [9, 7, 6, 4]


def test_what_was_missed_is_told_once_more_at_the_end_and_never_alone() -> None:
    missed = candidate(9, topics=SPORT, hours_ago=900, is_fresh=False, is_missed=True, members=(2,))
    found = chooser([missed, candidate(5)], maximum=1)

    assert chosen(found) == [5, 9]
    assert chosen(found, had=history(9)) == [5, 9]
    assert chosen(found, had=history(9), again=history(9)) == chosen(found, again=history(2)) == [5]
    assert chosen(found, topics=CULTURE) == [5]
    assert found.choose(topics=0, cadence=Cadence.DAILY, history=history(5)) == b""


def test_a_blocked_article_takes_its_story_out_while_the_issue_goes_out() -> None:
    found = chooser([candidate(9, more=(8,)), candidate(7, members=(6,)), candidate(5)], top_count=1)
    assert chosen(found) == [9, 7, 5]

    found.block(frozenset({8, 6}))
    assert (chosen(found), found.blocked) == ([7, 5], frozenset({8, 6}))

    found.block({7})
    assert chosen(found) == [9, 5]


def test_a_first_digest_reaches_back_a_week_whatever_the_cadence() -> None:
    candidates = [candidate(2, hours_ago=7 * 24 - 1, is_fresh=False), candidate(1, hours_ago=7 * 24)]
    found = Chooser(candidates[:1], highest=HIGHEST, limits=Limits(maximum=9), cut_off=NOON, is_first=True)

    assert chosen(found, cadence=Cadence.EVERY_ISSUE) == [2]


def test_breaking_news_has_no_rhythm_and_no_reach() -> None:
    old = candidate(2, topics=SPORT, hours_ago=100, is_fresh=False)
    found = Chooser([old], highest=HIGHEST, limits=Limits(maximum=1), cut_off=NOON, is_breaking=True)

    assert [chosen(found, topics=SPORT, cadence=cadence) for cadence in Cadence] == [[2]] * len(Cadence)
    assert chosen(found, topics=CULTURE) == []


def test_a_choice_says_how_many_stories_it_tells_without_those_told_once_more() -> None:
    found = chooser([candidate(9, more=(8,)), candidate(7), candidate(3, is_missed=True)])

    assert found.choice(topics=0, cadence=Cadence.DAILY, history=0).story_count == 2
