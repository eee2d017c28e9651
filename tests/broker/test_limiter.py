"""Check the limits on a real Redis, without one, and after losing one."""

from __future__ import annotations

import time
from datetime import timedelta

from newsletter.broker.limiter import Limit, Limiter
from tests.clocks import FixedClock
from tests.services.ports import free_port

TWICE = Limit("signup", per_minute=2, per_hour=100)


def test_a_client_is_stopped_after_its_share() -> None:
    limiter = Limiter()

    answers = [limiter.allows(TWICE, "192.0.2.1") for _ in range(3)]

    assert answers == [True, True, False]
    assert limiter.allows(TWICE, "192.0.2.2")


def test_two_processes_count_together_on_redis(redis_url: str) -> None:
    one, other = Limiter(redis_url), Limiter(redis_url)

    answers = [one.allows(TWICE, "a"), other.allows(TWICE, "a"), one.allows(TWICE, "a")]

    assert answers == [True, True, False]


def test_whether_there_is_room_is_asked_without_counting(redis_url: str) -> None:
    once = Limit("once", per_day=1)
    for limiter in (Limiter(), Limiter(redis_url)):
        assert limiter.has_room(once, "a")
        assert limiter.has_room(once, "a")
        assert limiter.allows(once, "a")
        assert not limiter.has_room(once, "a")
        assert limiter.has_room(once, "b")


def test_things_with_different_names_do_not_share_a_count(redis_url: str) -> None:
    limiter = Limiter(redis_url)
    assert [limiter.allows(TWICE, "a") for _ in range(3)][-1] is False

    assert limiter.allows(Limit("other", per_minute=1, per_hour=1), "a")


def test_a_redis_that_is_down_stops_nobody_and_is_left_alone_for_a_while(clock: FixedClock) -> None:
    limiter = Limiter(f"redis://127.0.0.1:{free_port()}/0", clock=clock)

    started = time.monotonic()
    answers = [limiter.allows(TWICE, "a") for _ in range(3)]

    assert answers == [True, True, False]
    assert time.monotonic() - started < 2
    clock.advance(timedelta(minutes=1))
    assert limiter.allows(TWICE, "b")
