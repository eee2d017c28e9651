"""Several relays share the messages by weight, and the work goes on while one of them does not."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from newsletter.domain.errors import InvalidInput
from newsletter.transports.base import Named, Submission
from newsletter.transports.smtp import Engine
from newsletter.transports.smtp.resolver import Resolver
from newsletter.transports.smtp.shares import Shares
from tests.services.ports import free_port
from tests.services.scripted import Peer, Scripted
from tests.transports.outbox import (
    PIPELINING,
    Outbox,
    engine,
    good,
    numbers,
    relay,
    send,
    submission,
    turn_until,
)


def turns(weights: dict[str, int], count: int) -> str:
    shares, names = Shares(weights), list(weights)
    taken = []
    for _ in range(count):
        taken.append(shares.due(names))
        shares.served(taken[-1], names)
    return "".join(taken)


@pytest.mark.parametrize(
    ("weights", "order"),
    [({"a": 1, "b": 1}, "abab"), ({"a": 5, "b": 1, "c": 1}, "aabacaa"), ({"a": 2, "b": 1}, "abaaba")],
)
def test_turns_are_spread_out(weights: dict[str, int], order: str) -> None:
    assert turns(weights, len(order)) == order


def test_who_cannot_take_one_has_lost_this_turn_and_no_other() -> None:
    shares = Shares({"a": 1, "b": 1})
    for _ in range(5):
        shares.served("a", ["a"])

    assert [shares.due(["a", "b"])] == ["a"]  # b gets nothing in return


@pytest.mark.parametrize("connections", [1, 3])
def test_each_relay_gets_its_share(connections: int) -> None:
    with Scripted(good(PIPELINING)) as heavy, Scripted(good()) as light:
        outbox = send(
            Outbox(60),
            relay(heavy.port, name="heavy", weight=3, connections=connections),
            relay(light.port, name="light", weight=1, connections=connections),
        )

    assert outbox.verdicts == {"accepted": 60}
    assert outbox.served == {"heavy": 45, "light": 15}
    assert sorted(numbers(heavy) + numbers(light)) == list(range(60))


def test_a_relay_for_which_the_source_has_nothing_holds_up_no_other() -> None:
    class Picky(Outbox):
        def next(self, relay: Named) -> Submission | None:
            return None if relay.name == "spurned" else super().next(relay)

    with Scripted(good(PIPELINING)) as wanted, Scripted(good()) as spurned:
        outbox = send(
            Picky(20), relay(wanted.port, name="wanted"), relay(spurned.port, name="spurned", weight=9)
        )

    assert outbox.served == {"wanted": 20}


def test_the_messages_of_a_relay_that_is_down_go_to_the_others() -> None:
    with Scripted(good(PIPELINING)) as server:
        outbox = Outbox(20)
        with engine(
            outbox, relay(server.port, name="up"), relay(free_port(), name="down", connections=3)
        ) as started:
            turn_until(started, lambda: outbox.is_done)
            faults = dict(started.faults)
            assert started.is_usable

    assert outbox.served == {"up": 20}
    assert list(faults) == ["down"]


def test_the_messages_of_a_relay_that_goes_down_go_to_the_others() -> None:
    def dying(peer: Peer) -> None:
        peer.serve(PIPELINING, messages=3)
        mortal.go_away()

    with Scripted(good(PIPELINING)) as survivor, Scripted(dying) as mortal:
        outbox = send(Outbox(30), relay(survivor.port, name="survivor"), relay(mortal.port, name="mortal"))

    assert outbox.verdicts == {"accepted": 30}
    assert outbox.served == {"survivor": 27, "mortal": 3}


def test_a_relay_that_answers_nobody_holds_up_no_other_for_long() -> None:
    with Scripted(good(PIPELINING)) as server, socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        outbox = Outbox(20)
        with engine(
            outbox, relay(server.port, name="up"), relay(deaf.getsockname()[1], name="deaf", weight=5)
        ) as started:
            turn_until(started, lambda: outbox.is_done)

    assert outbox.served == {"up": 20}


REFUSED_SENDER = {b"MAIL": b"550 5.7.1 not from you\r\n"}


def test_a_relay_that_refuses_the_sender_is_left_alone_and_the_reader_is_not_to_blame() -> None:
    with Scripted(good(PIPELINING, answers=REFUSED_SENDER)) as strict:
        outbox = Outbox(5)
        with engine(outbox, relay(strict.port)) as started:
            turn_until(started, lambda: not started.is_usable)
            faults = dict(started.faults)

    assert outbox.told == {}
    assert sum(outbox.untried.values()) == 1
    assert "refused the sender post.example.com: 550 5.7.1 not from you" in faults["relay"]


def test_another_relay_takes_what_one_refuses_for_its_sender() -> None:
    with (
        Scripted(good(PIPELINING, answers=REFUSED_SENDER)) as strict,
        Scripted(good(PIPELINING)) as kind,
    ):
        outbox = send(Outbox(10), relay(strict.port, name="strict"), relay(kind.port, name="kind"))

    assert outbox.verdicts == {"accepted": 10}
    assert outbox.served == {"kind": 10}


def test_a_relay_that_failed_is_tried_again_with_one_connection_and_then_used_in_full() -> None:
    def refusing(peer: Peer) -> None:
        peer.say(b"421 4.3.2 not now\r\n")

    with Scripted(refusing, refusing, refusing, good(PIPELINING)) as server:
        outbox = Outbox(30)
        with engine(outbox, relay(server.port, connections=3)) as started:
            turn_until(started, lambda: not started.is_usable)
            assert len(server.peers) == 3
            turn_until(started, lambda: outbox.is_done)
            assert started.faults == {}

    assert outbox.verdicts == {"accepted": 30}
    assert len(server.peers) > 4  # the trial, and others behind it


def test_a_relay_that_takes_so_many_connections_and_no_more_is_used_with_those() -> None:
    def busy(peer: Peer) -> None:
        peer.say(b"421 4.7.0 too many connections\r\n")

    outbox = Outbox(1)
    with (
        Scripted(good(PIPELINING), busy) as server,
        engine(outbox, relay(server.port, connections=4)) as started,
    ):
        turn_until(started, lambda: outbox.is_done)
        outbox.left.extend(submission(number) for number in range(1, 41))
        outbox.count = 41
        turn_until(started, lambda: outbox.is_done)
        assert started.faults == {}

    assert outbox.verdicts == {"accepted": 41}
    assert sum(bool(peer.messages) for peer in server.peers) == 1
    assert len(server.peers) <= 4  # those that were opened at once, and no further ones


def failing_at_mail(peer: Peer) -> None:
    peer.greet(PIPELINING)
    peer.command()


def test_a_relay_that_hangs_up_on_everybody_burns_no_messages() -> None:
    with Scripted(failing_at_mail) as server:
        outbox = Outbox(50)
        with engine(outbox, relay(server.port, connections=2)) as started:
            until = time.monotonic() + 1.5
            turn_until(started, lambda: time.monotonic() > until)
            faults = dict(started.faults)

    assert outbox.told == {}
    assert len(server.peers) < 12
    assert "hung up" in faults["relay"]


def test_relays_need_names_of_their_own() -> None:
    with pytest.raises(InvalidInput):
        Engine([relay(1), relay(2)], Outbox())


def test_a_name_is_looked_up_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    look_up: Callable[..., object] = socket.getaddrinfo

    def counted(*arguments: object, **options: object) -> object:
        asked.append(arguments)
        return look_up(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", counted)
    resolver = Resolver("localhost", 25)

    found = [resolver.addresses(now) for now in (0.0, 1.0, 59.0, 60.5)]

    assert len(asked) == 2
    assert found[0] == found[3] != []


def test_a_name_that_is_unknown_says_so_until_a_minute_is_over() -> None:
    resolver = Resolver("no-such-host.invalid", 25)

    for now in (0.0, 1.0):
        with pytest.raises(socket.gaierror):
            resolver.addresses(now)
