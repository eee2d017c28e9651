"""Confirmations go out once, with the same bytes on every attempt, and never to somebody who wants none."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta

import pytest

from newsletter.domain.consent import ConsentEvidence
from newsletter.domain.errors import UncertainSendError
from newsletter.domain.outcomes import SmtpReply
from newsletter.domain.suppressions import SuppressionReason
from newsletter.sending import notices as notifying
from newsletter.sending.pace import Pace
from newsletter.store import notices, suppressions
from newsletter.subscribing import signup
from newsletter.subscribing.signup import SignupRequest
from newsletter.transports.base import Envelope
from newsletter.transports.smtp import Relay, SmtpTransport
from tests.builders import add_newsletter
from tests.sending.press import ENVIRONMENT, Press, parsed


@pytest.fixture
def asked(press: Press) -> Press:
    """Let a reader ask for a newsletter."""
    with press.database.transaction() as session:
        add_newsletter(session)
    ask(press, "ana@reader.example")
    return press


def ask(press: Press, address: str) -> None:
    with press.database.transaction() as session:
        signup.request(
            session,
            SignupRequest(
                address=address,
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


class WatchedTransport(SmtpTransport):
    """Call ``then`` after the relay has taken a message."""

    def __init__(self, press: Press, then: Callable[[], None]) -> None:
        super().__init__(Relay(host="127.0.0.1", port=press.sink.port, tls="off", timeout=5))
        self._then = then

    def submit(self, envelope: Envelope, message: bytes) -> SmtpReply:
        reply = super().submit(envelope, message)
        self._then()
        return reply


def submit(press: Press, *, holder: str = "worker", then: Callable[[], None] = lambda: None) -> int:
    return submit_over(WatchedTransport(press, then), press, holder=holder)


def submit_over(transport: SmtpTransport, press: Press, *, holder: str = "worker") -> int:
    with closing(transport):
        return notifying.submit_due(
            transactions=press.database.transaction,
            transport=transport,
            pace=Pace(press.throttle(press.database.transaction), [press.relay.name], press.clock),
            environment=ENVIRONMENT,
            settings=press.settings,
            clock=press.clock,
            holder=holder,
        )


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


def test_a_slow_relay_makes_no_second_worker_send_the_same(asked: Press) -> None:
    ask(asked, "ben@reader.example")

    def let_the_lease_run_out() -> None:
        if len(asked.sink.messages) == 1:
            asked.clock.advance(timedelta(seconds=61))
            submit(asked, holder="other")

    submit(asked, then=let_the_lease_run_out)

    addresses = [received.rcpt_to for received in asked.sink.messages]
    assert addresses.count("ben@reader.example") == 1


def test_a_confirmation_that_is_never_answered_is_repeated_once(asked: Press) -> None:
    def give_no_answer() -> None:
        raise UncertainSendError("No answer came.")

    for _ in range(24):
        submit(asked, then=give_no_answer)
        asked.clock.advance(timedelta(hours=1))

    assert len(asked.sink.messages) == 2
    with asked.database.reading() as session:
        assert notices.waiting(session) == 0
