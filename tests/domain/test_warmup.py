"""Check how a sender's ceiling rises, holds, falls and begins again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import warmup
from newsletter.domain.warmup import Health, Warmup

MONDAY = date(2026, 11, 23)
DAY = timedelta(days=1)
CONTENT = Health(attempts=1000)


def used(state: Warmup) -> Warmup:
    return replace(state, used_on=state.set_on)


def test_the_ceiling_grows_from_two_hundred_to_two_hundred_thousand_in_six_weeks() -> None:
    found = [warmup.ceiling(day) for day in (0, 1, 2, 14, 21, 28, 35, 41)]

    assert found == [200, 237, 280, 2116, 6880, 22377, 72779, 200_000]


def test_days_with_content_receivers_lead_to_no_ceiling() -> None:
    state, today = warmup.begin(MONDAY), MONDAY

    for _ in range(warmup.DAYS):
        assert not state.is_over
        today += DAY
        state = warmup.next_day(used(state), CONTENT, today=today).warmup

    assert state.is_over
    assert warmup.next_day(used(state), CONTENT, today=today + DAY).warmup.is_over


@pytest.mark.parametrize(
    ("health", "why"),
    [
        (Health(attempts=1000, deferrals=49, policy_refusals=4, bounces=19), "advanced"),
        (Health(attempts=1000, deferrals=50), "held: deferrals 5.00%, at most 5.0%"),
        (Health(attempts=1000, policy_refusals=5), "held: policy refusals 0.50%, at most 0.5%"),
        (Health(attempts=1000, complaints=1), "held: complaints 0.10%, at most 0.1%"),
        (Health(attempts=1000, bounces=20), "held: bounces 2.00%, at most 2.0%"),
        (Health(attempts=0), "advanced"),
    ],
)
def test_the_gates(health: Health, why: str) -> None:
    before = used(warmup.begin(MONDAY))

    step = warmup.next_day(before, health, today=MONDAY + DAY)

    assert step.why == why
    assert step.warmup.ceiling == (237 if why == "advanced" else 200)
    assert step.warmup.set_on == MONDAY + DAY


def test_a_day_without_mail_earns_nothing() -> None:
    step = warmup.next_day(warmup.begin(MONDAY), CONTENT, today=MONDAY + DAY)

    assert step.why == "held: nothing was submitted"
    assert step.warmup.ceiling == 200


@pytest.mark.parametrize(("days", "begins_again"), [(30, False), (31, True)])
def test_a_domain_that_was_idle_for_a_month_begins_again(days: int, begins_again: bool) -> None:
    state = replace(warmup.begin(MONDAY), day=20, ceiling=warmup.ceiling(20), used_on=MONDAY)

    step = warmup.next_day(state, CONTENT, today=MONDAY + days * DAY)

    assert (step.warmup.ceiling == 200) is begins_again
    assert step.why.startswith("begun again") is begins_again


def test_a_throttling_reply_halves_the_ceiling_once_a_day_and_it_comes_back_in_steps() -> None:
    state = replace(warmup.begin(MONDAY), day=14, ceiling=2116)

    once = warmup.halve(state, today=MONDAY).warmup
    twice = warmup.halve(once, today=MONDAY).warmup
    tuesday = warmup.next_day(used(once), CONTENT, today=MONDAY + DAY).warmup

    assert (once.ceiling, once.day) == (1058, 9)
    assert twice == once
    assert once.ceiling < tuesday.ceiling < 2116


def test_half_of_the_first_day_comes_back_to_the_first_day() -> None:
    halved = warmup.halve(warmup.begin(MONDAY), today=MONDAY).warmup

    next_one = warmup.next_day(used(halved), CONTENT, today=MONDAY + DAY).warmup

    assert (halved.ceiling, next_one.ceiling, next_one.day) == (100, 200, 0)


@given(st.lists(st.sampled_from(["good", "bad", "halved", "idle"]), max_size=120))
def test_a_ceiling_never_grows_by_more_than_its_formula(days: list[str]) -> None:
    state, today = warmup.begin(MONDAY), MONDAY

    for kind in days:
        before = state
        today += DAY
        if kind == "halved":
            state = warmup.halve(used(state), today=today).warmup
        elif kind == "idle":
            state = warmup.next_day(state, CONTENT, today=today).warmup
        else:
            health = CONTENT if kind == "good" else Health(attempts=10, bounces=5)
            state = warmup.next_day(used(state), health, today=today).warmup

        assert 1 <= state.ceiling <= warmup.LAST
        assert state.ceiling <= max(2 * before.ceiling + 1, warmup.FIRST)
