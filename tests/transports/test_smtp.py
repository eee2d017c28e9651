"""The plain transport says what became of each message."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

from newsletter.domain.errors import (
    InvalidInput,
    PermanentSendError,
    TransientSendError,
    TransportUnavailable,
    UncertainSendError,
)
from newsletter.transports.base import Envelope
from newsletter.transports.smtp import Relay, SmtpTransport
from tests.services.ports import free_port
from tests.services.sink import Sink

MESSAGE = b"From: <a@post.example.com>\r\nSubject: x\r\n\r\n.dot\r\nend\r\n"
ENVELOPE = Envelope("b@post.example.com", "ana@reader.example")


@contextmanager
def connected(sink: Sink, **over: object) -> Iterator[SmtpTransport]:
    relay = Relay(host="127.0.0.1", port=sink.port, timeout=10, **over)  # type: ignore[arg-type]  # a table of options
    transport = SmtpTransport(relay)
    yield transport
    transport.close()


def test_a_message_arrives_as_it_was_and_the_reply_is_told(sink: Sink) -> None:
    with connected(sink) as transport:
        reply = transport.submit(ENVELOPE, MESSAGE)

    assert (reply.code, reply.enhanced, reply.text) == (250, "2.0.0", "kept")
    (received,) = sink.messages
    assert (received.mail_from, received.rcpt_to, received.message) == (*ENVELOPE[:2], MESSAGE)


def test_a_refused_recipient_ends_only_its_own_message(sink: Sink) -> None:
    sink.refuse_rcpt["gone@reader.example"] = "550 5.1.1 no such user"

    with connected(sink) as transport:
        with pytest.raises(PermanentSendError) as refused:
            transport.submit(Envelope("b@post.example.com", "gone@reader.example"), MESSAGE)
        transport.submit(ENVELOPE, MESSAGE)

    assert refused.value.reply.enhanced == "5.1.1"
    assert len(sink.messages) == 1


def test_a_4xx_after_the_final_dot_is_a_reason_to_try_again(sink: Sink) -> None:
    sink.refuse_data["ana@reader.example"] = "451 4.3.0 later"

    with connected(sink) as transport, pytest.raises(TransientSendError) as refused:
        transport.submit(ENVELOPE, MESSAGE)

    assert refused.value.reply.code == 451


def test_a_relay_that_is_down_stops_the_transport_with_a_way_out() -> None:
    transport = SmtpTransport(Relay(host="127.0.0.1", port=free_port()))

    with pytest.raises(TransportUnavailable, match="RELAY_HOST"):
        transport.submit(ENVELOPE, MESSAGE)


def test_a_relay_that_comes_back_is_used_again(sink: Sink) -> None:
    with connected(sink) as transport:
        transport.submit(ENVELOPE, MESSAGE)
        sink.stop()
        with pytest.raises(TransportUnavailable):
            transport.submit(ENVELOPE, MESSAGE)
        sink.start()
        transport.submit(ENVELOPE, MESSAGE)

    assert len(sink.messages) == 2


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_the_message_goes_over_tls_and_after_the_login(
    tls: str, authority: trustme.CA, tmp_path: Path
) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    sink = Sink(tls=server, is_implicit_tls=tls == "implicit", login=("post", "secret"))
    sink.start()

    with connected(
        sink, tls=tls, ca_file=tmp_path / "ca.pem", username="post", password="secret"
    ) as transport:
        transport.submit(ENVELOPE, MESSAGE)
    with (
        connected(sink, tls=tls, ca_file=tmp_path / "ca.pem", username="post", password="wrong") as transport,
        pytest.raises(TransportUnavailable, match="password"),
    ):
        transport.submit(ENVELOPE, MESSAGE)

    sink.stop()
    assert len(sink.messages) == 1


def test_a_relay_without_starttls_gets_nothing_when_tls_is_required(sink: Sink) -> None:
    with connected(sink, tls="starttls") as transport, pytest.raises(TransportUnavailable):
        transport.submit(ENVELOPE, MESSAGE)

    assert sink.messages == []


def test_a_password_never_goes_out_in_clear_unless_that_is_asked_for() -> None:
    sink = Sink(login=("post", "secret"))
    sink.start()

    with connected(sink, tls="off", username="post", password="secret") as transport:
        transport.submit(ENVELOPE, MESSAGE)
    with (
        connected(sink, tls="opportunistic", username="post", password="secret") as transport,
        pytest.raises(TransportUnavailable, match="RELAY_TLS"),
    ):
        transport.submit(ENVELOPE, MESSAGE)

    sink.stop()
    assert len(sink.messages) == 1


def test_a_certificate_that_nobody_vouches_for_is_refused(authority: trustme.CA) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    sink = Sink(tls=server)
    sink.start()

    with connected(sink, tls="starttls") as transport, pytest.raises(TransportUnavailable):
        transport.submit(ENVELOPE, MESSAGE)

    sink.stop()


def answers(*, once: bytes = b"", last: bytes = b"", dot: bytes = b"250 kept\r\n", times: int = 1) -> int:
    """Serve as many dialogues as ``times``; return the port.

    One ends when ``once`` was read, after the words ``last``; ``dot`` is what a message is answered with.
    """
    server = socket.create_server(("127.0.0.1", 0))
    said = {
        b"ehlo": b"250 here\r\n",
        b"mail": b"250 ok\r\n",
        b"rcpt": b"250 ok\r\n",
        b"data": b"354 go\r\n",
    }

    def talk(peer: socket.socket) -> None:
        peer.sendall(b"220 here\r\n")
        read = b""
        while chunk := peer.recv(65_536):
            read += chunk
            if once and once in read.lower():
                peer.sendall(last)
                return
            if read.endswith(b"\r\n.\r\n"):
                peer.sendall(dot)
                read = b"kept\r\n"
            else:
                peer.sendall(said.get(chunk[:4].lower(), b""))

    def serve() -> None:
        for _ in range(times):
            peer, _ = server.accept()
            with peer:
                talk(peer)
        server.close()

    threading.Thread(target=serve, daemon=True).start()
    port: int = server.getsockname()[1]
    return port


def connected_to(port: int) -> SmtpTransport:
    return SmtpTransport(Relay(host="127.0.0.1", port=port, timeout=5))


def test_a_connection_lost_behind_the_final_dot_leaves_the_message_uncertain() -> None:
    transport = connected_to(answers(once=b"\r\n.\r\n"))

    with pytest.raises(UncertainSendError):
        transport.submit(ENVELOPE, MESSAGE)


def test_a_connection_lost_before_the_body_is_a_reason_to_try_again() -> None:
    transport = connected_to(answers(once=b"data\r\n", times=2))

    with pytest.raises(TransientSendError):
        transport.submit(ENVELOPE, MESSAGE)


def test_a_recipient_at_whom_the_relay_hangs_up_keeps_no_other_waiting() -> None:
    transport = connected_to(answers(once=b"rcpt", times=2))

    with pytest.raises(TransientSendError):
        transport.submit(ENVELOPE, MESSAGE)


@pytest.mark.parametrize("last", [b"", b"421 4.7.0 too many messages in one connection\r\n"])
def test_a_relay_that_ends_a_connection_between_two_messages_is_called_again(last: bytes) -> None:
    transport = connected_to(answers(once=b"kept\r\nmail", last=last, times=2))

    replies = [transport.submit(ENVELOPE, MESSAGE).code for _ in range(2)]

    assert replies == [250, 250]


@pytest.mark.parametrize("last", [b"", b"421 4.3.2 closing down\r\n"])
def test_a_relay_that_ends_each_connection_at_once_stops_the_transport(last: bytes) -> None:
    transport = connected_to(answers(once=b"mail", last=last))

    with pytest.raises(TransportUnavailable):
        transport.submit(ENVELOPE, MESSAGE)


def test_any_2xx_to_the_final_dot_means_that_the_relay_has_the_message() -> None:
    """Only the first digit decides (RFC 5321 §4.2)."""
    transport = connected_to(answers(dot=b"200 thank you\r\n"))

    assert transport.submit(ENVELOPE, MESSAGE).code == 200


@pytest.mark.parametrize("smuggled", [b"a\n.\r\nMAIL", b"a\r.\r\nMAIL", b"no end"])
def test_a_bare_line_end_never_leaves(sink: Sink, smuggled: bytes) -> None:
    with connected(sink) as transport, pytest.raises(InvalidInput):
        transport.submit(ENVELOPE, smuggled)

    assert sink.messages == []
