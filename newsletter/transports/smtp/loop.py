"""Hold what the connections of one engine share."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

from newsletter.transports.smtp.poller import Poller


class Watched(Protocol):
    """Be told of events, and be written when the source has flushed."""

    def handle(self, mask: int) -> None:
        """Take an event."""

    def write(self) -> None:
        """Write what is queued."""

    def settle(self) -> None:
        """Do what the dialogue wants."""

    def resume(self) -> None:
        """Go on where an exception broke in."""

    def check(self) -> None:
        """Act on a silence that is too long."""

    def close(self) -> None:
        """Hang up."""


class Loop:
    """Know who waits for what.

    ``now`` is monotonic, in seconds, and read once a turn. ``writers`` have something to write; ``interrupted`` were
    in the middle of their work when an exception of the source broke in. ``must_flush``: a body is queued and the
    source has not been asked to flush since.
    """

    __slots__ = ("_left", "interrupted", "must_flush", "now", "poller", "watched", "writers")

    def __init__(self, poller: Poller, *, now: float) -> None:
        self.poller = poller
        self.now = now
        self.watched: dict[int, Watched] = {}
        self.writers: list[Watched] = []
        self.interrupted: list[Watched] = []
        self.must_flush = False
        self._left: list[socket.socket] = []

    def watch(self, fd: int, mask: int, watched: Watched) -> None:
        """Tell ``watched`` what happens to a descriptor."""
        self.poller.register(fd, mask)
        self.watched[fd] = watched

    def forget(self, fd: int, opened: socket.socket) -> None:
        """Watch a socket no longer, and close it when the turn is over.

        Until then no new socket gets its number: an event that was already read would be taken for the new one's.
        """
        if self.watched.pop(fd, None) is not None:
            with suppress(OSError):  # a failed start of TLS has closed it already
                self.poller.unregister(fd)
        self._left.append(opened)

    def sweep(self) -> None:
        """Close the sockets that were left."""
        while self._left:
            self._left.pop().close()

    def hang_up(self) -> None:
        """Close everything."""
        for watched in list(self.watched.values()):
            watched.close()
        self.sweep()
        self.poller.close()

    @contextmanager
    def watching(self, watched: Watched) -> Iterator[None]:
        """Settle after a step of a dialogue, and remember it when the source broke in."""
        try:
            yield
        except BaseException:
            self.interrupted.append(watched)
            raise
        finally:
            watched.settle()
