"""What a relay receives is signed with the domain's key: digests, their retries and confirmations."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.mime import dkim as mime
from newsletter.sending import notices as notifying
from newsletter.sending.pace import Pace
from newsletter.store import dkim
from newsletter.store.tables import DkimKey
from newsletter.transports.smtp import SmtpTransport
from tests.sending.press import ENVIRONMENT, Press
from tests.sending.test_drain import change_everything, set_up
from tests.sending.test_notices import ask
from tests.sending.test_signing import activated, is_signed_by


@pytest.fixture(scope="module")
def secrets() -> list[bytes]:
    return [mime.new_key(), mime.new_key()]


def activate(press: Press, selector: str, secret: bytes) -> DkimKey:
    with press.database.transaction() as session:
        return activated(session, "post.example.com", selector, secret)


def test_each_digest_is_signed_as_it_is_received(press: Press, secrets: list[bytes]) -> None:
    key = activate(press, "n1", secrets[0])
    press.expand(set_up(press, *(f"r{n}@reader.example" for n in range(5))))

    press.drain()

    assert len(press.sink.messages) == 5
    assert all(is_signed_by(key, received.message) for received in press.sink.messages)
    assert all(received.message.startswith(b"DKIM-Signature: ") for received in press.sink.messages)


def test_a_retry_has_the_same_signature_though_the_key_was_changed(
    press: Press, secrets: list[bytes]
) -> None:
    key = activate(press, "n1", secrets[0])
    press.sink.refuse_data["ana@reader.example"] = "451 4.3.0 later"
    newsletter_id = set_up(press, "ana@reader.example")
    press.expand(newsletter_id)
    press.drain()
    press.sink.refuse_data.clear()

    activate(press, "n2", secrets[1])
    change_everything(press, newsletter_id)
    press.clock.advance(timedelta(minutes=13))
    press.drain()

    (first,), (second,) = press.sink.refused, press.sink.messages
    assert first.message == second.message
    assert is_signed_by(key, second.message)


def test_without_an_active_key_nothing_is_signed(press: Press, secrets: list[bytes]) -> None:
    with press.database.transaction() as session:
        dkim.add(session, "post.example.com", "n1", private_key=secrets[0], now=press.clock.now())
    press.expand(set_up(press, "ana@reader.example"))

    press.drain()

    assert b"DKIM-Signature" not in press.sink.messages[0].message


def test_a_confirmation_is_signed(press: Press, secrets: list[bytes]) -> None:
    key = activate(press, "n1", secrets[0])
    set_up(press, "ana@reader.example")
    ask(press, "ben@reader.example")
    transport = SmtpTransport(press.relay)

    notifying.submit_due(
        transactions=press.database.transaction,
        transport=transport,
        pace=Pace(press.throttle(press.database.transaction), [press.relay.name], press.clock),
        environment=ENVIRONMENT,
        settings=press.settings,
        clock=press.clock,
        holder="worker",
    )
    transport.close()

    (received,) = press.sink.to("ben@reader.example")
    assert is_signed_by(key, received.message)
