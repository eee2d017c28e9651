"""Test what mails do that come back to addresses of a received message."""

from __future__ import annotations

from datetime import timedelta
from email.utils import formataddr

import pytest

from newsletter.domain.arrivals import MailWay
from newsletter.domain.subscriptions import Cadence, SubscriptionStatus
from newsletter.feedback import read
from newsletter.feedback.means import Means
from newsletter.feedback.take import take
from newsletter.inbound.mail import Mail
from newsletter.store import arrivals, keys, subscriptions
from newsletter.subscribing import unsubscribe
from tests.builders import add_newsletter, add_reader
from tests.feedback.post import bounce
from tests.sending.press import Press, parsed


@pytest.fixture
def received(press: Press) -> tuple[int, int, str]:
    """Mail one issue; return newsletter, reader and the address in its List-Unsubscribe."""
    with press.database.transaction() as session:
        newsletter = add_newsletter(session)
        reader = add_reader(session, newsletter, "ana@reader.example")
    press.add_articles(newsletter.id, "Tide barrier opens")
    press.expand(newsletter.id)
    press.drain()
    [message] = press.sink.messages
    mailto = parsed(message)["List-Unsubscribe"].split(", ")[1]
    return newsletter.id, reader.id, mailto.removeprefix("<mailto:").removesuffix(">")


def take_in(press: Press, raw: bytes) -> str:
    """Let a mail come in by a pipe and be read; return what came of it."""
    with press.database.transaction() as session:
        take(session, [Mail(raw=raw, size_bytes=len(raw))], way=MailWay.INGEST, now=press.clock.now())
        paths = keys.return_paths(
            session, inbound_domain="b.post.example.com", message_domain=press.settings.message_domain
        )
    read.read_due(press.database.transaction, Means(paths=paths, feeds={}), fetch=no_fetch, clock=press.clock)
    unsubscribe.work_off(press.database.transaction, now=press.clock.now())
    with press.database.reading() as session:
        arrival = arrivals.find(session, raw, recipient=None)
        assert arrival is not None
        return arrival.result


def no_fetch(url: str) -> bytes:
    """Refuse to ask for anything."""
    raise AssertionError(url)


def status(press: Press, reader: int, newsletter: int) -> SubscriptionStatus:
    with press.database.reading() as session:
        found = subscriptions.get(session, reader, newsletter)
    assert found
    return found.status


def test_a_mail_to_the_unsubscribe_address_ends_the_subscription(
    press: Press, received: tuple[int, int, str]
) -> None:
    newsletter, reader, address = received

    result = take_in(press, f"From: a@else.example\r\nTo: <{address}>\r\nSubject: x\r\n\r\n".encode())

    assert result == "recorded"
    assert status(press, reader, newsletter) is SubscriptionStatus.ENDED


def test_an_address_in_capitals_and_behind_a_name_is_understood(
    press: Press, received: tuple[int, int, str]
) -> None:
    newsletter, reader, address = received

    take_in(press, f"To: {formataddr(('Leave', address.upper()))}\r\n\r\n".encode())

    assert status(press, reader, newsletter) is SubscriptionStatus.ENDED


def test_an_auto_reply_and_a_forged_address_unsubscribe_nobody(
    press: Press, received: tuple[int, int, str]
) -> None:
    newsletter, reader, address = received
    forged = address[:10] + ("0" if address[10] != "0" else "1") + address[11:]

    results = [
        take_in(press, f"To: {address}\r\nAuto-Submitted: auto-replied\r\n\r\n".encode()),
        take_in(press, f"To: {forged}\r\n\r\n".encode()),
    ]

    assert results == ["ignored", "person"]
    assert status(press, reader, newsletter) is SubscriptionStatus.ACTIVE


def test_a_story_that_came_back_is_told_again_and_to_the_others_it_is_not(press: Press) -> None:
    with press.database.transaction() as session:
        newsletter = add_newsletter(session)
        for name in ("ana", "ben"):
            add_reader(session, newsletter, f"{name}@reader.example", cadence=Cadence.WEEKLY)
    press.add_articles(newsletter.id, "Tide barrier opens")
    first = press.expand(newsletter.id)
    press.drain()
    [path] = [each.mail_from for each in press.sink.messages if each.rcpt_to == "ana@reader.example"]
    full = bounce("ana@reader.example", status="5.2.2", text="552 5.2.2 Mailbox full", to=path)
    press.clock.advance(timedelta(minutes=5))

    take_in(press, full)
    press.clock.advance(timedelta(days=6, hours=13))  # the next weekly day, within reach
    press.add_articles(newsletter.id, "Eels are back")
    press.sink.messages.clear()
    press.expand(newsletter.id)
    press.drain()

    bodies = {each.rcpt_to: parsed(each).as_string() for each in press.sink.messages}
    told = {name.partition("@")[0]: "Tide barrier" in body for name, body in bodies.items()}
    assert told == {"ana": True, "ben": False}
    assert press.receipt(first).submitted == 2
