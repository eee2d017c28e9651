"""Trying subjects: who gets which, and when one has won."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from newsletter.domain import subject_test
from newsletter.domain.mailings import draw
from newsletter.domain.subject_test import Decision, DecisionReason, Trial, decide


def test_the_sample_has_its_size_and_its_subjects_are_alike_in_number() -> None:
    drawn = Counter(
        subject_test.sample_arm(7, reader, count=3, sample_percent=20) for reader in range(30_000)
    )

    assert drawn[None] == pytest.approx(24_000, rel=0.02)
    assert [drawn[arm] for arm in range(3)] == pytest.approx([2_000] * 3, rel=0.08)
    assert set(drawn) == {None, 0, 1, 2}


def test_a_reader_keeps_the_subject_and_is_drawn_anew_for_each_issue() -> None:
    of_one, of_other = (
        [subject_test.sample_arm(issue, reader, count=2, sample_percent=50) for reader in range(2_000)]
        for issue in (7, 8)
    )

    assert of_one == [
        subject_test.sample_arm(7, reader, count=2, sample_percent=50) for reader in range(2_000)
    ]
    assert 0.3 < sum(map(lambda one, other: one == other, of_one, of_other)) / 2_000 < 0.45


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ((80, 10), None),  # too few to say anything
        ((500, 480), None),
        ((500, 500, 500, 500), None),
        ((400, 520), Decision(1, DecisionReason.BETTER)),
        ((400, 520, 560, 300), Decision(2, DecisionReason.BETTER)),
        ((600, 400, 410), Decision(0, DecisionReason.BETTER)),
        ((600, 400, 590), None),  # the first is not better than all
    ],
)
def test_a_subject_wins_early_when_there_is_hardly_a_doubt(
    people: Sequence[int], expected: Decision | None
) -> None:
    assert decide([Trial(count, 10_000) for count in people], is_over=False) == expected


@pytest.mark.parametrize(
    ("people", "reason"),
    [((40, 59), DecisionReason.TOO_FEW_CLICKS), ((40, 60), DecisionReason.NO_DIFFERENCE)],
)
def test_when_the_time_is_over_the_editors_first_wins_unless_another_is_better(
    people: Sequence[int], reason: DecisionReason
) -> None:
    trials = [Trial(count, 10_000) for count in people]

    assert decide(trials, is_over=True) == Decision(0, reason)
    assert decide([Trial(400, 10_000), Trial(520, 10_000)], is_over=True) == Decision(
        1, DecisionReason.BETTER
    )
    assert decide([Trial(0, 0), Trial(0, 0)], is_over=True) == Decision(0, DecisionReason.TOO_FEW_CLICKS)


def test_clicks_count_per_message() -> None:
    """As many clicks from twice the messages are half as good."""
    assert decide([Trial(500, 20_000), Trial(500, 10_000)], is_over=False) == Decision(
        1, DecisionReason.BETTER
    )
    assert decide([Trial(500, 10_000), Trial(500, 20_000)], is_over=False) == Decision(
        0, DecisionReason.BETTER
    )
    assert decide([Trial(500, 0), Trial(500, 20_000)], is_over=False) is None


@pytest.mark.parametrize("count", [2, 4])
def test_hardly_ever_does_a_subject_win_that_is_no_better(count: int) -> None:
    """Looked at after every ten of 1,500 clicks."""
    tests = 200

    wrong = sum(_winner([1] * count, test) not in (0, None) for test in range(tests))

    assert wrong <= subject_test.FALSE_ALARM * tests


def test_a_subject_that_is_a_third_better_wins_as_a_rule() -> None:
    assert sum(_winner([3, 4], test) == 1 for test in range(40)) >= 36


def _winner(rates: Sequence[int], test: int) -> int | None:
    """Let people click one after another, with chances like the rates."""
    arms = [arm for arm, rate in enumerate(rates) for _ in range(rate)]
    people = [0] * len(rates)
    for number in range(1_500):
        people[arms[draw(test, number) % len(arms)]] += 1
        if number % 10 == 9:
            decision = decide([Trial(one, 50_000) for one in people], is_over=False)
            if decision is not None:
                return decision.arm
    return None
