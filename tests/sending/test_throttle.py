"""Check that messages go as fast as relays and destinations take them, and no faster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any  # parts of a throttle

import pytest

from newsletter.broker.rates import Rates
from newsletter.domain.mailings import Lane
from newsletter.domain.outcomes import SmtpReply
from newsletter.runtime import logs, settings
from newsletter.sending.throttle import Throttle
from newsletter.store import Database, destinations, domains, subscribers
from newsletter.store.tables import Destination
from tests.clocks import NOON, FixedClock

TICK = timedelta(milliseconds=250)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
BULK, URGENT = Lane.BULK, Lane.URGENT
GMAIL_RATE = SmtpReply.parse(421, "4.7.28 an unusual rate of mail from your IP")
GMAIL_FAULT = SmtpReply.parse(421, "4.7.26 this mail is not authenticated")
YAHOO = SmtpReply.parse(421, "4.7.0 [TSS04] temporarily deferred")
BUSY = SmtpReply.parse(451, "4.4.5 Server busy")
RELAY_RATE = SmtpReply.parse(454, "Throttling failure: Maximum sending rate exceeded.")

New = Callable[..., Throttle]


@dataclass(frozen=True)
class Place:
    """A relay as the throttle knows it."""

    name: str = "relay"
    rate: float | None = None


@pytest.fixture
def new(database: Database, clock: FixedClock) -> New:
    """Make throttles of one installation, each of a process of its own."""

    def make(*relays: Place, rates: Rates | None = None, **over: Any) -> Throttle:
        return Throttle(
            transactions=over.pop("transactions", database.transaction),
            rates=rates or Rates(clock=clock),
            relays=relays or (Place(),),
            settings=settings.load(**over),
            clock=clock,
            holder="me",
        )

    return make


@pytest.fixture
def ids(database: Database) -> dict[str, int]:
    """Add some domains and return their ids."""
    with database.transaction() as session:
        found = subscribers.domain_ids(
            session, ["gmail.com", "firm.example", "yahoo.com", "x.example", "y.example"]
        )
        domains.keep_groups(session, {"firm.example": "google"}, now=NOON)
    return found


def row(database: Database, name: str) -> Destination:
    with database.transaction() as session:
        return destinations.named(session, name)[0]


def pass_time(throttle: Throttle, clock: FixedClock, duration: timedelta) -> None:
    """Tick four times a second."""
    for _ in range(duration // TICK):
        throttle.tick(clock.advance(TICK))


def taken(
    throttle: Throttle, clock: FixedClock, duration: timedelta, domain_id: int | None, lane: Lane = BULK
) -> int:
    """Take as many as there are, for a while."""
    count = 0
    for _ in range(duration // TICK):
        while throttle.take("relay", domain_id, lane):
            count += 1
        throttle.tick(clock.advance(TICK))
    return count


def limited(new: New, database: Database) -> Throttle:
    """Return a throttle where Google takes ten messages a second."""
    with database.transaction() as session:
        destinations.limit(session, "google", 600, now=NOON)
    return new()


def test_without_limits_everything_goes(new: New, ids: dict[str, int]) -> None:
    throttle = new()
    throttle.tick(NOON)

    assert all(throttle.take("relay", ids["gmail.com"], BULK) for _ in range(10_000))
    assert not throttle.is_held(ids["gmail.com"])
    assert throttle.hold_until([ids["gmail.com"]]) is None


def test_a_relay_gets_its_rate_from_the_first_message_on(new: New, clock: FixedClock) -> None:
    throttle = new(Place(rate=100))

    assert not throttle.take("relay", None, BULK)
    assert 780 <= taken(throttle, clock, 10 * SECOND, None) <= 900


def test_what_is_urgent_finds_a_token_while_a_drain_takes_all(new: New, clock: FixedClock) -> None:
    throttle = new(Place(rate=10))
    taken(throttle, clock, 5 * SECOND, None)

    throttle.take("relay", None, URGENT)
    throttle.tick(clock.advance(TICK))

    assert throttle.take("relay", None, URGENT)


def test_a_slow_relay_does_not_hold_back_another(new: New, clock: FixedClock) -> None:
    throttle = new(Place("slow", rate=1), Place("fast"))

    assert not throttle.take("slow", None, BULK)
    assert throttle.take("fast", None, BULK)
    assert not throttle.is_held(None)


def test_a_suspended_destination_is_held_with_all_its_domains_on_all_relays(
    new: New, clock: FixedClock, database: Database, ids: dict[str, int]
) -> None:
    throttle = new(Place(), Place("other"))
    throttle.tick(NOON)

    throttle.heard("relay", ids["gmail.com"], GMAIL_RATE, now=NOON)
    at_once = throttle.take("other", ids["gmail.com"], URGENT)
    throttle.tick(clock.advance(TICK))

    assert not at_once
    for name in ("gmail.com", "firm.example"):
        assert throttle.is_held(ids[name])
        assert not throttle.take("relay", ids[name], URGENT)
    assert throttle.take("relay", ids["x.example"], BULK)
    assert throttle.hold_until([ids["gmail.com"]]) == clock.now() + HOUR
    assert throttle.hold_until([ids["gmail.com"], ids["x.example"]]) is None
    assert row(database, "google").relay == destinations.EVERY_RELAY


def test_a_destination_starts_from_what_was_observed_over_all_processes(
    new: New, clock: FixedClock, database: Database, ids: dict[str, int]
) -> None:
    throttle = new(sender_processes=4)
    throttle.tick(NOON)
    for _ in range(30):
        pass_time(throttle, clock, 2 * SECOND)
        for _ in range(10):
            throttle.accepted("relay", ids["x.example"])
            throttle.accepted("relay", ids["y.example"])

    throttle.heard("relay", ids["x.example"], BUSY, now=clock.now())
    throttle.tick(clock.advance(TICK))

    assert row(database, "x.example").rate == pytest.approx(300 * 4 / 2, rel=0.1)


def test_a_limited_destination_gets_its_rate_and_the_others_do_not_wait(
    new: New, clock: FixedClock, database: Database, ids: dict[str, int]
) -> None:
    throttle = limited(new, database)
    throttle.tick(NOON)

    slow = taken(throttle, clock, 10 * SECOND, ids["gmail.com"])

    assert 78 <= slow <= 90
    assert all(throttle.take("relay", ids["x.example"], BULK) for _ in range(1000))


def test_no_more_readers_are_let_in_than_will_find_a_token_within_a_second(
    new: New, clock: FixedClock, database: Database, ids: dict[str, int]
) -> None:
    throttle = limited(new, database)
    pass_time(throttle, clock, SECOND)

    first = [throttle.is_held(ids["gmail.com"]) for _ in range(100)].count(False)
    used = taken(throttle, clock, SECOND, ids["gmail.com"])
    second = [throttle.is_held(ids["gmail.com"]) for _ in range(100)].count(False)

    assert first == 8
    assert 8 <= used <= 20
    assert 1 <= second <= 16
    assert throttle.hold_until([ids["gmail.com"]]) == clock.now() + SECOND


def test_who_was_let_in_and_never_came_is_forgotten_after_a_second(
    new: New, clock: FixedClock, database: Database, ids: dict[str, int]
) -> None:
    throttle = limited(new, database)
    throttle.tick(NOON)
    while not throttle.is_held(ids["gmail.com"]):
        pass

    pass_time(throttle, clock, SECOND)

    assert not throttle.is_held(ids["gmail.com"])


def test_a_rate_grows_by_a_tenth_for_each_minute_of_clean_messages(
    new: New, clock: FixedClock, database: Database, ids: dict[str, int]
) -> None:
    throttle = new()
    throttle.tick(NOON)
    for _ in range(100):
        throttle.accepted("relay", ids["x.example"])
    throttle.heard("relay", ids["x.example"], BUSY, now=NOON)
    throttle.tick(clock.advance(TICK))
    halved = row(database, "x.example").rate or 0

    pass_time(throttle, clock, 2 * MINUTE)
    idle = row(database, "x.example").rate
    for _ in range(2):
        throttle.accepted("relay", ids["x.example"])
        pass_time(throttle, clock, MINUTE + 2 * SECOND)

    assert idle == halved
    assert row(database, "x.example").rate == pytest.approx(halved * 1.1**2)


def test_the_second_hit_within_an_hour_suspends(
    new: New, clock: FixedClock, database: Database, ids: dict[str, int]
) -> None:
    throttle = new()
    throttle.tick(NOON)

    throttle.heard("relay", ids["yahoo.com"], YAHOO, now=NOON)
    throttle.tick(NOON)
    after_one = row(database, "yahoodns").suspended_until
    throttle.heard("relay", ids["yahoo.com"], YAHOO, now=clock.advance(MINUTE))
    throttle.tick(clock.now())

    assert after_one is None
    assert row(database, "yahoodns").suspended_until == NOON + MINUTE + 2 * HOUR
    assert throttle.is_held(ids["yahoo.com"])


def test_after_a_suspension_mail_goes_on_slowly(new: New, clock: FixedClock, ids: dict[str, int]) -> None:
    throttle = new()
    throttle.tick(NOON)
    throttle.heard("relay", ids["gmail.com"], GMAIL_RATE, now=NOON)
    throttle.tick(NOON)

    throttle.tick(clock.advance(HOUR))

    assert taken(throttle, clock, MINUTE, ids["gmail.com"]) in range(1, 11)


def test_a_fault_of_ours_stops_the_stream_and_tells_the_operator(
    new: New,
    clock: FixedClock,
    database: Database,
    ids: dict[str, int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("INFO")
    throttle = new()
    throttle.tick(NOON)

    for _ in range(5):
        throttle.heard("relay", ids["gmail.com"], GMAIL_FAULT, now=clock.now())
        throttle.tick(clock.advance(TICK))

    assert row(database, "google").fault == "421 4.7.26 this mail is not authenticated"
    assert throttle.is_held(ids["gmail.com"])
    assert capsys.readouterr().err.count("destination_stopped") == 1


def test_a_relay_that_wants_less_is_slowed_and_no_destination_is(
    new: New, clock: FixedClock, database: Database, ids: dict[str, int]
) -> None:
    throttle = new(Place(rate=50))
    throttle.tick(NOON)
    for _ in range(100):
        throttle.accepted("relay", ids["gmail.com"])
    clock.advance(MINUTE)

    throttle.heard("relay", ids["gmail.com"], RELAY_RATE, now=clock.now())
    throttle.tick(clock.advance(TICK))

    known = row(database, "relay")
    assert (known.relay, known.mx_group, known.rate) == ("relay", destinations.THE_RELAY, 50)
    assert 30 <= taken(throttle, clock, MINUTE, ids["x.example"]) <= 60


def test_what_is_said_of_a_reader_slows_nobody(
    new: New, clock: FixedClock, database: Database, ids: dict[str, int]
) -> None:
    throttle = new()
    throttle.tick(NOON)

    for text in (
        "5.1.1 No such user",
        "4.2.2 over quota",
        "4.7.1 Greylisted",
        "4.2.1 receiving mail too quickly",
    ):
        throttle.heard("relay", ids["gmail.com"], SmtpReply.parse(int(text[0]) * 100 + 50, text), now=NOON)
    throttle.heard("relay", ids["gmail.com"], None, now=NOON)
    throttle.tick(clock.advance(TICK))

    with database.transaction() as session:
        assert destinations.listing(session) == []
    assert throttle.take("relay", ids["gmail.com"], BULK)


def test_a_database_that_is_away_stops_nobody_and_what_was_heard_is_kept(
    new: New, clock: FixedClock, database: Database, ids: dict[str, int]
) -> None:
    away = Database("postgresql+psycopg://nobody@127.0.0.1:9/none")
    is_away = True
    throttle = new(transactions=lambda: (away if is_away else database).transaction())
    throttle.heard("relay", ids["x.example"], BUSY, now=NOON)

    throttle.tick(clock.advance(TICK))
    went = throttle.take("relay", ids["x.example"], BULK)
    is_away = False
    throttle.tick(clock.advance(TICK))

    assert went
    assert row(database, "x.example").hits == 1


def test_an_unknown_domain_is_nobodys_destination(new: New, clock: FixedClock) -> None:
    throttle = new()

    throttle.heard("relay", 999, GMAIL_RATE, now=NOON)
    throttle.tick(clock.advance(TICK))

    assert throttle.take("relay", 5, BULK)


def test_a_refusal_that_cannot_be_meant_for_us_is_told(
    new: New, clock: FixedClock, ids: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO")
    throttle = new()

    throttle.heard("relay", ids["x.example"], SmtpReply.parse(452, "4.5.3 Too many recipients"), now=NOON)
    throttle.tick(clock.advance(TICK))

    assert "refusal_must_not_be" in capsys.readouterr().err
    assert throttle.take("relay", ids["x.example"], BULK)
