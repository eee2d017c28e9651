"""Workers share what one of them learns, and the rates that they have together."""

from __future__ import annotations

from newsletter.broker.rates import Rates
from newsletter.store import Database
from tests.clocks import NOON, FixedClock
from tests.sending.test_throttle import (
    BULK,
    BUSY,
    GMAIL_RATE,
    MINUTE,
    SECOND,
    TICK,
    New,
    Place,
    ids,
    new,
    pass_time,
    row,
)
from tests.services.redis_server import RedisServer

__all__ = ["ids", "new"]


def test_another_worker_learns_of_it_within_two_seconds(
    new: New, clock: FixedClock, ids: dict[str, int]
) -> None:
    one, other = new(), new()
    for throttle in (one, other):
        throttle.tick(NOON)

    one.heard("relay", ids["gmail.com"], GMAIL_RATE, now=NOON)
    one.tick(NOON)
    pass_time(other, clock, 2 * SECOND)

    assert other.is_held(ids["gmail.com"])


def test_two_workers_that_hear_the_same_throttling_halve_once(
    new: New, clock: FixedClock, database: Database, ids: dict[str, int]
) -> None:
    one, other = new(), new()
    for throttle in (one, other):
        throttle.tick(clock.now())
        for _ in range(100):
            throttle.accepted("relay", ids["x.example"])
    clock.advance(MINUTE)

    for throttle in (one, other, one):
        throttle.heard("relay", ids["x.example"], BUSY, now=clock.now())
        throttle.tick(clock.advance(SECOND))

    assert (row(database, "x.example").rate, row(database, "x.example").hits) == (50, 1)


def test_two_workers_share_a_rate_on_redis_and_go_on_without_it(
    new: New, clock: FixedClock, database: Database, ids: dict[str, int]
) -> None:
    server = RedisServer()
    try:
        pair = [new(Place(rate=1 / 60), rates=Rates(server.url, clock=clock)) for _ in range(2)]
        for throttle in pair:
            throttle.take("relay", None, BULK)
            throttle.tick(clock.now())
        went = [throttle.take("relay", None, BULK) for throttle in pair]
        server.kill()
        pair[1].tick(clock.advance(TICK))

        assert went == [True, False]
        assert pair[1].take("relay", None, BULK)
    finally:
        server.close()
