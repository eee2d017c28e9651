"""A worker dies in the middle of a mailing to readers of two languages, who choose a third one before it is found."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter.domain.mailings import MessageStatus, unpack_window
from newsletter.runtime.clock import SystemClock
from newsletter.sending import context
from newsletter.store import blocks, messages
from newsletter.store.tables import Window
from tests.builders import add_newsletter, add_reader
from tests.clocks import FixedClock
from tests.sending.drainer import CONNECTIONS, LEASE
from tests.sending.press import Press, parsed
from tests.sending.test_kills import start
from tests.services.sink import Received

READERS = 100  # one window


@pytest.fixture
def press(press: Press) -> Press:
    """Stand a little before the real time: the process under test reads the machine's clock."""
    press.clock = FixedClock(SystemClock().now() - timedelta(minutes=10))
    return press


def expand(press: Press) -> int:
    """Expand an issue of an English newsletter to readers of English and German; return its mailing.

    One reader who has left since had asked for Arabic, so that the issue is made in it too.
    """
    with press.database.transaction() as session:
        newsletter = add_newsletter(session)
        for number in range(READERS):
            reader = add_reader(session, newsletter, f"r{number}@reader.example")
            reader.language = ("en", "de")[number % 2]
        add_reader(session, newsletter, "last@reader.example").language = "ar"
    press.add_articles(newsletter.id, "Ferry returns", "Council votes")
    mailing_id = press.expand(newsletter.id)
    with press.database.transaction() as session:
        session.execute(
            text(
                "UPDATE subscriptions SET status = 'unsubscribed' WHERE subscriber_id = "
                "(SELECT id FROM subscribers WHERE address = 'last@reader.example')"
            )
        )
    return mailing_id


def decided(press: Press, mailing_id: int) -> dict[str, bytes]:
    """Return by address what the window that was left open says, byte by byte."""
    with press.database.reading() as session:
        window = session.query(Window).one()
        known = context.load(session, mailing_id, settings=press.settings)
        for number, language in enumerate(known.frozen.languages, 1):
            made = blocks.of_issue(session, known.mailing.issue_id, language)
            known.composer.learn(number, made)
        return {
            planned.address: known.composer.message(
                planned=planned,
                mailing_id=mailing_id,
                planned_at=window.planned_at,
                key_ids=window.key_ids,
            )[1]
            for planned in unpack_window(window.plan or b"")
        }


def in_doubt(press: Press, mailing_id: int) -> set[str]:
    """Return to whom a message may or may not have gone."""
    with press.database.reading() as session:
        rows = messages.of_mailing(session, mailing_id, range(1, READERS + 1)).values()
        doubtful = [row.subscriber_id for row in rows if row.status is MessageStatus.UNCERTAIN]
    return {f"r{subscriber_id - 1}@reader.example" for subscriber_id in doubtful}


def language_of(received: Received) -> str:
    """Return the language of a mail's frame."""
    page = parsed(received).get_body(("html",))
    assert page is not None
    found = re.search('<html lang="([a-z]+)"', page.get_content())
    assert found is not None
    return found[1]


@pytest.mark.parametrize("is_disk_lost", [False, True])
def test_recovery_gives_each_reader_the_bytes_of_the_language_that_was_decided(
    press: Press, tmp_path: Path, is_disk_lost: bool
) -> None:
    mailing_id = expand(press)
    assert start(press, "dying", instant="answered", count=40).wait(60) < 0
    expected = decided(press, mailing_id)
    before = list(press.sink.messages)
    with press.database.transaction() as session:
        session.execute(text("UPDATE subscribers SET language = 'ar'"))
    if is_disk_lost:
        press.settings = press.settings.model_copy(update={"data_dir": tmp_path / "another machine"})

    time.sleep(LEASE.total_seconds())  # by the database's clock
    press.clock.advance(timedelta(hours=1))
    press.drain()
    doubtful = in_doubt(press, mailing_id)
    press.clock.advance(timedelta(minutes=31))
    press.drain()

    begun = {received.rcpt_to for received in before} | doubtful
    assert {language_of(received) for received in before} == {"en", "de"}
    assert (len(doubtful) > 5 * CONNECTIONS) is is_disk_lost, len(doubtful)
    for received in press.sink.messages:
        if received.rcpt_to in begun:
            assert received.message == expected[received.rcpt_to]
        else:  # nothing had gone out: it was decided anew
            assert language_of(received) == "ar"
    receipt = press.receipt(mailing_id)
    assert (receipt.submitted, receipt.withheld) == (READERS, {"unsubscribed": 1})
    assert len({received.rcpt_to for received in press.sink.messages}) == READERS
