"""Look up the addresses of a relay, at most once a minute."""

from __future__ import annotations

import socket

_KEPT = 60.0  # seconds; a relay that moves is found within one

Address = tuple[int, "tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]"]


class Resolver:
    """Remember what a name stands for. ``now`` is monotonic, in seconds."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._asked_at: float | None = None
        self._addresses: list[Address] = []
        self._error: OSError | None = None

    def addresses(self, now: float) -> list[Address]:
        """Return the addresses in the order to try; raise OSError when there are none.

        While the name server is down, the last known ones still stand.
        """
        if self._asked_at is None or now - self._asked_at >= _KEPT:
            self._asked_at = now
            self._ask()
        if not self._addresses:
            raise self._error or OSError("the name has no address")
        return list(self._addresses)

    def prefer(self, address: Address) -> None:
        """Try an address first from now on: it answered."""
        if address in self._addresses:
            self._addresses.remove(address)
            self._addresses.insert(0, address)

    def _ask(self) -> None:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as error:
            self._error = error
            return
        self._addresses = [(int(family), place) for family, _, _, _, place in found]
