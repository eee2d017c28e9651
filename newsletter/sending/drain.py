"""Work off what is due: let the engine and the desk turn until there is nothing left, or the time is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from newsletter.domain.mailings import DRAIN_TIME
from newsletter.runtime import logs
from newsletter.runtime.clock import Clock
from newsletter.runtime.settings import Settings
from newsletter.sending import evidence
from newsletter.sending.batch import Stop, Tools
from newsletter.sending.desk import Desk
from newsletter.sending.throttle import Throttle
from newsletter.store import Transactions
from newsletter.transports.base import Source

# Seconds in which answers under way are awaited when the process is told to stop. Celery's soft shutdown gives nine
# (workers/app.py); the rest is for recording.
STOP_PATIENCE = 8.5
_TURN = 0.05  # seconds: how late a stop, a token or a new message may be noticed while nothing happens
_log = logs.get(__name__)


class Sender(Protocol):
    """Be what a drain needs of an engine (transports/smtp/engine.py)."""

    @property
    def outstanding(self) -> int:
        """Return how many submissions have not ended."""

    @property
    def is_usable(self) -> bool:
        """Say whether some relay is connected or may be tried."""

    @property
    def faults(self) -> Mapping[str, str]:
        """Say why relays are not usable, by their names."""

    def turn(self, patience_seconds: float) -> None:
        """Ask the source, wait for events and handle them."""

    def stop(self) -> None:
        """Begin no further body."""

    def abandon(self) -> None:
        """End everything now."""

    def close(self) -> None:
        """Say goodbye."""


@dataclass(frozen=True)
class DrainReport:
    """Hold what a drain did; ``has_more`` when its time was over before its work."""

    batch_count: int
    message_count: int
    has_more: bool


def drain(
    *,
    transactions: Transactions,
    open_sender: Callable[[Source], Sender],
    throttle: Throttle,
    settings: Settings,
    clock: Clock,
    holder: str,
    should_stop: Callable[[], bool],
) -> DrainReport:
    """Work on whatever is due; open no message after 45 seconds, nor when somebody says stop."""
    evidence.gather(transactions, folder=settings.journal_dir)
    throttle.tick(clock.now())
    tools = Tools(transactions=transactions, throttle=throttle, settings=settings, clock=clock, holder=holder)
    desk = Desk(tools)
    sender = open_sender(desk)
    run = _Run(desk, sender, clock, should_stop)
    try:
        run.work()
    except BaseException:
        desk.halt(Stop.FAULT)  # nobody knows why: the other batches go first
        raise
    finally:
        sender.abandon()
        desk.close()
        sender.close()
    return DrainReport(desk.batch_count, desk.message_count, has_more=run.has_more)


class _Run:
    """Hold the course of one drain."""

    def __init__(self, desk: Desk, sender: Sender, clock: Clock, should_stop: Callable[[], bool]) -> None:
        self.has_more = True
        self._desk = desk
        self._sender = sender
        self._clock = clock
        self._should_stop = should_stop
        self._ends_at = clock.monotonic() + DRAIN_TIME.total_seconds()

    def work(self) -> None:
        """Turn until nothing is due; then, or when told to stop, wait for the answers under way."""
        desk, sender = self._desk, self._sender
        while desk.has_work or sender.outstanding:
            sender.turn(_TURN)
            desk.keep_time()
            if self._should_stop():
                self._come_to_an_end(STOP_PATIENCE)
                return
            if self._clock.monotonic() >= self._ends_at:
                self._come_to_an_end(None)
                return
            if not sender.is_usable:
                fault = " ".join(sender.faults.values())
                desk.halt(Stop.RELAY, fault)
                if not sender.outstanding:
                    _log.error("relay_unavailable", fault=fault)
                    break
        self.has_more = False

    def _come_to_an_end(self, patience: float | None) -> None:
        """Open nothing more and wait for answers: as long as the relay may take, or until ``patience`` is over."""
        self._desk.is_open = False
        self._sender.stop()
        self._desk.halt(Stop.DRAIN)
        until = None if patience is None else time.monotonic() + patience
        while self._sender.outstanding and (until is None or time.monotonic() < until):
            self._sender.turn(_TURN)
            self._desk.keep_time()
            if until is None and self._should_stop():
                until = time.monotonic() + STOP_PATIENCE
