"""Confirmations go out once, with the same bytes on every attempt, and never to somebody who wants none."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.consent import ConsentEvidence
from newsletter.domain.suppressions import SuppressionReason
from newsletter.sending import notices as notifying
from newsletter.store import notices, suppressions
from newsletter.subscribing import signup
from newsletter.subscribing.signup import SignupRequest
from newsletter.transports.smtp import Relay, SmtpTransport
from tests.builders import add_newsletter
from tests.sending.press import ENVIRONMENT, Press, parsed


@pytest.fixture
def asked(press: Press) -> Press:
    """Let a reader ask for a newsletter."""
    with press.database.transaction() as session:
        add_newsletter(session)
        signup.request(
            session,
            SignupRequest(
                address="ana@reader.example",
                name="Ana",
                newsletters=("daily",),
                topics=(),
                language=None,
                cadence=None,
                article_url=None,
                evidence=ConsentEvidence(channel="webhook"),
            ),
            now=press.clock.now(),
        )
    return press


def submit(press: Press) -> int:
    transport = SmtpTransport(Relay(host="127.0.0.1", port=press.sink.port, tls="off", timeout=5))
    try:
        return notifying.submit_due(
            transactions=press.database.transaction,
            transport=transport,
            environment=ENVIRONMENT,
            settings=press.settings,
            clock=press.clock,
            holder="worker",
        )
    finally:
        transport.close()


def test_a_confirmation_goes_out_once(asked: Press) -> None:
    assert [submit(asked), submit(asked)] == [1, 0]

    (received,) = asked.sink.messages
    message = parsed(received)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["To"] == "ana@reader.example"
    assert "https://news.post.example.com/c/" in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_name_that_a_stranger_typed_is_not_mailed(asked: Press) -> None:
    submit(asked)

    assert b"Ana" not in asked.sink.messages[0].message


def test_a_deferred_confirmation_is_tried_again_with_the_same_bytes(asked: Press) -> None:
    asked.sink.refuse_data["ana@reader.example"] = "451 4.3.0 later"
    assert submit(asked) == 0
    asked.sink.refuse_data.clear()

    asked.clock.advance(timedelta(minutes=2))

    assert submit(asked) == 1
    assert asked.sink.messages[0].message == asked.sink.refused[0].message


def test_a_refused_confirmation_is_not_tried_again(asked: Press) -> None:
    asked.sink.refuse_rcpt["ana@reader.example"] = "550 5.1.1 no such user"

    submit(asked)
    asked.sink.clear()
    asked.clock.advance(timedelta(hours=2))

    assert submit(asked) == 0


def test_a_relay_that_is_down_loses_no_confirmation(asked: Press) -> None:
    asked.sink.stop()
    assert submit(asked) == 0
    asked.sink.start()
    asked.clock.advance(timedelta(minutes=1))

    assert submit(asked) == 1


def test_who_has_complained_meanwhile_gets_no_confirmation(asked: Press) -> None:
    with asked.database.transaction() as session:
        suppressions.add(
            session,
            "ana@reader.example",
            reason=SuppressionReason.COMPLAINT,
            evidence="",
            now=asked.clock.now(),
        )

    assert submit(asked) == 0
    assert asked.sink.messages == []
    with asked.database.reading() as session:
        assert notices.waiting(session) == 0
