"""Drain in a process of its own that can be killed, and that kills itself at a chosen instant."""

from __future__ import annotations

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from newsletter.domain.outcomes import SmtpReply
from newsletter.runtime.settings import Settings
from newsletter.transports.base import Named, Source, Submission, Verdict
from newsletter.transports.smtp import Engine
from newsletter.wiring import App

LEASE = timedelta(seconds=1)
CONNECTIONS = 4


class DyingSource:
    """Die at the message number ``count`` (1, 2, ...); never with ``count`` 0.

    ``instant``: untouched (before anything is written down), begun (written down, and not a byte has left), answered
    (the relay has taken it, and nobody has heard).
    """

    def __init__(self, source: Source, *, instant: str, count: int) -> None:
        self._source = source
        self._instant = instant
        self._left = count

    def next(self, relay: Named) -> Submission | None:
        return self._source.next(relay)

    def begin(self, submission: Submission) -> bool:
        self._die_at("untouched")
        may = self._source.begin(submission)
        if self._instant == "begun" and self._left == 1:
            self._source.flush()
        self._die_at("begun")
        return may

    def flush(self) -> None:
        self._source.flush()

    def ended(self, submission: Submission, verdict: Verdict, reply: SmtpReply | None, relay: Named) -> None:
        self._die_at("answered")
        self._source.ended(submission, verdict, reply, relay)

    def _die_at(self, instant: str) -> None:
        if instant == self._instant:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class DyingApp(App):
    """Put a dying source before the engine."""

    instant: str
    count: int

    def open_sender(self, source: Source) -> Engine:
        return super().open_sender(DyingSource(source, instant=self.instant, count=self.count))


def main(database_url: str, port: str, data_dir: str, holder: str, instant: str, count: str) -> None:
    """Say "ready", drain once, say "over"."""
    settings = Settings(
        database_url=database_url,
        data_dir=Path(data_dir),
        public_url="https://news.post.example.com",
        inbound_domain="b.post.example.com",
        relays=(f"smtp://127.0.0.1:{port}?tls=off&connections={CONNECTIONS}",),
        lease_seconds=LEASE.total_seconds(),
    )
    app = DyingApp(settings)
    app.holder, app.instant, app.count = holder, instant, int(count)
    print("ready", flush=True)
    app.drain(should_stop=lambda: False)
    print("over", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
