"""Share rates on a real Redis, without one, and after losing one."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
import redis

from newsletter.broker.rates import Rates
from newsletter.domain.rates import Ask, Lot
from newsletter.runtime import logs
from tests.clocks import FixedClock
from tests.services.ports import free_port
from tests.services.redis_server import RedisServer

SLOW = 1 / 60  # a message a minute: no token comes back while a test runs
SECOND = timedelta(seconds=1)


def ask(key: str = "relay|google", *, rate: float = 100, bulk: int = 0, urgent: int = 0) -> Ask:
    return Ask(key, rate, bulk, urgent)


@pytest.fixture(autouse=True)
def _logging() -> None:
    """Let warnings be seen, whatever another test has set up."""
    logs.configure("INFO")


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """Run a Redis that may be killed."""
    server = RedisServer()
    yield server
    server.close()


def test_two_senders_share_a_rate(redis_url: str) -> None:
    one, other = Rates(redis_url), Rates(redis_url)

    lots = [sender.lots([ask(rate=SLOW, bulk=5)])[0] for sender in (one, other, one)]

    assert lots == [(1, 0), (0, 0), (0, 0)]


def test_two_senders_together_get_no_more_than_the_rate(redis_url: str) -> None:
    senders = [Rates(redis_url), Rates(redis_url)]
    counts, started = [0, 0], time.monotonic()

    for _ in range(60):
        for number, sender in enumerate(senders):
            counts[number] += sender.lots([ask(rate=1000, bulk=25)])[0].bulk

    elapsed = time.monotonic() - started
    assert sum(counts) <= 800 + 800 * elapsed + 1
    assert all(count >= 25 for count in counts)


def test_a_fifth_is_kept_for_what_is_urgent(redis_url: str) -> None:
    sender = Rates(redis_url)

    bulk = sender.lots([ask(rate=100, bulk=1000)])[0]
    urgent = sender.lots([ask(rate=100, urgent=5)])[0]

    assert 80 <= bulk.bulk <= 100
    assert urgent == Lot(0, 5)


def test_what_is_urgent_goes_before_the_rest(redis_url: str) -> None:
    assert Rates(redis_url).lots([ask(rate=100, bulk=50, urgent=90)])[0] == Lot(10, 90)


def test_several_rates_are_asked_for_at_once_and_kept_apart(redis_url: str) -> None:
    lots = Rates(redis_url).lots(
        [ask("a", rate=SLOW, bulk=1), ask("b", rate=10, bulk=4), ask("a", rate=SLOW, bulk=1)]
    )

    assert lots == [(1, 0), (4, 0), (0, 0)]


def test_tokens_come_back_with_redis_own_time(redis_url: str) -> None:
    sender = Rates(redis_url)
    sender.lots([ask(rate=100, bulk=80)])
    client = redis.Redis.from_url(redis_url)
    [key] = client.keys("nl:rates:*")
    client.hincrbyfloat(key, "at", -0.5)  # as if half a second had passed

    lot = sender.lots([ask(rate=100, bulk=80)])[0]

    assert 40 <= lot.bulk < 80


def test_what_is_not_used_is_forgotten_when_it_is_full_again(redis_url: str) -> None:
    Rates(redis_url).lots([ask(rate=SLOW, bulk=1)])

    client = redis.Redis.from_url(redis_url)
    [key] = client.keys("nl:rates:*")
    left = client.ttl(key)

    assert 300 < left <= 361  # a fifth of a message a minute is full after five minutes


def test_without_redis_each_sender_takes_its_part(clock: FixedClock) -> None:
    sender = Rates(processes=4, clock=clock)

    first = sender.lots([ask(rate=100, bulk=100, urgent=0)])[0]
    clock.advance(SECOND)
    second = sender.lots([ask(rate=100, bulk=100, urgent=0)])[0]

    assert (first, second) == ((20, 0), (20, 0))


def test_a_redis_that_dies_stops_nobody_and_is_told_once(
    own_redis: RedisServer, clock: FixedClock, capsys: pytest.CaptureFixture[str]
) -> None:
    sender = Rates(own_redis.url, processes=2, clock=clock)
    assert sender.lots([ask(bulk=10)]) == [(10, 0)]
    own_redis.kill()

    lots = [sender.lots([ask(bulk=100)])[0] for _ in range(2)]
    clock.advance(31 * SECOND)
    later = sender.lots([ask(bulk=100)])[0]

    assert lots == [(40, 0), (0, 0)]
    assert later == (40, 0)
    assert capsys.readouterr().err.count("rates_without_redis") == 1


def test_a_redis_that_comes_back_is_used_again(own_redis: RedisServer, clock: FixedClock) -> None:
    sender = Rates(own_redis.url, processes=100, clock=clock)
    own_redis.kill()
    assert sender.lots([ask(bulk=50)]) == [(1, 0)]
    own_redis.start()

    soon = sender.lots([ask(bulk=50)])[0]
    clock.advance(31 * SECOND)
    later = sender.lots([ask(bulk=50)])[0]

    assert (soon, later) == ((0, 0), (50, 0))


def test_a_redis_that_is_silent_is_waited_for_at_most_a_quarter_of_a_second(clock: FixedClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sender = Rates(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", clock=clock)
        started = time.monotonic()

        lots = [sender.lots([ask(bulk=10)])[0] for _ in range(3)]

        assert time.monotonic() - started < 1  # one wait in all; a busy machine may add some
    assert lots == [(10, 0), (10, 0), (10, 0)]


def test_a_redis_that_was_never_there_stops_nobody(clock: FixedClock) -> None:
    sender = Rates(f"redis://127.0.0.1:{free_port()}/0", clock=clock)

    assert sender.lots([ask(bulk=10)]) == [(10, 0)]


def test_nothing_to_ask_opens_nothing() -> None:
    assert Rates("redis://nowhere.invalid/0").lots([]) == []
