"""Databases go away, relays and leases too, and code has faults: no result is lost and nobody is written to twice."""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text

from newsletter.sending import drain as draining
from newsletter.sending import recover
from newsletter.store import OperationalError, Session, Transactions, keys, leases
from newsletter.store.tables import KeyPurpose
from newsletter.transports.base import Source, Submission, Verdict
from newsletter.transports.smtp import Relay
from tests.builders import add_newsletter, add_reader
from tests.sending.press import Press
from tests.sending.test_drain import set_up
from tests.sending.watched import WatchedSource

LEASE = timedelta(seconds=90)


class TornSender:
    """Hand one message over and be interrupted before that is noted, as by a signal; take it for untried then."""

    outstanding = 1
    is_usable = True
    faults: Mapping[str, str] = {}

    def __init__(self, relay: Relay, source: Source) -> None:
        self._relay = relay
        self._source = source
        self._submission: Submission | None = None

    def turn(self, _patience_seconds: float) -> None:
        """Hand it over, and be torn."""
        submission = self._submission = self._source.next(self._relay)
        assert submission is not None
        assert self._source.begin(submission)
        self._source.flush()
        with smtplib.SMTP(self._relay.host, self._relay.port) as client:
            envelope = submission.envelope
            client.sendmail(envelope.mail_from, [envelope.rcpt_to], submission.message)
        raise SystemExit

    def abandon(self) -> None:
        """End it as one of which no octet is known to be out."""
        submission, self._submission = self._submission, None
        if submission is not None:
            self._source.ended(submission, Verdict.UNTRIED, None, self._relay)

    def stop(self) -> None:
        """Begin nothing more."""

    def close(self) -> None:
        """Be gone."""


def drain(press: Press, then: Callable[[int], None], *, transactions: Transactions | None = None) -> None:
    press.drain(holder="watched", watch=lambda source: WatchedSource(source, then), transactions=transactions)


def drain_for_a_day(press: Press) -> None:
    for _ in range(24):
        press.drain()
        press.clock.advance(timedelta(hours=1))


def got(press: Press) -> list[str]:
    return sorted(received.rcpt_to for received in press.sink.messages)


def test_a_database_that_goes_away_in_mid_window_costs_no_result(press: Press) -> None:
    addresses = [f"r{n}@reader.example" for n in range(4)]
    mailing_id = press.expand(set_up(press, *addresses))
    away = 0

    @contextmanager
    def transactions() -> Iterator[Session]:
        nonlocal away
        if away:
            away -= 1
            raise OperationalError("connect", {}, Exception("nobody there"))
        with press.database.transaction() as session:
            yield session

    def go_away(count: int) -> None:
        nonlocal away
        away = 2 if count == 2 else away

    drain(press, go_away, transactions=transactions)

    assert got(press) == addresses
    assert press.receipt(mailing_id).submitted == 4


def test_a_fault_of_ours_at_one_message_leaves_only_that_one_in_doubt(press: Press) -> None:
    addresses = [f"r{n}@reader.example" for n in range(4)]
    mailing_id = press.expand(set_up(press, *addresses))
    press.connections = 1

    def break_down(count: int) -> None:
        if count == 2:
            raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError):
        drain(press, break_down)
    press.clock.advance(timedelta(minutes=1))
    press.drain()

    assert got(press) == addresses
    assert (press.receipt(mailing_id).submitted, press.receipt(mailing_id).uncertain) == (3, 1)


def test_a_message_that_was_begun_when_a_signal_broke_in_is_in_doubt(press: Press) -> None:
    mailing_id = press.expand(set_up(press, *(f"r{n}@reader.example" for n in range(3))))
    press.settings = press.settings.model_copy(update={"uncertain_policy": "hold"})

    with pytest.raises(SystemExit):
        draining.drain(
            transactions=press.database.transaction,
            open_sender=lambda source: TornSender(press.relay, source),
            throttle=press.throttle(press.database.transaction),
            settings=press.settings,
            clock=press.clock,
            holder="torn",
            should_stop=lambda: False,
        )
    assert (press.receipt(mailing_id).uncertain, press.receipt(mailing_id).unclaimed) == (1, 2)
    drain_for_a_day(press)

    assert got(press) == ["r0@reader.example", "r1@reader.example", "r2@reader.example"]


def test_a_mailing_that_cannot_be_worked_on_keeps_no_other_waiting(press: Press) -> None:
    broken = press.expand(set_up(press, "ana@reader.example"))
    with press.database.transaction() as session:
        other = add_newsletter(session, slug="weekly")
        add_reader(session, other, "ben@reader.example")
        session.execute(text("UPDATE issues SET frozen = '{}'"))
    press.add_articles(other.id, "Second day")
    press.expand(other.id)

    with pytest.raises(KeyError):
        press.drain()
    press.drain()

    assert got(press) == ["ben@reader.example"]
    assert press.receipt(broken).unclaimed == 1


def test_a_retry_goes_out_though_the_key_of_its_return_path_has_been_retired(press: Press) -> None:
    mailing_id = press.expand(set_up(press, "ana@reader.example"))
    press.sink.refuse_data["ana@reader.example"] = "451 4.3.0 later"
    press.drain()
    del press.sink.refuse_data["ana@reader.example"]

    with press.database.transaction() as session:
        keys.rotate(session, KeyPurpose.RETURN_PATH, now=press.clock.now())
        keys.retire(session, KeyPurpose.RETURN_PATH, 1, now=press.clock.now())
    press.clock.advance(timedelta(minutes=13))
    press.drain()

    (first,), (second,) = press.sink.refused, press.sink.messages
    assert (first.mail_from, first.message) == (second.mail_from, second.message)
    assert press.receipt(mailing_id).submitted == 1


@pytest.mark.parametrize("is_retry", [False, True])
@pytest.mark.parametrize("is_recovered", [False, True])
def test_a_250_told_after_the_lease_was_lost_counts(press: Press, is_retry: bool, is_recovered: bool) -> None:
    mailing_id = press.expand(set_up(press, "ana@reader.example"))
    if is_retry:
        press.sink.refuse_rcpt["ana@reader.example"] = "450 4.2.0 later"
        press.drain()
        press.sink.clear()
        press.clock.advance(timedelta(minutes=13))

    def lose_the_lease(_count: int) -> None:
        with press.database.transaction() as session:
            session.execute(text("UPDATE bucket_leases SET expires_at = '2020-01-01 00:00:00+00:00'"))
        with press.database.transaction() as session:
            claim = leases.claim(session, holder="other", lease=LEASE, now=press.clock.now())
        assert claim is not None
        with press.database.transaction() as session:
            if is_recovered:
                recover.recover(
                    session,
                    claim,
                    folder=press.settings.journal_dir,
                    now=press.clock.now(),
                    policy="retry-once",
                )
            leases.release(session, claim)

    drain(press, lose_the_lease)
    drain_for_a_day(press)

    assert got(press) == ["ana@reader.example"]
    assert press.receipt(mailing_id).submitted == 1
