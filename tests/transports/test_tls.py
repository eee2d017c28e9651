"""What is encrypted is encrypted to whom it should be, and nothing goes out in clear that must not."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from tests.services.scripted import Peer, Scripted
from tests.services.sink import Sink
from tests.transports.outbox import (
    PIPELINING,
    QUICK,
    Outbox,
    engine,
    good,
    relay,
    send,
    submission,
    turn_until,
)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


def server_context(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def starting_tls(context: ssl.SSLContext, *, injected: bytes = b"") -> Callable[[Peer], None]:
    """Return the script of a relay that encrypts, after somebody on the way put something in."""

    def script(peer: Peer) -> None:
        peer.greet(b"STARTTLS")
        peer.command()
        peer.say(b"220 2.0.0 go\r\n" + injected)
        peer.encrypt(context)
        peer.hello(PIPELINING)
        while peer.transact():
            pass

    return script


def fault_of(outbox: Outbox, port: int, **options: object) -> str:
    """Return why a relay cannot be used; nothing of any message may have gone out."""
    outbox.gives_again = False
    with engine(outbox, relay(port, **options)) as started:
        turn_until(started, lambda: bool(started.faults))
        fault = started.faults["relay"]
    assert outbox.told == {}
    return fault


@pytest.mark.parametrize("tls", ["starttls", "opportunistic"])
def test_messages_go_out_behind_starttls(tls: str, authority: trustme.CA, ca_file: Path) -> None:
    with Scripted(starting_tls(server_context(authority))) as server:
        outbox = send(Outbox(20), relay(server.port, tls=tls, ca_file=ca_file))

    assert outbox.verdicts == {"accepted": 20}
    assert server.heard[:3] == [b"EHLO test.example", b"STARTTLS", b"EHLO test.example"]


def test_messages_larger_than_any_buffer_go_out_over_tls(authority: trustme.CA, ca_file: Path) -> None:
    large = [b"Subject: %d\r\n\r\n" % number + b"x" * 2_000_000 + b"\r\n" for number in range(3)]

    def script(peer: Peer) -> None:
        peer.encrypt(server_context(authority))
        peer.serve(PIPELINING)

    outbox = Outbox(submissions=[submission(number, message=large[number]) for number in range(3)])
    with Scripted(script) as server:
        send(outbox, relay(server.port, tls="implicit", ca_file=ca_file))

    assert server.messages == large


@pytest.fixture
def encrypted_sink(authority: trustme.CA) -> Iterator[Sink]:
    sink = Sink(tls=server_context(authority), is_implicit_tls=True, login=("post", "secret"))
    sink.start()
    yield sink
    sink.stop()


def test_many_connections_over_tls_with_a_login(encrypted_sink: Sink, ca_file: Path) -> None:
    outbox = send(
        Outbox(40),
        relay(
            encrypted_sink.port,
            tls="implicit",
            ca_file=ca_file,
            username="post",
            password="secret",
            connections=4,
            messages_per_connection=7,
        ),
    )

    assert outbox.verdicts == {"accepted": 40}
    assert len(encrypted_sink.messages) == 40


@pytest.mark.parametrize("injected", [b"250 injected\r\n", b"2", b"250-half\r\n"])
def test_replies_that_somebody_put_in_before_tls_end_the_connection(
    injected: bytes, authority: trustme.CA, ca_file: Path
) -> None:
    with Scripted(starting_tls(server_context(authority), injected=injected)) as server:
        fault = fault_of(Outbox(1), server.port, tls="starttls", ca_file=ca_file)

    assert "answered before it was asked" in fault
    assert b"MAIL" not in b"".join(server.heard)


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_certificate_for_another_name_is_refused(tls: str, authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority, "other.example")

    def implicit(peer: Peer) -> None:
        peer.encrypt(context)
        peer.serve()

    script = starting_tls(context) if tls == "starttls" else implicit
    with Scripted(script) as server:
        fault = fault_of(Outbox(1), server.port, tls=tls, ca_file=ca_file)

    assert "certificate that cannot be trusted" in fault
    assert "NEWSLETTER_RELAY_CA_FILE" in fault
    assert server.messages == []


def test_a_certificate_is_not_looked_at_by_opportunistic_tls(authority: trustme.CA) -> None:
    with Scripted(starting_tls(server_context(authority, "other.example"))) as server:
        outbox = send(Outbox(3), relay(server.port, tls="opportunistic"))

    assert outbox.verdicts == {"accepted": 3}


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_handshake_that_makes_no_sense_is_a_fault(tls: str) -> None:
    def script(peer: Peer) -> None:
        if tls == "starttls":
            peer.greet(b"STARTTLS")
            peer.command()
            peer.say(b"220 go\r\n")
        peer.stream.recv(10)
        peer.say(b"500 this is no TLS\r\n")

    with Scripted(script) as server:
        fault = fault_of(Outbox(1), server.port, tls=tls)

    assert "fails at TLS" in fault


def test_a_handshake_without_an_answer_is_a_fault() -> None:
    def script(peer: Peer) -> None:
        while peer.stream.recv(1000):
            pass

    timeouts = type(QUICK)(connect=0.3)
    with Scripted(script) as server:
        fault = fault_of(Outbox(1), server.port, tls="implicit", timeouts=timeouts)

    assert "does not answer in time" in fault


def test_a_connection_in_clear_to_a_port_that_speaks_tls_is_a_fault(authority: trustme.CA) -> None:
    def script(peer: Peer) -> None:
        peer.encrypt(server_context(authority))

    with Scripted(script) as server:
        fault = fault_of(Outbox(1), server.port, tls="off", timeouts=QUICK)

    assert "does not answer in time" in fault


def test_a_missing_file_of_authorities_is_a_fault_with_its_setting(tmp_path: Path) -> None:
    with Scripted(good()) as server:
        fault = fault_of(Outbox(1), server.port, tls="implicit", ca_file=tmp_path / "none.pem")

    assert "NEWSLETTER_RELAY_CA_FILE" in fault


def test_tls_that_ends_behind_a_message_leaves_it_in_doubt(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority)

    def script(peer: Peer) -> None:
        peer.encrypt(context)
        peer.greet(PIPELINING)
        for _ in range(3):
            line = peer.command()
            peer.say(b"354 go\r\n" if line == b"DATA" else b"250 ok\r\n")
        peer.message()

    def again(peer: Peer) -> None:
        peer.encrypt(context)
        peer.serve(PIPELINING)

    with Scripted(script, again) as server:
        outbox = send(Outbox(3), relay(server.port, tls="implicit", ca_file=ca_file))

    assert outbox.verdicts == {"accepted": 2, "uncertain": 1}
