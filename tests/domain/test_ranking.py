"""In which order stories stand, and why."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any  # a table of any field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import ranking
from newsletter.domain.ranking import Rank
from tests.clocks import NOON

# Each beats the next by the field that counts first, whatever the later ones say.
LADDER: tuple[dict[str, Any], ...] = (
    {"weight": 2},
    {"weight": 1, "importance": 9, "section_weight": 9, "clicks": 9_999},
    {"importance": 3},
    {"importance": 2, "section_weight": 9, "clicks": 9_999},
    {"section_weight": 1, "step": 9},
    {"clicks": 50, "step": 0},
    {"clicks": 49, "position": 0},
    {"clicks": 7, "position": 4},
    {"clicks": 7, "position": None},
    {"step": 1, "clicks": 9_999, "position": 0},
    {"section_weight": -1, "clicks": 9_999},
    {"weight": -1, "importance": 9},
)

ranks = st.builds(
    Rank,
    number=st.integers(1, 999),
    pin=st.none() | st.integers(1, 12),
    weight=st.integers(-1, 1),
    importance=st.integers(-1, 1),
    step=st.integers(0, 2),
    clicks=st.integers(0, 2),
    position=st.none() | st.integers(0, 2),
)


def test_what_counts_first_decides_alone() -> None:
    ladder = [Rank(number=number, **fields) for number, fields in enumerate(LADDER, 1)]
    shuffled = [*ladder[::2], *ladder[-1::-2]]

    assert ranking.order({each.number: each for each in shuffled}.values()) == ladder


def test_between_equals_the_newer_number_stands_first() -> None:
    assert [rank.number for rank in ranking.order([Rank(number=4), Rank(number=9), Rank(number=7)])] == [
        9,
        7,
        4,
    ]


@given(st.lists(ranks, max_size=12, unique_by=lambda rank: rank.number), st.randoms(use_true_random=False))
def test_the_order_is_total_and_the_same_however_it_is_given(found: list[Rank], chance: Any) -> None:
    shuffled = chance.sample(found, len(found))

    ordered = ranking.order(shuffled)

    assert ordered == ranking.order(found)
    assert sorted(rank.number for rank in ordered) == sorted(rank.number for rank in found)
    free = [rank for rank in ordered if rank.pin is None]
    assert free == sorted(free, key=lambda rank: rank.key)


@pytest.mark.parametrize(
    ("pins", "places"),
    [
        ({1: 1}, [1, 5, 4, 3, 2]),
        ({1: 3}, [5, 4, 1, 3, 2]),
        ({1: 9}, [5, 4, 3, 2, 1]),
        ({1: 2, 5: 1, 2: 3}, [5, 1, 2, 4, 3]),
        ({1: 2, 2: 2}, [5, 2, 1, 4, 3]),
        ({1: 1, 2: 1, 3: 2}, [2, 1, 3, 5, 4]),
        ({5: 5, 1: 4}, [4, 3, 2, 1, 5]),
    ],
)
def test_a_pin_is_a_place_from_the_top(pins: dict[int, int], places: list[int]) -> None:
    ordered = ranking.order(Rank(number=number, pin=pins.get(number)) for number in range(1, 6))

    assert [rank.number for rank in ordered] == places


@given(ranks)
def test_a_rank_is_read_back_as_it_was_kept(rank: Rank) -> None:
    kept = json.loads(json.dumps({**rank.as_dict(), "links": ["of the story"]}))

    assert Rank.from_dict(kept) == rank
    assert str(rank.number) in ranking.sentence(rank)


def test_a_place_is_told_in_a_sentence() -> None:
    rank = Rank(number=17, pin=2, weight=1, importance=-3, step=2, clicks=40, position=0)

    assert ranking.sentence(rank) == (
        "pinned to place 2, editor's weight +1, importance -3, 2 steps of age down, "
        "40 clicks by people, older ones counted for less, place 1 in its feed, article number 17"
    )


@pytest.mark.parametrize(("hours", "steps"), [(-2, 0), (0, 0), (11, 0), (12, 1), (35, 2), (48, 4)])
def test_an_article_goes_down_a_step_each_half_life(hours: int, steps: int) -> None:
    dated_at = NOON - timedelta(hours=hours)

    assert ranking.step(dated_at, at=NOON, half_life=timedelta(hours=12)) == steps
