"""Who leaves by mail gets one answer, to the reader's own address, that no machine answers in turn."""

from __future__ import annotations

from datetime import timedelta
from email.message import EmailMessage

import pytest

from newsletter.domain.errors import UncertainSendError
from newsletter.domain.outcomes import OutcomeKind, OutcomeSource
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.store import notices, outcomes, subscriptions
from newsletter.store.outcomes import Told
from newsletter.store.tables import Newsletter, Notice, NoticeStatus
from newsletter.subscribing import unsubscribe
from newsletter.transports.base import Envelope
from newsletter.transports.smtp import SmtpTransport
from tests.builders import add_newsletter, add_reader
from tests.sending.press import Press, parsed
from tests.sending.test_notices import submit, submit_over
from tests.store.plans import add_mailing

ANA = "ana@reader.example"
ASKED = "<asked-1@reader.example>"


@pytest.fixture
def newsletters(press: Press) -> list[Newsletter]:
    """Add two newsletters with one reader, who had an issue of each."""
    with press.database.transaction() as session:
        found = [
            add_newsletter(session),
            add_newsletter(session, slug="weekly", name="The Weekly", language="de"),
        ]
        reader = add_reader(session, found[0], ANA)
        subscriptions.add_active(
            session,
            [
                {
                    "subscriber_id": reader.id,
                    "newsletter_id": found[1].id,
                    "topics": 0,
                    "cadence": "every_issue",
                    "requested_at": press.clock.now(),
                    "confirmed_at": press.clock.now(),
                }
            ],
        )
        for newsletter in found:
            add_mailing(session, newsletter, at=press.clock.now())
    return found


def leave(press: Press, mailing: int, *, answer_to: str | None = ASKED) -> None:
    """Let a mail that unsubscribes have come in, and work it off."""
    with press.database.transaction() as session:
        outcomes.add(
            session,
            kind=OutcomeKind.UNSUBSCRIBED,
            source=OutcomeSource.INBOUND_MAIL,
            at=press.clock.now(),
            event_key=f"{mailing} {press.clock.now()}",
            mailing_id=mailing,
            subscriber_id=1,
            reason="mail",
            told=Told(answer_to=answer_to),
            needs_action=True,
        )
    unsubscribe.work_off(press.database.transaction, now=press.clock.now())


def answer(press: Press) -> EmailMessage:
    assert submit(press) == 1
    return parsed(press.sink.messages[-1])


@pytest.mark.usefixtures("newsletters")
def test_the_answer_goes_to_the_reader_without_a_return_path(press: Press) -> None:
    leave(press, 1)

    message = answer(press)

    [received] = press.sink.messages
    assert (received.mail_from, received.rcpt_to) == ("<>", ANA)
    assert (message["Auto-Submitted"], message["In-Reply-To"], message["References"]) == (
        "auto-replied",
        ASKED,
        ASKED,
    )
    assert (message["To"], message["Subject"]) == (ANA, "You have left The Daily")
    assert message.get_content_type() == "text/plain"
    assert "https://news.post.example.com/subscribe/daily" in message.get_content()
    assert message["List-Unsubscribe"] is None


@pytest.mark.usefixtures("newsletters")
def test_the_answer_speaks_the_language_of_the_newsletter(press: Press) -> None:
    leave(press, 2)

    assert answer(press)["Subject"] == "Sie haben The Weekly abbestellt"


@pytest.mark.usefixtures("newsletters")
def test_one_reader_gets_one_answer_in_seven_days(press: Press) -> None:
    leave(press, 1)
    leave(press, 2)
    assert [submit(press), submit(press)] == [1, 0]

    with press.database.transaction() as session:
        held = subscriptions.get(session, 1, 1)
        assert held is not None
        held.status, held.ended_at, held.end_reason = SubscriptionStatus.ACTIVE, None, None
    press.clock.advance(timedelta(days=7))
    leave(press, 1)
    assert submit(press) == 1


@pytest.mark.usefixtures("newsletters")
def test_what_must_not_be_answered_and_who_had_left_get_none(press: Press) -> None:
    leave(press, 1, answer_to=None)
    press.clock.advance(timedelta(seconds=1))
    leave(press, 1)

    assert submit(press) == 0
    with press.database.reading() as session:
        found = subscriptions.get(session, 1, 1)
        assert notices.waiting(session) == 0
    assert found is not None
    assert found.status is SubscriptionStatus.ENDED


@pytest.mark.usefixtures("newsletters")
def test_an_answer_in_doubt_is_not_sent_again(press: Press) -> None:
    class Lost(SmtpTransport):
        def submit(self, envelope: Envelope, message: bytes) -> None:  # type: ignore[override]  # it never returns
            raise UncertainSendError("lost")

    leave(press, 1)

    assert submit_over(Lost(press.relay), press) == 0
    press.clock.advance(timedelta(hours=3))
    assert submit(press) == 0
    with press.database.reading() as session:
        assert session.get_one(Notice, 1).status is NoticeStatus.UNCERTAIN


@pytest.mark.usefixtures("newsletters")
def test_an_answer_of_days_ago_is_given_up(press: Press) -> None:
    leave(press, 1)
    press.clock.advance(timedelta(days=2))

    assert submit(press) == 0
