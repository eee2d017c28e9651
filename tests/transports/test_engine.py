"""The engine sends over real sockets, to servers that do whatever a test thinks of."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import pytest

from newsletter.transports.base import Verdict
from newsletter.transports.smtp import Engine
from newsletter.transports.smtp.poller import SelectorPoller
from tests.services.ports import free_port
from tests.services.scripted import Peer, Scripted
from tests.services.sink import Sink
from tests.transports.outbox import (
    PIPELINING,
    QUICK,
    Outbox,
    engine,
    good,
    numbers,
    relay,
    send,
    submission,
    turn_until,
)


@pytest.mark.parametrize("offers", [(PIPELINING,), ()])
@pytest.mark.parametrize("connections", [1, 4])
def test_every_message_arrives_once_with_and_without_pipelining(
    offers: tuple[bytes, ...], connections: int
) -> None:
    with Scripted(good(*offers)) as server:
        outbox = send(Outbox(50), relay(server.port, connections=connections))

    assert outbox.verdicts == {"accepted": 50}
    assert numbers(server) == list(range(50))
    assert len(server.peers) <= connections


def test_a_real_server_gets_messages_as_they_are(sink: Sink) -> None:
    message = b"Subject: dots\r\n\r\n.\r\n..\r\n.a\r\n"
    outbox = send(Outbox(submissions=[submission(0, message=message, is_prepared=False)]), relay(sink.port))

    assert outbox.verdicts == {"accepted": 1}
    assert [received.message for received in sink.messages] == [message]


def test_the_next_envelope_comes_behind_the_final_dot_in_one_piece() -> None:
    behind: list[bytes] = []

    def script(peer: Peer) -> None:
        peer.greet(PIPELINING)
        peer.command(), peer.command(), peer.command()
        peer.say(b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")
        peer.message()
        behind.append(peer.pending())
        peer.say(b"451 4.3.0 enough\r\n")

    with Scripted(script) as server:
        outbox = Outbox(2)
        with engine(outbox, relay(server.port)) as started:
            turn_until(started, lambda: bool(outbox.told))

    assert re.fullmatch(rb"MAIL FROM:<[^>]+>\r\nRCPT TO:<reader1@[^>]+>\r\nDATA\r\n", behind[0])


def test_no_connection_is_opened_while_there_is_nothing_to_send() -> None:
    with Scripted(good()) as server, engine(Outbox(), relay(server.port)) as started:
        for _ in range(5):
            started.turn(0.01)
        assert started.connection_count == 0

    assert server.peers == []


def test_a_connection_ends_with_a_goodbye_after_so_many_messages() -> None:
    with Scripted(good(PIPELINING)) as server:
        outbox = send(Outbox(7), relay(server.port, messages_per_connection=3))

    assert outbox.verdicts == {"accepted": 7}
    assert [len(peer.messages) for peer in server.peers] == [3, 3, 1]
    assert all(peer.heard[-1] == b"QUIT" for peer in server.peers)


def test_a_limit_that_the_relay_announces_is_kept() -> None:
    with Scripted(good(PIPELINING, b"LIMITS MAILMAX=2")) as server:
        send(Outbox(5), relay(server.port))

    assert [len(peer.messages) for peer in server.peers] == [2, 2, 1]


@pytest.mark.parametrize("offers", [(PIPELINING,), ()])
def test_a_relay_that_hangs_up_in_silence_at_its_limit_loses_and_doubles_nothing(
    offers: tuple[bytes, ...],
) -> None:
    with Scripted(good(*offers, messages=3)) as server:
        outbox = send(Outbox(10), relay(server.port, connections=2))

    assert outbox.verdicts == {"accepted": 10}
    assert numbers(server) == list(range(10))


def test_an_idle_connection_says_goodbye() -> None:
    with Scripted(good(PIPELINING)) as server:
        outbox = Outbox(1)
        with engine(outbox, relay(server.port, idle_seconds=0.1)) as started:
            turn_until(started, lambda: outbox.is_done)
            turn_until(started, lambda: started.connection_count == 0)

    assert server.heard[-1] == b"QUIT"


def lying(peer: Peer) -> None:
    """Offer PIPELINING, answer the first command of each group, and lose the others."""
    peer.greet(PIPELINING)
    while True:
        line = peer.command()
        peer.pending()
        if not line:
            return
        peer.say(b"354 go\r\n" if line == b"DATA" else b"250 ok\r\n")
        if line == b"DATA":
            peer.message()
            peer.pending()
            peer.say(b"250 kept\r\n")


def complaining(peer: Peer) -> None:
    """Offer PIPELINING, and refuse whatever comes behind something that is not answered yet."""
    peer.greet(PIPELINING)
    while line := peer.command():
        if peer.pending():
            peer.say(b"250 ok\r\n", b"554 5.5.0 SMTP synchronization error\r\n")
            return
        peer.say(b"354 go\r\n" if line == b"DATA" else b"250 ok\r\n")
        if line == b"DATA":
            peer.message()
            peer.say(b"250 kept\r\n")


@pytest.mark.parametrize("script", [lying, complaining])
def test_a_relay_that_cannot_do_the_pipelining_it_offers_loses_and_doubles_nothing(
    script: Callable[[Peer], None],
) -> None:
    with Scripted(script) as server:
        outbox = send(Outbox(6), relay(server.port, connections=2, patience=0.3))

    assert outbox.verdicts == {"accepted": 6}
    assert numbers(server) == list(range(6))
    assert not outbox.untried


def test_a_relay_that_loses_what_stands_behind_a_message_is_found_out() -> None:
    def script(peer: Peer) -> None:
        peer.greet(PIPELINING)
        while peer.transact():
            if peer.heard[-1] == b"DATA":
                peer.pending()

    with Scripted(script) as server:
        outbox = send(Outbox(5), relay(server.port, patience=0.3))

    assert outbox.verdicts == {"accepted": 5}
    assert numbers(server) == list(range(5))


REFUSED_BY_RCPT = {b"RCPT": b"550 5.1.1 nobody\r\n", b"DATA": b"554 5.5.1 no recipients\r\n"}
LET_ON = {b"RCPT": b"450 4.2.0 later\r\n"}


@pytest.mark.parametrize("offers", [(PIPELINING,), ()])
@pytest.mark.parametrize(
    ("answers", "verdict"), [(REFUSED_BY_RCPT, "refused"), (LET_ON, "deferred")], ids=["554", "354"]
)
def test_refused_recipients_do_not_hold_up_the_connection(
    offers: tuple[bytes, ...], answers: dict[bytes, bytes], verdict: str
) -> None:
    with Scripted(good(*offers, answers=answers)) as server:
        outbox = send(Outbox(6), relay(server.port))

    assert outbox.verdicts == {verdict: 6}
    assert len(server.peers) == 1
    assert b"".join(server.messages) == b""


def after(count: int, fault: Callable[[Peer], None]) -> Callable[[Peer], None]:
    """Return the script of a relay that takes so many messages before something happens at the next dot."""

    def script(peer: Peer) -> None:
        peer.greet(PIPELINING)
        while len(peer.messages) < count:
            peer.transact()
        for _ in range(3):
            line = peer.command()
            peer.say(b"354 go\r\n" if line == b"DATA" else b"250 ok\r\n")
        peer.message()
        fault(peer)

    return script


def hang_up(_peer: Peer) -> None:
    """Say nothing more."""


def be_silent(peer: Peer) -> None:
    while peer.stream.recv(65_536):
        pass


@pytest.mark.parametrize("fault", [hang_up, be_silent, lambda peer: peer.say(b"what?\r\n")])
def test_a_message_without_an_answer_is_in_doubt_and_the_next_is_not(
    fault: Callable[[Peer], None],
) -> None:
    with Scripted(after(2, fault), good(PIPELINING)) as server:
        outbox = send(Outbox(6), relay(server.port, timeouts=QUICK))

    assert outbox.verdicts == {"accepted": 5, "uncertain": 1}
    assert outbox.told[2] is Verdict.UNCERTAIN
    assert sorted(set(numbers(server))) == list(range(6))


def test_a_relay_that_closes_at_the_dot_defers_that_message_and_frees_the_next() -> None:
    with Scripted(after(1, lambda peer: peer.say(b"421 4.3.2 closing down\r\n")), good(PIPELINING)) as server:
        outbox = send(Outbox(4), relay(server.port))

    assert outbox.told[1] is Verdict.DEFERRED
    reply = outbox.replies[1]
    assert reply is not None
    assert (reply.code, reply.text) == (421, "closing down")
    assert outbox.untried == {2: 1}
    assert outbox.verdicts == {"accepted": 3, "deferred": 1}


def test_a_relay_that_takes_no_more_of_a_body_defers_it() -> None:
    def script(peer: Peer) -> None:
        peer.greet()
        for _ in range(3):
            line = peer.command()
            peer.say(b"354 go\r\n" if line == b"DATA" else b"250 ok\r\n")
        is_over.wait()  # and reads nothing

    large = b"Subject: 0\r\n\r\n" + b"x" * 70 * 200_000 + b"\r\n"
    outbox, is_over = Outbox(submissions=[submission(0, message=large)]), threading.Event()
    with Scripted(script) as server:
        send(outbox, relay(server.port, timeouts=QUICK))
        is_over.set()

    assert outbox.told == {0: Verdict.DEFERRED}
    reply = outbox.replies[0]
    assert reply is not None
    assert (reply.code, reply.enhanced) == (421, "4.4.2")


def test_a_large_message_goes_out_in_as_many_pieces_as_it_takes() -> None:
    large = [b"Subject: %d\r\n\r\n" % number + b"x" * 3_000_000 + b"\r\n" for number in range(3)]
    outbox = Outbox(submissions=[submission(number, message=large[number]) for number in range(3)])
    with Scripted(good(PIPELINING)) as server:
        send(outbox, relay(server.port))

    assert server.messages == large


def test_what_a_relay_says_before_it_hangs_up_in_a_body_is_heard() -> None:
    def script(peer: Peer) -> None:
        peer.greet(PIPELINING)
        peer.command(), peer.command(), peer.command()
        peer.say(b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n")
        peer.stream.recv(1000)
        peer.say(b"552 5.3.4 too large\r\n")

    large = b"Subject: 0\r\n\r\n" + b"x" * 8_000_000 + b"\r\n"
    outbox = Outbox(submissions=[submission(0, message=large), submission(1)])
    with Scripted(script, good(PIPELINING)) as server:
        send(outbox, relay(server.port))

    assert outbox.told == {0: Verdict.REFUSED, 1: Verdict.ACCEPTED}


@pytest.mark.parametrize("offers", [(PIPELINING,), ()])
def test_a_recipient_at_whom_the_relay_hangs_up_is_deferred_and_holds_up_no_other(
    offers: tuple[bytes, ...],
) -> None:
    def script(peer: Peer) -> None:
        peer.greet(*offers)
        while True:
            line = peer.command()
            if not line or b"<reader1@" in line:
                return
            peer.say(b"354 go\r\n" if line == b"DATA" else b"250 ok\r\n")
            if line == b"DATA":
                peer.message()
                peer.say(b"250 kept\r\n")

    with Scripted(script) as server:
        outbox = send(Outbox(4), relay(server.port))

    assert outbox.told[1] is Verdict.DEFERRED
    assert outbox.verdicts == {"accepted": 3, "deferred": 1}
    assert not outbox.untried


def test_answers_octet_by_octet_are_answers() -> None:
    def script(peer: Peer) -> None:
        peer.dribble(b"220 scripted.test\r\n")
        peer.command()
        peer.dribble(b"250-scripted.test\r\n250 PIPELINING\r\n")
        while line := peer.command():
            peer.dribble(b"354-go\r\n354 on\r\n" if line == b"DATA" else b"250-o\r\n250 k\r\n")
            if line == b"DATA":
                peer.message()
                peer.dribble(b"250-2.0.0 kept\r\n250 2.0.0 safe\r\n")

    with Scripted(script) as server:
        outbox = send(Outbox(4), relay(server.port))

    assert outbox.verdicts == {"accepted": 4}
    reply = outbox.replies[0]
    assert reply is not None
    assert (reply.code, reply.enhanced, reply.text) == (250, "2.0.0", "kept safe")


def test_a_message_that_is_refused_here_says_no_word_to_the_relay(sink: Sink) -> None:
    smuggler = submission(0, message=b"a\n.\r\nMAIL FROM:<x@y.example>\r\n", is_prepared=False)
    injector = submission(1, rcpt_to="a@b.example>\r\nRCPT TO:<c@d.example")
    outbox = send(Outbox(submissions=[smuggler, injector, submission(2)]), relay(sink.port))

    assert outbox.told == {0: Verdict.REFUSED, 1: Verdict.REFUSED, 2: Verdict.ACCEPTED}
    assert [received.rcpt_to for received in sink.messages] == ["reader2@reader.example"]


def test_without_epoll_it_sends_as_well(sink: Sink) -> None:
    outbox = Outbox(10)
    started = Engine([relay(sink.port, connections=2)], outbox, poller=SelectorPoller())
    turn_until(started, lambda: outbox.is_done)
    started.close()

    assert len(sink.messages) == 10


def test_a_relay_that_is_down_leaves_all_messages_untouched() -> None:
    outbox = Outbox(3)
    outbox.gives_again = False
    with engine(outbox, relay(free_port(), connections=3)) as started:
        turn_until(started, lambda: len(outbox.untried) == 3)
        faults = dict(started.faults)
        assert not started.is_usable

    assert outbox.told == {}
    assert "does not answer" in faults["relay"]
    assert "NEWSLETTER_RELAY_HOST" in faults["relay"]
