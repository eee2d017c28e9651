"""Check the arithmetic of tokens and of rates that rise slowly and fall fast."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import rates
from newsletter.domain.rates import Pace
from newsletter.domain.throttling import Scope, Throttling
from tests.clocks import NOON

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
POLITE = Throttling(
    scope=Scope.GROUP, reason="x", halves=True, pause=5 * MINUTE, hits_needed=2, resume_rate=10
)


def test_a_fifth_of_a_rate_is_kept_for_what_is_urgent() -> None:
    tokens = rates.full(100, at=0)

    emptied, bulk = rates.take(tokens, bulk=1000, urgent=0)
    _, urgent = rates.take(emptied, bulk=1, urgent=1000)

    assert (bulk, urgent) == ((80, 0), (0, 20))


def test_what_is_urgent_goes_first_and_may_use_the_whole_rate() -> None:
    rest, lot = rates.take(rates.full(100, at=0), bulk=50, urgent=90)

    assert lot == (10, 90)
    assert (rest.bulk, rest.urgent) == (0, 0)


def test_buckets_fill_with_time_and_hold_a_second() -> None:
    empty = rates.Tokens(0, 0, 0)

    assert rates.refill(empty, 100, 0.25)[:2] == pytest.approx((20, 5))
    assert rates.refill(empty, 100, 60)[:2] == pytest.approx((80, 20))
    assert rates.refill(empty, 1 / 60, 75)[:2] == pytest.approx((1, 0.25))


def test_a_clock_that_goes_back_gives_nothing_twice() -> None:
    tokens = rates.refill(rates.Tokens(0, 0, 100), 10, 90)

    assert tokens == (0, 0, 100)


@pytest.mark.parametrize(
    ("rate", "elapsed", "size"),
    [(100, 0.25, 25), (100, 0.3, 30), (100, 9, 100), (1 / 60, 0.25, 1), (7, 0, 2)],
)
def test_a_lot_is_what_a_rate_gives_until_the_next(rate: float, elapsed: float, size: int) -> None:
    assert rates.lot_size(rate, elapsed) == size


@given(
    rate=st.floats(0.01, 10_000),
    asks=st.lists(
        st.tuples(st.floats(0, 5), st.integers(0, 5000), st.integers(0, 5000)), min_size=1, max_size=40
    ),
)
def test_nobody_gets_more_than_the_rate_and_bulk_no_more_than_its_part(
    rate: float, asks: list[tuple[float, int, int]]
) -> None:
    tokens, at, bulk_count, urgent_count = rates.full(rate, 0), 0.0, 0, 0

    for pause, bulk, urgent in asks:
        at += pause
        tokens, lot = rates.take(rates.refill(tokens, rate, at), bulk=bulk, urgent=urgent)
        assert 0 <= lot.bulk <= bulk
        assert 0 <= lot.urgent <= urgent
        bulk_count += lot.bulk
        urgent_count += lot.urgent

    start = rates.full(rate, 0)
    assert bulk_count <= start.bulk + 0.8 * rate * at + 1e-6
    assert bulk_count + urgent_count <= start.bulk + start.urgent + rate * at + 1e-6


def test_the_first_reply_halves_what_was_observed_and_the_second_suspends() -> None:
    first = rates.slow_down(Pace(), POLITE, observed=600, now=NOON)
    second = rates.slow_down(first, POLITE, observed=300, now=NOON + MINUTE)

    assert (first.rate, first.suspended_until, first.hits) == (300, None, 1)
    assert (second.rate, second.suspended_until, second.hits) == (10, NOON + 6 * MINUTE, 2)
    assert second.is_suspended(NOON + 5 * MINUTE)
    assert not second.is_suspended(NOON + 6 * MINUTE)


def test_replies_to_what_was_under_way_at_once_count_once() -> None:
    first = rates.slow_down(Pace(), POLITE, observed=600, now=NOON)

    again = rates.slow_down(first, POLITE, observed=600, now=NOON + 9 * SECOND)

    assert again == first


def test_hits_are_forgotten_after_an_hour() -> None:
    first = rates.slow_down(Pace(), POLITE, observed=600, now=NOON)

    later = rates.slow_down(first, POLITE, observed=600, now=NOON + HOUR + SECOND)

    assert (later.hits, later.suspended_until) == (1, None)


def test_a_rate_falls_to_one_message_a_minute_and_no_further() -> None:
    assert rates.slow_down(Pace(), POLITE, observed=0, now=NOON).rate == 1


def test_a_fault_of_ours_stops_without_halving_and_is_forgotten_with_the_first_clean_minute() -> None:
    fault = Throttling(
        scope=Scope.CONFIGURATION, reason="x", pause=HOUR, resume_rate=1, steady=2 * MINUTE, fault="550"
    )

    stopped = rates.slow_down(Pace(rate=None), fault, observed=600, now=NOON)
    tried = rates.speed_up(stopped, now=NOON + HOUR + MINUTE)
    mended = rates.speed_up(stopped, now=NOON + HOUR + 2 * MINUTE)

    assert (stopped.rate, stopped.suspended_until, stopped.fault) == (1, NOON + HOUR, "550")
    assert tried == stopped
    assert (mended.rate, mended.fault, mended.suspended_until) == (1.1, None, None)


def test_a_clean_minute_adds_a_tenth_and_a_clean_day_lifts_the_limit() -> None:
    slow = rates.slow_down(Pace(), POLITE, observed=600, now=NOON)

    early = rates.speed_up(slow, now=NOON + 59 * SECOND)
    grown = rates.speed_up(slow, now=NOON + MINUTE)
    soon = rates.speed_up(grown, now=NOON + MINUTE + SECOND)
    free = rates.speed_up(grown, now=NOON + 24 * HOUR)

    assert early == slow
    assert grown.rate == pytest.approx(330)
    assert soon == grown
    assert (free.rate, free.grows_at) == (None, None)


@given(st.lists(st.tuples(st.integers(1, 7200), st.booleans()), max_size=60), st.floats(0, 100_000))
def test_a_pace_stays_sane_whatever_is_heard(events: list[tuple[int, bool]], observed: float) -> None:
    pace, now = Pace(), NOON

    for seconds, is_hit in events:
        now += seconds * SECOND
        before = pace
        if is_hit:
            pace = rates.slow_down(pace, POLITE, observed=observed, now=now)
            assert pace.rate is not None
            assert pace.rate <= max(1, before.rate or observed)
        else:
            pace = rates.speed_up(pace, now=now)
            assert pace.rate is None or before.rate is None or pace.rate <= before.rate * 1.1 + 1e-9
        assert pace.rate is None or pace.rate >= 1
