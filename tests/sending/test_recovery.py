"""After a crash every reader is accounted for, and nobody is written to who may have been written to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.errors import StaleLease
from newsletter.domain.mailings import MessageStatus
from newsletter.domain.outcomes import SmtpReply
from newsletter.sending import context, decide, record
from newsletter.sending.decide import Decided
from newsletter.sending.results import Result
from newsletter.store import leases, messages
from newsletter.store.leases import Claim
from tests.sending.press import Press
from tests.sending.test_drain import set_up

LEASE = timedelta(seconds=90)
GONE = timedelta(seconds=-1)  # a lease that has expired when it is made


def crash_with_an_open_window(press: Press, mailing_id: int, readers: list[int]) -> tuple[Claim, Decided]:
    """Claim and commit a window as a worker does that dies before it records anything."""
    with press.database.transaction() as session:
        claim = leases.claim(session, holder="dead", lease=GONE, now=press.clock.now())
        assert claim is not None
        loaded = context.load(session, mailing_id, settings=press.settings)
        decided = decide.decide_fresh(session, loaded, claim, readers, now=press.clock.now())
    return claim, decided


def test_an_open_window_is_uncertain_as_a_whole_and_the_rest_is_sent(press: Press) -> None:
    newsletter_id = set_up(press, *(f"r{n}@reader.example" for n in range(6)))
    mailing_id = press.expand(newsletter_id)
    crash_with_an_open_window(press, mailing_id, [1, 2, 3])

    press.drain()

    assert sorted(received.rcpt_to[:2] for received in press.sink.messages) == ["r3", "r4", "r5"]
    receipt = press.receipt(mailing_id)
    assert (receipt.submitted, receipt.uncertain) == (3, 3)


def test_an_uncertain_message_is_retried_once_after_half_an_hour(press: Press) -> None:
    mailing_id = press.expand(set_up(press, "ana@reader.example"))
    crash_with_an_open_window(press, mailing_id, [1])
    press.drain()
    assert press.sink.messages == []

    press.clock.advance(timedelta(minutes=31))
    press.drain()

    assert len(press.sink.messages) == 1
    assert press.receipt(mailing_id).submitted == 1


def test_an_uncertain_message_whose_retry_is_refused_stays_uncertain(press: Press) -> None:
    mailing_id = press.expand(set_up(press, "ana@reader.example"))
    crash_with_an_open_window(press, mailing_id, [1])
    press.sink.refuse_rcpt["ana@reader.example"] = "550 5.1.1 no such user"
    press.drain()

    press.clock.advance(timedelta(minutes=31))
    press.drain()
    press.clock.advance(timedelta(hours=12))
    press.drain()

    assert press.sink.messages == []
    assert press.receipt(mailing_id).uncertain == 1


def test_the_policy_hold_retries_no_uncertain_message(press: Press) -> None:
    press.settings = press.settings.model_copy(update={"uncertain_policy": "hold"})
    mailing_id = press.expand(set_up(press, "ana@reader.example"))
    crash_with_an_open_window(press, mailing_id, [1])
    press.drain()

    press.clock.advance(timedelta(days=1))
    press.drain()

    assert press.sink.messages == []
    assert press.receipt(mailing_id).uncertain == 1


def test_a_reader_in_two_open_windows_may_have_got_the_bytes_of_the_newer_one(press: Press) -> None:
    mailing_id = press.expand(set_up(press, "ana@reader.example", "ben@reader.example"))
    claim, _ = crash_with_an_open_window(press, mailing_id, [1, 2])
    with press.database.transaction() as session:  # the relay hung up before the first byte to Ana
        loaded = context.load(session, mailing_id, settings=press.settings)
        newer = decide.decide_fresh(
            session, loaded, claim, [1], now=press.clock.advance(timedelta(seconds=9))
        )
    press.drain()

    with press.database.reading() as session:
        details = messages.details(session, mailing_id, [1, 2])
    assert press.receipt(mailing_id).uncertain == 2
    assert details[1].window_id == newer.window_id
    assert details[2].window_id != newer.window_id


def test_stories_of_an_uncertain_message_count_as_had(press: Press) -> None:
    press.settings = press.settings.model_copy(update={"uncertain_policy": "hold"})
    newsletter_id = set_up(press, "ana@reader.example")
    mailing_id = press.expand(newsletter_id)
    crash_with_an_open_window(press, mailing_id, [1])
    press.drain()

    press.add_articles(newsletter_id, "Second day")
    press.expand(newsletter_id)
    press.drain()

    assert press.titles_to("ana@reader.example") == [["Second day"]]


def test_another_mailing_of_the_bucket_accounts_for_the_open_window_first(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example")
    first = press.expand(newsletter_id)
    crash_with_an_open_window(press, first, [1])
    press.add_articles(newsletter_id, "Second day")
    press.expand(newsletter_id)

    press.drain()

    assert press.titles_to("ana@reader.example") == [["Second day"]]
    assert press.receipt(first).uncertain == 1


def ended(decided: Decided, press: Press, *, status: MessageStatus) -> list[Result]:
    return [
        Result(
            planned=planned,
            origin=decided.origins[planned.subscriber_id],
            status=status,
            code=250,
            at=press.clock.now(),
            reply=SmtpReply(250, "2.0.0", "kept"),
        )
        for planned in decided.messages
    ]


def test_a_worker_whose_lease_has_passed_on_records_nothing(press: Press) -> None:
    mailing_id = press.expand(set_up(press, "ana@reader.example"))
    claim, decided = crash_with_an_open_window(press, mailing_id, [1])
    press.drain()

    with pytest.raises(StaleLease), press.database.transaction() as session:
        leases.renew(session, claim, lease=LEASE)

    assert press.receipt(mailing_id).uncertain == 1
    assert decided.window_id is not None


def test_a_250_that_comes_to_light_late_turns_uncertain_into_submitted(press: Press) -> None:
    mailing_id = press.expand(set_up(press, "ana@reader.example"))
    _, decided = crash_with_an_open_window(press, mailing_id, [1])
    press.drain()
    assert decided.window_id is not None

    with press.database.transaction() as session:
        loaded = context.load(session, mailing_id, settings=press.settings)
        results = ended(decided, press, status=MessageStatus.SUBMITTED)
        record.late(session, loaded.mailing, decided.window_id, results)

    press.clock.advance(timedelta(hours=1))
    press.drain()
    assert press.sink.messages == []
    assert press.receipt(mailing_id).submitted == 1


def test_a_bucket_is_leased_to_one_worker_and_one_mailing_at_a_time(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example")
    press.expand(newsletter_id)
    press.add_articles(newsletter_id, "Second day")
    press.expand(newsletter_id)

    with press.database.transaction() as session:
        first = leases.claim(session, holder="one", lease=LEASE, now=press.clock.now())
    with press.database.transaction() as session:
        second = leases.claim(session, holder="two", lease=LEASE, now=press.clock.now())

    assert first is not None
    assert second is None


def test_a_batch_is_done_only_when_every_planned_reader_has_a_result(press: Press) -> None:
    mailing_id = press.expand(set_up(press, "ana@reader.example", "ben@reader.example"))
    with press.database.transaction() as session:
        claim = leases.claim(session, holder="one", lease=GONE, now=press.clock.now())
        assert claim is not None
        messages.append(session, [(mailing_id, 1, 0, 250, MessageStatus.SUBMITTED, b"\x01")])
        record.settle(session, claim, now=press.clock.now())

    press.drain()

    assert [received.rcpt_to for received in press.sink.messages] == ["ben@reader.example"]
    assert press.receipt(mailing_id).submitted == 2
