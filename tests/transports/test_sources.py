"""Whatever its source does, and whenever it is told to stop, the engine sends nothing that it may not and ends all."""

from __future__ import annotations

import threading

import pytest

from newsletter.transports.base import Verdict
from tests.services.scripted import Peer, Scripted
from tests.transports.outbox import PIPELINING, Outbox, engine, good, numbers, relay, send, turn_until


def test_no_body_leaves_before_the_source_has_flushed() -> None:
    outbox = Outbox(20)
    arrived: list[int] = []

    def look() -> None:
        arrived.extend(set(numbers(server)) - set(outbox.flushed))

    outbox.on_flush = look
    with Scripted(good(PIPELINING)) as server:
        send(outbox, relay(server.port, connections=4))

    assert arrived == []
    assert sorted(map(str, outbox.flushed)) == sorted(map(str, range(20)))


def test_a_source_that_may_not_begin_keeps_its_message() -> None:
    outbox = Outbox(5)
    outbox.gives_again = False
    outbox.may_begin = lambda given: given.tag != 2
    with Scripted(good(PIPELINING)) as server, engine(outbox, relay(server.port)) as started:
        turn_until(started, lambda: len(outbox.told) == 4)

    assert outbox.untried == {2: 1}
    assert numbers(server) == [0, 1, 3, 4]


def explode(*_: object) -> None:
    raise LookupError("the source broke")


def test_nothing_leaves_when_the_flush_fails_and_each_message_still_ends() -> None:
    outbox = Outbox(8)
    outbox.gives_again = False
    outbox.on_flush = explode
    with Scripted(good(PIPELINING)) as server, engine(outbox, relay(server.port, connections=3)) as started:
        with pytest.raises(LookupError):
            turn_until(started, lambda: outbox.is_done)
        started.abandon()
        assert started.outstanding == 0

    assert outbox.told == {}
    assert server.messages == []


@pytest.mark.parametrize("at", range(6))
@pytest.mark.parametrize("offers", [(PIPELINING,), ()])
def test_after_a_fault_of_the_source_the_engine_goes_on_where_it_was(
    offers: tuple[bytes, ...], at: int
) -> None:
    outbox, left = Outbox(12), [at]

    def break_once(_given: object) -> bool:
        left[0] -= 1
        if left[0] == -1:
            explode()
        return True

    outbox.may_begin = break_once
    outbox.on_ended = lambda given: explode() if given.tag == at else None
    with Scripted(good(*offers)) as server, engine(outbox, relay(server.port, connections=2)) as started:
        for _ in range(2):
            with pytest.raises(LookupError):
                turn_until(started, lambda: outbox.is_done)
        turn_until(started, lambda: outbox.is_done)

    assert outbox.verdicts == {"accepted": 12}
    assert numbers(server) == list(range(12))


def test_a_fault_of_the_source_leaves_a_verdict_for_each_message() -> None:
    outbox = Outbox(30)
    outbox.gives_again = False
    outbox.on_ended = lambda given: explode() if given.tag == 10 else None
    with Scripted(good(PIPELINING)) as server, engine(outbox, relay(server.port, connections=4)) as started:
        with pytest.raises(LookupError):
            turn_until(started, lambda: outbox.is_done)
        started.abandon()
        assert started.outstanding == 0

    ended = set(outbox.told) | set(outbox.untried)
    assert ended == set(range(30)) - {given.tag for given in outbox.left}
    assert set(numbers(server)) <= set(outbox.told)


class Slow(Scripted):
    """Take one message, and answer it when the test says so."""

    def __init__(self) -> None:
        super().__init__(self._talk)
        self.may_answer = threading.Event()

    def _talk(self, peer: Peer) -> None:
        peer.greet(PIPELINING)
        for _ in range(3):
            line = peer.command()
            peer.say(b"354 go\r\n" if line == b"DATA" else b"250 ok\r\n")
        peer.message()
        self.may_answer.wait()
        peer.say(b"250 kept\r\n250 ok\r\n250 ok\r\n354 go\r\n")
        peer.message()


def test_when_it_stops_answers_are_awaited_and_nothing_is_begun() -> None:
    outbox = Outbox(5)
    outbox.gives_again = False
    with Slow() as server, engine(outbox, relay(server.port)) as started:
        turn_until(started, lambda: bool(server.messages))
        started.stop()
        assert outbox.untried == {1: 1}
        assert started.outstanding == 1
        server.may_answer.set()
        turn_until(started, lambda: started.outstanding == 0)

    assert outbox.told == {0: Verdict.ACCEPTED}
    assert server.messages == [b"Subject: 0\r\n\r\nHello.\r\n"]  # and no lone dot behind the second DATA
    assert outbox.begun == [0]


def test_what_is_abandoned_behind_its_dot_is_in_doubt() -> None:
    outbox = Outbox(5)
    outbox.gives_again = False
    with Slow() as server, engine(outbox, relay(server.port)) as started:
        turn_until(started, lambda: bool(server.messages))
        started.abandon()
        server.may_answer.set()

    assert outbox.told == {0: Verdict.UNCERTAIN}
    assert outbox.untried == {1: 1}


def test_an_idle_connection_still_says_goodbye_after_everything_was_abandoned() -> None:
    outbox = Outbox(1)
    with Scripted(good(PIPELINING)) as server, engine(outbox, relay(server.port)) as started:
        turn_until(started, lambda: outbox.is_done and not started.outstanding)
        started.abandon()

    assert server.heard[-1] == b"QUIT"


def test_an_engine_that_is_closed_in_the_middle_ends_every_message() -> None:
    outbox = Outbox(5)
    outbox.gives_again = False
    with Slow() as server:
        with engine(outbox, relay(server.port)) as started:
            turn_until(started, lambda: bool(server.messages))
        server.may_answer.set()

    assert started.outstanding == 0
    assert outbox.told == {0: Verdict.UNCERTAIN}
