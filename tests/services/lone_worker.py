"""Drain without Celery, by a clock that is so many SECONDS ahead: ``python -m tests.services.lone_worker SECONDS``.

After each drain it prints a line. A fault ends the drain, not the process: the
next drain begins with parts of its own, as in a worker that was started again.
"""

from __future__ import annotations

import signal
import sys
import time
import traceback
from datetime import datetime, timedelta

from newsletter import wiring
from newsletter.runtime import logs, settings
from newsletter.runtime.clock import SystemClock

_PAUSE = 0.2  # seconds between two looks


class WrongClock(SystemClock):
    """Tell the machine's time and some more."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        """Return the instant."""
        return super().now() + self._ahead


def main(seconds: str) -> None:
    """Drain again and again until told to stop."""
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    read = settings.load()
    logs.configure(read.log_level)
    clock = WrongClock(timedelta(seconds=float(seconds)))
    app = wiring.build(read, clock=clock)
    while not stopping:
        try:
            report = app.drain(should_stop=lambda: bool(stopping))
            print("drained", report.message_count, flush=True)
        except Exception:  # noqa: BLE001 - the outermost loop of a worker
            traceback.print_exc()
            app = wiring.build(read, clock=clock)
        time.sleep(_PAUSE)


if __name__ == "__main__":
    main(*sys.argv[1:])
