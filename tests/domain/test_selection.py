"""Check the choosing of stories against a plain walk over the candidates."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import selection
from newsletter.domain.selection import Candidate, Chooser, History
from newsletter.domain.subscriptions import Cadence
from tests.clocks import NOON

HOUR = timedelta(hours=1)
HIGHEST = 40
SPORT, CULTURE = 0b01, 0b10
NUMBERS = st.integers(1, HIGHEST)
TOPICS = st.integers(0, 0b1111) | st.just(1 << 62)

CANDIDATES = st.lists(
    st.builds(
        lambda number, topics, age, delay, is_fresh: Candidate(
            number, topics, NOON - age * HOUR, is_fresh, NOON - (age + delay) * HOUR
        ),
        number=NUMBERS,
        topics=TOPICS,
        age=st.integers(0, 200),
        delay=st.integers(0, 3),
        is_fresh=st.booleans(),
    ),
    unique_by=lambda candidate: candidate.number,
    max_size=24,
)


def candidate(number: int, *, topics: int = 0, hours_ago: int = 1, is_fresh: bool = True) -> Candidate:
    at = NOON - hours_ago * HOUR
    return Candidate(number, topics, at, is_fresh, at)


def chooser(candidates: list[Candidate], *, maximum: int = 16) -> Chooser:
    return Chooser(selection.rank(candidates), highest=HIGHEST, maximum=maximum, cut_off=NOON)


def chosen(
    found: Chooser, *, topics: int = 0, cadence: Cadence = Cadence.EVERY_ISSUE, had: int = 0
) -> list[int]:
    return found.in_order(found.choose(topics=topics, cadence=cadence, history=had))


def history(*numbers: int) -> int:
    return int.from_bytes(selection.encode_picks(numbers, highest=HIGHEST), "big")


def walk(
    candidates: list[Candidate], *, topics: int, cadence: Cadence, had: set[int], maximum: int
) -> list[int]:
    """Choose in the plainest way: look at each candidate, newest first."""
    reach = {
        Cadence.EVERY_ISSUE: timedelta(),
        Cadence.DAILY: timedelta(days=1),
        Cadence.WEEKLY: timedelta(days=7),
    }
    numbers = []
    for each in sorted(candidates, key=lambda c: (NOON - c.dated_at, -c.number)):
        is_within = each.is_fresh or NOON - each.seen_at < reach[cadence]
        is_wanted = topics == 0 or each.topics == 0 or each.topics & topics != 0
        if is_within and is_wanted and each.number not in had:
            numbers.append(each.number)
    return numbers[:maximum]


@given(
    candidates=CANDIDATES,
    topics=TOPICS,
    cadence=st.sampled_from(Cadence),
    had=st.sets(NUMBERS),
    maximum=st.integers(1, 20),
)
def test_choosing_equals_a_walk_over_all_candidates(
    candidates: list[Candidate], topics: int, cadence: Cadence, had: set[int], maximum: int
) -> None:
    found = chooser(candidates, maximum=maximum)

    numbers = chosen(found, topics=topics, cadence=cadence, had=history(*had))

    assert numbers == walk(candidates, topics=topics, cadence=cadence, had=had, maximum=maximum)


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


def test_stories_stand_newest_first_and_of_equals_the_later_number_first() -> None:
    late_arrival = replace(candidate(9), dated_at=NOON - 5 * HOUR)
    candidates = [candidate(1), candidate(3, hours_ago=2), candidate(2), late_arrival]

    assert [each.number for each in selection.rank(candidates)] == [2, 1, 3, 9]
    assert chosen(chooser(candidates)) == [2, 1, 3, 9]


def test_an_issue_without_candidates_has_nothing_for_anybody() -> None:
    empty = Chooser([], highest=0, maximum=16, cut_off=NOON)

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


@given(ours=st.sets(NUMBERS), then=st.sets(NUMBERS), highest_then=st.integers(HIGHEST, HIGHEST * 2))
def test_a_history_joins_mailings_before_and_after(ours: set[int], then: set[int], highest_then: int) -> None:
    for highest in (HIGHEST, HIGHEST * 3):
        joined = History(highest=highest)

        joined.add(
            [(7, selection.encode_picks(ours, highest=highest))], highest_then=highest, cut_off_at=NOON
        )
        picks = selection.encode_picks(then, highest=highest_then)
        joined.add([(7, picks)], highest_then=highest_then, cut_off_at=NOON)

        expected = sum(1 << highest - number for number in ours | then)
        assert joined.of(7, signup_number=None) == expected


def test_articles_newer_than_a_mailing_fall_off_its_histories() -> None:
    joined = History(highest=39)

    joined.add([(7, selection.encode_picks([41, 40, 38], highest=41))], highest_then=41, cut_off_at=NOON)

    assert joined.of(7, signup_number=None) == 0b10


@pytest.mark.parametrize(("signup_number", "mask"), [(None, 0b1), (38, 0b101), (40, 0b1), (41, 0b1)])
def test_the_article_of_the_signup_counts_as_had(signup_number: int | None, mask: int) -> None:
    joined = History(highest=40)
    joined.add([(7, b"\1")], highest_then=40, cut_off_at=NOON)

    assert joined.of(7, signup_number=signup_number) == mask


def test_readers_have_histories_of_their_own_and_the_newest_issue_counts() -> None:
    joined = History(highest=40)

    joined.add([(7, b"\1"), (8, b"\2")], highest_then=39, cut_off_at=NOON - HOUR)
    joined.add([(8, b"\1")], highest_then=40, cut_off_at=NOON)

    assert [joined.of(reader, signup_number=None) for reader in (7, 8, 9)] == [0b10, 0b101, 0]
    assert [joined.last_at(reader) for reader in (7, 8, 9)] == [NOON - HOUR, NOON, None]


@pytest.mark.parametrize("maximum", [1, 2, 7, 8, 9, 15, 16, 17, 40])
def test_as_many_stories_are_chosen_as_fit_wherever_they_stand(maximum: int) -> None:
    found = chooser([candidate(number) for number in range(1, 41)], maximum=maximum)
    had = {1, 2, 12, 25, 26, 27, 28, 29, 30, 31, 32, 33, 40}

    numbers = chosen(found, had=history(*had))

    left = [number for number in range(40, 0, -1) if number not in had]
    assert numbers == left[:maximum]
    assert chosen(found, had=history(*had)) == numbers  # remembered
