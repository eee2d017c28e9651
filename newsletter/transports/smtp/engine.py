"""Drive all connections to all relays from one thread."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from newsletter.domain.errors import TransportUnavailable
from newsletter.transports.base import Source
from newsletter.transports.smtp.loop import Loop
from newsletter.transports.smtp.member import each
from newsletter.transports.smtp.poller import Poller, create
from newsletter.transports.smtp.pool import Pool
from newsletter.transports.smtp.relay import Relay

_LOOK_EVERY = 0.25  # seconds between two looks at who has been silent for too long
_CLOSE_WITHIN = 2.0  # seconds for the answers to QUIT


class Engine:
    """Send what a source has over persistent, pipelined connections.

    When the source raises, nothing that it did not allow leaves, and the engine goes on at the next turn, or gives a
    verdict for each submission when it is told to abandon them.
    """

    def __init__(self, relays: Sequence[Relay], source: Source, *, poller: Poller | None = None) -> None:
        """Take relays with different names; nothing is opened yet."""
        self._source = source
        self._loop = Loop(poller or create(), now=time.monotonic())
        self._pool = Pool(relays, source=source, loop=self._loop)
        self._look_at = 0.0

    def turn(self, patience_seconds: float) -> None:
        """Send what can be sent, wait up to ``patience_seconds`` for answers, and deal with them."""
        loop = self._loop
        loop.now = time.monotonic()
        self._resume()
        self._pool.fill()
        self._write()
        events = loop.poller.poll(min(patience_seconds, _LOOK_EVERY))
        loop.now = time.monotonic()
        try:
            watched = loop.watched
            for fd, mask in events:
                if (connection := watched.get(fd)) is not None:
                    connection.handle(mask)
            self._write()
            self._look()
        finally:
            loop.sweep()

    @property
    def outstanding(self) -> int:
        """Return how many submissions were taken and have not ended."""
        return sum(member.outstanding for member in self._pool.members)

    @property
    def connection_count(self) -> int:
        """Return how many connections there are, those being opened included."""
        return sum(len(member.connections) for member in self._pool.members)

    @property
    def is_connected(self) -> bool:
        """Say whether some relay has greeted."""
        return any(one.is_open for member in self._pool.members for one in member.connections)

    @property
    def is_usable(self) -> bool:
        """Say whether some relay is connected or may be tried now."""
        self._loop.now = time.monotonic()
        return any(member.is_usable for member in self._pool.members)

    @property
    def fault(self) -> TransportUnavailable | None:
        """Return why the first relay that failed is not used now, as an error to raise."""
        for member in self._pool.members:
            if member.fault is not None:
                return TransportUnavailable(
                    member.sentence, hint=member.fault.hint, reason="relay_unavailable"
                )
        return None

    @property
    def faults(self) -> Mapping[str, str]:
        """Return, by the name of the relay, why it is not used now and what to do."""
        return {
            member.relay.name: f"{member.sentence} {member.fault.hint}"
            for member in self._pool.members
            if member.fault is not None
        }

    def open(self) -> None:
        """Connect to each relay that has no connection, without a message."""
        self._loop.now = time.monotonic()
        for member in self._pool.members:
            if not member.connections and member.has_room:
                member.open()

    def forgive(self) -> None:
        """Try relays again that failed, without a pause: somebody asks for it."""
        for member in self._pool.members:
            member.forgive()

    def stop(self) -> None:
        """Begin no further body; answers are awaited by further turns."""
        self._pool.is_stopped = True
        each(self._pool.members, lambda member: member.withdraw())

    def abandon(self) -> None:
        """Give a verdict for everything now, and hang up."""
        self._pool.is_stopped = True
        try:
            each(self._pool.members, lambda member: member.abandon())
        finally:
            self._loop.must_flush = False  # what was queued is no more
            self._loop.sweep()

    def close(self) -> None:
        """Say goodbye; after two seconds hang up, and end what is still outstanding."""
        try:
            self.stop()
            self._say_goodbye()
        finally:
            try:
                self.abandon()
            finally:
                self._loop.hang_up()

    def _say_goodbye(self) -> None:
        for member in self._pool.members:
            member.say_goodbye()
        until = time.monotonic() + _CLOSE_WITHIN
        while self.connection_count and (left := until - time.monotonic()) > 0:
            self.turn(left)

    def _resume(self) -> None:
        """Take up the work of connections that an exception of the source broke in on."""
        interrupted = self._loop.interrupted
        while interrupted:
            interrupted.pop().resume()

    def _write(self) -> None:
        loop = self._loop
        if not loop.writers:
            return
        if loop.must_flush:
            self._source.flush()
            loop.must_flush = False
        writers, loop.writers = loop.writers, []
        for connection in writers:
            connection.write()

    def _look(self) -> None:
        loop = self._loop
        if loop.now < self._look_at:
            return
        self._look_at = loop.now + _LOOK_EVERY
        for connection in list(loop.watched.values()):
            connection.check()
