"""Hold the parts of one worker process, made after the fork, and the flags that stop drains.

The main process sets a flag in memory that it shares with its children when it is told to stop; a drain reads it many
times a second. Children leave SIGTERM to it: runners of Procfiles send it to the whole group, which would cut messages
off in the middle. A child whose main process was killed stops too: it will never be told.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import signal
import sys
from collections.abc import Callable
from functools import cache, partial
from threading import Event
from types import FrameType
from typing import Any  # handlers return what they like

from celery import signals

from newsletter import wiring
from newsletter.runtime import logs, memory
from newsletter.wiring import App
from workers.app import settings

# Loggers with four lines a tick, which would hide what matters; DEBUG shows them.
_CHATTY = ("celery.beat", "celery.worker.strategy", "celery.app.trace")

_PR_SET_PDEATHSIG = 1  # prctl(2)
# Told to a child whose main process is gone. Not SIGHUP, SIGQUIT or SIGUSR1: after worker_process_init, billiard makes
# these raise SystemExit (billiard 4.3, common.py), which would break a drain off at any line.
_ORPHANED = signal.SIGURG

_stopping = multiprocessing.get_context("fork").Value("b", 0)
_orphaned = Event()


@cache
def app() -> App:
    """Return the parts of this process."""
    logs.configure(settings.log_level)
    return wiring.build(settings)


def should_stop() -> bool:
    """Say whether this worker is shutting down."""
    return bool(_stopping.value) or _orphaned.is_set()


@signals.worker_process_init.connect  # type: ignore[untyped-decorator]  # Celery is untyped
def _begin_child(**_: object) -> None:
    """Open connections anew in a child, and let only the main process stop it."""
    app.cache_clear()
    memory.tune()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":
        signal.signal(_ORPHANED, lambda *_: _orphaned.set())
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _ORPHANED)


@signals.worker_ready.connect  # type: ignore[untyped-decorator]
def _hear_first(**_: object) -> None:
    """Set the flag before Celery handles a signal to stop.

    Celery's own signal worker_shutting_down comes too late: after the soft shutdown has slept and cancelled.
    """
    for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
        handler = signal.getsignal(number)
        if callable(handler):
            signal.signal(number, partial(_stop_first, handler))


def _stop_first(
    handler: Callable[[int, FrameType | None], Any], number: int, frame: FrameType | None
) -> None:
    _stopping.value = 1
    handler(number, frame)


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def _configure_logs(**_: object) -> None:
    """Keep Celery's own lines short and on stderr; ours come from structlog."""
    logs.configure_library("celery", settings.log_level)
    if settings.log_level == "INFO":
        for chatty in _CHATTY:
            logs.configure_library(chatty, "WARNING")
