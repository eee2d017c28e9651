"""A relay that is down keeps no single message waiting while another works."""

from __future__ import annotations

from contextlib import closing

import pytest

from newsletter.domain.errors import PermanentSendError, TransportUnavailable
from newsletter.transports.base import Envelope
from newsletter.transports.several import Several
from newsletter.transports.smtp import Relay, SmtpTransport
from tests.services.ports import free_port
from tests.services.sink import Sink

ENVELOPE = Envelope("news@post.example.com", "ana@reader.example")
MESSAGE = b"Subject: Hello\r\n\r\nHello.\r\n"


def at(port: int) -> SmtpTransport:
    return SmtpTransport(Relay(host="127.0.0.1", port=port, tls="off", timeout=5))


def test_the_next_relay_takes_what_the_first_cannot(sink: Sink) -> None:
    with closing(Several([at(free_port()), at(sink.port)])) as transport:
        assert transport.submit(ENVELOPE, MESSAGE).code == 250

    assert [received.rcpt_to for received in sink.messages] == ["ana@reader.example"]


def test_a_message_that_was_refused_is_tried_nowhere_else(sink: Sink) -> None:
    sink.refuse_rcpt["ana@reader.example"] = "550 5.1.1 no such user"

    with closing(Several([at(sink.port), at(sink.port)])) as transport, pytest.raises(PermanentSendError):
        transport.submit(ENVELOPE, MESSAGE)


def test_when_none_works_the_last_one_says_why() -> None:
    with closing(Several([at(free_port()), at(free_port())])) as transport:  # noqa: SIM117
        with pytest.raises(TransportUnavailable, match="does not answer"):
            transport.submit(ENVELOPE, MESSAGE)
