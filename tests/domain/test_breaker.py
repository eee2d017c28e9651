"""A relay that failed is left alone for longer and longer, and tried with one attempt."""

from __future__ import annotations

from newsletter.domain.breaker import PAUSES, Breaker, Passage


def test_nothing_is_barred_before_anything_has_failed() -> None:
    assert Breaker().passage(0.0) is Passage.FREE


def test_each_failed_trial_makes_the_pause_longer_up_to_five_minutes() -> None:
    breaker, now, pauses = Breaker(), 0.0, []
    for _ in range(9):
        breaker = breaker.failed(now)
        pauses.append(breaker.barred_until - now)
        now = breaker.barred_until
        breaker = breaker.on_trial()

    assert pauses == [*PAUSES, 300.0, 300.0]


def test_what_fails_behind_an_open_breaker_is_the_same_failure() -> None:
    breaker = Breaker().failed(10.0)

    assert breaker.failed(10.5) == breaker


def test_after_the_pause_one_attempt_may_go_and_no_second_beside_it() -> None:
    breaker = Breaker().failed(10.0)

    assert breaker.passage(10.9) is Passage.BARRED
    assert breaker.passage(11.0) is Passage.TRIAL
    assert breaker.on_trial().passage(500.0) is Passage.BARRED


def test_an_attempt_that_proved_nothing_may_be_followed_at_once() -> None:
    breaker = Breaker().failed(10.0).on_trial().undecided()

    assert breaker.passage(11.0) is Passage.TRIAL


def test_a_success_forgets_the_failures() -> None:
    breaker = Breaker().failed(0.0).on_trial().failed(1.0).succeeded()

    assert breaker == Breaker()
    assert breaker.failed(5.0).barred_until == 5.0 + PAUSES[0]
