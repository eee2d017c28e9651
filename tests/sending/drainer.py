"""Drain in a process of its own that can be killed, and that kills itself at a chosen instant."""

from __future__ import annotations

import os
import signal
import sys
from datetime import timedelta

from newsletter.domain.outcomes import SmtpReply
from newsletter.runtime.clock import SystemClock
from newsletter.runtime.settings import Settings
from newsletter.sending import drain as draining
from newsletter.store import Database
from newsletter.transports.base import Envelope
from newsletter.transports.smtp import Relay, SmtpTransport

LEASE = timedelta(seconds=1)


class DyingTransport(SmtpTransport):
    """Die before or after the submission number ``count`` (1, 2, ...); never with ``count`` 0."""

    def __init__(self, relay: Relay, *, instant: str, count: int) -> None:
        super().__init__(relay)
        self._instant = instant
        self._left = count

    def submit(self, envelope: Envelope, message: bytes) -> SmtpReply:
        self._left -= 1
        if self._left == 0 and self._instant == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        reply = super().submit(envelope, message)
        if self._left == 0 and self._instant == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return reply


def main(database_url: str, port: str, holder: str, instant: str, count: str) -> None:
    """Say "ready", drain once, say "over"."""
    database = Database(database_url)
    relay = Relay(host="127.0.0.1", port=int(port), tls="off", timeout=10)
    print("ready", flush=True)
    draining.drain(
        transactions=database.transaction,
        transport=DyingTransport(relay, instant=instant, count=int(count)),
        settings=Settings(
            public_url="https://news.post.example.com",
            inbound_domain="b.post.example.com",
            lease_seconds=LEASE.total_seconds(),
        ),
        clock=SystemClock(),
        holder=holder,
        should_stop=lambda: False,
    )
    print("over", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
