"""Check how the picks of many mailings are joined to what readers have had."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import selection
from newsletter.domain.histories import History
from tests.clocks import NOON

HOUR = timedelta(hours=1)
HIGHEST = 40
NUMBERS = st.integers(1, HIGHEST)


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


def test_what_is_no_digest_of_the_newsletter_was_had_and_is_no_part_of_the_rhythm() -> None:
    joined = History(highest=40)

    joined.add([(7, b"\1")], highest_then=40, cut_off_at=None)
    joined.add([(8, b"\1")], highest_then=40, cut_off_at=None, missed=b"\1")

    assert [joined.of(reader, signup_number=None) for reader in (7, 8)] == [1, 1]
    assert [joined.last_at(reader) for reader in (7, 8)] == [None, None]


def test_what_was_told_once_more_is_known_apart_from_what_was_had() -> None:
    joined = History(highest=42)

    joined.add([(7, b"\x07"), (8, b"\x04")], highest_then=40, cut_off_at=NOON, missed=b"\x03")
    joined.add([(7, b"\x01")], highest_then=43, cut_off_at=NOON, missed=b"\x01")

    assert [joined.again(reader) for reader in (7, 8, 9)] == [0b1100, 0, 0]
    assert joined.of(7, signup_number=None) == 0b11100
