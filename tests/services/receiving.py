"""Run our receiver in a thread, for tests that speak to it over sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from newsletter.domain.arrivals import MailWay
from newsletter.inbound.dialogue import Desk, Limits
from newsletter.inbound.smtp_server import Certificate, Server


class Receiver:
    """Hold a server that answers both ways on free ports of 127.0.0.1."""

    def __init__(self, desk: Desk, limits: Limits | None, certificate: Certificate | None) -> None:
        """Start it."""
        self.ports: dict[MailWay, int] = {}
        self._loop = asyncio.new_event_loop()
        self._told_to_stop = asyncio.Event()
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(desk, limits, certificate))
        self._thread.start()
        self._is_ready.wait(10)

    @property
    def lmtp(self) -> int:
        """Return the port for LMTP."""
        return self.ports[MailWay.LMTP]

    @property
    def smtp(self) -> int:
        """Return the port for SMTP."""
        return self.ports[MailWay.SMTP]

    def tell_to_stop(self) -> None:
        """Do what SIGTERM does."""
        self._loop.call_soon_threadsafe(self._told_to_stop.set)

    def stop(self) -> None:
        """Tell it to stop, and wait until it has."""
        self.tell_to_stop()
        self._thread.join(20)
        assert not self._thread.is_alive()

    def _run(self, desk: Desk, limits: Limits | None, certificate: Certificate | None) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve(desk, limits, certificate))
        self._loop.close()

    async def _serve(self, desk: Desk, limits: Limits | None, certificate: Certificate | None) -> None:
        server = Server(desk, name="mx.post.example", limits=limits, certificate=certificate)
        for way in (MailWay.LMTP, MailWay.SMTP):
            self.ports[way] = await server.listen(way, "127.0.0.1", 0)
        self._is_ready.set()
        await server.run(self._told_to_stop)


@contextmanager
def receiving(
    desk: Desk, *, limits: Limits | None = None, certificate: Certificate | None = None
) -> Iterator[Receiver]:
    """Receive until the block ends."""
    receiver = Receiver(desk, limits, certificate)
    try:
        yield receiver
    finally:
        receiver.stop()
