"""A running drain hears of pause, stop and urgent mailings, and leaves nothing half done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from newsletter.domain.mailings import Lane
from newsletter.sending import control
from newsletter.sending import drain as draining
from newsletter.store import mailings
from newsletter.store.tables import Mailing
from tests.builders import add_newsletter, add_reader
from tests.sending.press import Press
from tests.sending.test_drain import set_up
from tests.sending.watched import WatchedSource

COUNT = 120
DELAY = 0.02  # seconds to each answer: with four connections two hundred messages a second at the most
SOON = 110  # messages: more than go out between two looks, fewer than there are


@pytest.fixture
def running(press: Press) -> int:
    """Have a mailing ready and a relay that takes its time."""
    mailing_id = press.expand(set_up(press, *(f"r{n}@reader.example" for n in range(COUNT))))
    press.sink.answer_delay = DELAY
    return mailing_id


def drain(press: Press, *, at: int, then: Callable[[], None]) -> None:
    """Send what is due; do something when the answer to message number ``at`` comes."""

    def do(count: int) -> None:
        if count == at:
            then()

    press.drain(watch=lambda source: WatchedSource(source, do))


def test_a_pause_is_noticed_and_a_resume_goes_on_where_it_was(press: Press, running: int) -> None:
    def pause() -> None:
        with press.database.transaction() as session:
            control.pause(session, mailings.get(session, running).issue_id)

    drain(press, at=5, then=pause)

    receipt = press.receipt(running)
    assert 0 < receipt.submitted < SOON
    assert (receipt.uncertain, receipt.deferred) == (0, 0)
    assert receipt.submitted == len(press.sink.messages)
    with press.database.transaction() as session:
        control.resume(session, mailings.get(session, running).issue_id)
    press.sink.answer_delay = 0
    press.drain()
    assert press.receipt(running).submitted == COUNT == len(press.sink.messages)


def test_a_cancel_in_the_middle_ends_with_an_exact_receipt(press: Press, running: int) -> None:
    def cancel() -> None:
        with press.database.transaction() as session:
            control.cancel(session, mailings.get(session, running).issue_id)

    drain(press, at=5, then=cancel)
    press.drain()

    receipt = press.receipt(running)
    assert 0 < receipt.submitted < SOON
    assert receipt.submitted == len(press.sink.messages)
    assert receipt.withheld == {"cancelled": COUNT - receipt.submitted}


def test_who_is_told_to_stop_awaits_the_answers_under_way(press: Press, running: int) -> None:
    is_told = False

    def stop() -> None:
        nonlocal is_told
        is_told = True

    def do(count: int) -> None:
        if count == 5:
            stop()

    press.drain(watch=lambda source: WatchedSource(source, do), should_stop=lambda: is_told)

    receipt = press.receipt(running)
    assert receipt.submitted == len(press.sink.messages) <= 5 + 2 * press.connections
    assert (receipt.uncertain, receipt.unclaimed) == (0, COUNT - receipt.submitted)


def test_what_is_not_answered_in_time_when_told_to_stop_is_uncertain(
    press: Press, running: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "STOP_PATIENCE", 0.3)
    press.sink.answer_delay = 60

    press.drain(should_stop=lambda: len(press.sink.messages) >= press.connections)

    receipt = press.receipt(running)
    assert receipt.uncertain == press.connections == len(press.sink.messages)
    assert receipt.unclaimed == COUNT - press.connections


def test_an_urgent_mailing_overtakes_a_running_one_in_the_same_bucket(press: Press, running: int) -> None:
    with press.database.transaction() as session:
        newsletter = add_newsletter(session, slug="breaking")
        add_reader(session, newsletter, "urgent@reader.example")
    press.add_articles(newsletter.id, "Storm warning")

    def break_in() -> None:
        urgent = press.expand(newsletter.id)
        with press.database.transaction() as session:
            session.get_one(Mailing, urgent).lane = Lane.URGENT

    drain(press, at=5, then=break_in)

    order = [received.rcpt_to for received in press.sink.messages]
    assert order.index("urgent@reader.example") < SOON
    assert len(order) == len(set(order)) == COUNT + 1
    assert press.receipt(running).submitted == COUNT


def test_a_next_issue_ends_the_retries_of_the_last_one(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example")
    press.sink.refuse_rcpt["ana@reader.example"] = "450 4.2.0 later"
    first = press.expand(newsletter_id)
    press.drain()
    press.sink.clear()

    press.add_articles(newsletter_id, "Second day")
    press.expand(newsletter_id)
    press.clock.advance(timedelta(minutes=30))
    press.drain()

    # What nobody got is left over, and in reach of the issue that took its place.
    assert press.titles_to("ana@reader.example") == [["Second day", "Council votes", "Ferry returns"]]
    receipt = press.receipt(first)
    assert (receipt.failed, receipt.deferred) == (1, 0)
