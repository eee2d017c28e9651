"""Wait for sockets: with epoll where there is one, with what the system has elsewhere."""

from __future__ import annotations

import select
import selectors
from collections.abc import Callable
from typing import Protocol

READABLE = 1  # select.EPOLLIN; anything that is not WRITABLE alone is worth a read
WRITABLE = 4  # select.EPOLLOUT


class Poller(Protocol):
    """Watch file descriptors; what is ready is told at each poll until it is dealt with."""

    def register(self, fd: int, mask: int, /) -> None:
        """Begin to watch."""

    def modify(self, fd: int, mask: int, /) -> None:
        """Watch for something else."""

    def unregister(self, fd: int, /) -> None:
        """Watch no longer."""

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """Return (descriptor, mask) of what is ready, after at most ``timeout`` seconds."""

    def close(self) -> None:
        """Free what it holds."""


_EPOLL: Callable[[], Poller] | None = getattr(select, "epoll", None)


class SelectorPoller:
    """Use the best of the standard library's selectors."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def register(self, fd: int, mask: int, /) -> None:
        """Begin to watch."""
        self._selector.register(fd, _events(mask))

    def modify(self, fd: int, mask: int, /) -> None:
        """Watch for something else."""
        self._selector.modify(fd, _events(mask))

    def unregister(self, fd: int, /) -> None:
        """Watch no longer."""
        self._selector.unregister(fd)

    def poll(self, timeout: float, /) -> list[tuple[int, int]]:
        """Return what is ready."""
        return [(key.fd, _mask(events)) for key, events in self._selector.select(timeout)]

    def close(self) -> None:
        """Free what it holds."""
        self._selector.close()


def create() -> Poller:
    """Return the fastest poller that there is."""
    return _EPOLL() if _EPOLL else SelectorPoller()


def _events(mask: int) -> int:
    readable = selectors.EVENT_READ if mask & READABLE else 0
    return readable | (selectors.EVENT_WRITE if mask & WRITABLE else 0)


def _mask(events: int) -> int:
    readable = READABLE if events & selectors.EVENT_READ else 0
    return readable | (WRITABLE if events & selectors.EVENT_WRITE else 0)
