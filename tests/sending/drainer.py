"""Drain in a process of its own that can be killed, and that kills itself at a chosen instant."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import timedelta
from multiprocessing.synchronize import Event
from pathlib import Path

from newsletter.domain.outcomes import SmtpReply
from newsletter.runtime.settings import Settings
from newsletter.transports.base import Named, Source, Submission, Verdict
from newsletter.transports.smtp import Engine
from newsletter.wiring import App

LEASE = timedelta(seconds=1)
CONNECTIONS = 4
_COPIES = multiprocessing.get_context("forkserver")
_COPIES.set_forkserver_preload(["tests.sending.drainer"])


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


def main(
    database_url: str, port: int, data_dir: Path, holder: str, instant: str, count: int, ready: Event
) -> None:
    """Say that it is ready, and drain once."""
    settings = Settings(
        database_url=database_url,
        data_dir=data_dir,
        public_url="https://news.post.example.com",
        inbound_domain="b.post.example.com",
        relays=(f"smtp://127.0.0.1:{port}?tls=off&connections={CONNECTIONS}",),
        lease_seconds=LEASE.total_seconds(),
    )
    app = DyingApp(settings)
    app.holder, app.instant, app.count = holder, instant, count
    ready.set()
    app.drain(should_stop=lambda: False)


class Worker:
    """Drain in a process: a copy of one that has all modules at hand, so that a start costs next to nothing."""

    def __init__(
        self, database_url: str, port: int, data_dir: Path, holder: str, *, instant: str, count: int
    ) -> None:
        """Begin; return when it is at work."""
        ready = _COPIES.Event()
        arguments = (database_url, port, data_dir, holder, instant, count, ready)
        self._process = _COPIES.Process(target=main, args=arguments, daemon=True)
        self._process.start()
        assert ready.wait(60), "the worker did not start"

    def wait(self, seconds: float) -> int:
        """Return how it ended: 0 when all was well, less when it was killed."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, "the worker did not end"
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """Kill it, and wait until it is dead."""
        self._process.kill()
        self._process.join()
