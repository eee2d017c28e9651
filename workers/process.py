"""Hold the parts of one worker process, made after the fork, and the flags that stop drains.

The main process sets a flag in memory that it shares with its children when it is told to stop; a drain reads it many
times a second. Children leave SIGTERM to it: runners of Procfiles send it to the whole group, which would cut messages
off in the middle. A child whose main process was killed stops too: it will never be told.

A main process that is told to stop ends, also when the broker and whoever started it are gone: Celery's own way there
talks to both, and left a process that tried to reach its broker for ever.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from functools import cache, partial
from threading import Event
from types import FrameType
from typing import Any  # handlers return what they like

from celery import bootsteps, signals
from celery.worker import state

from newsletter import wiring
from newsletter.runtime import logs, memory
from newsletter.wiring import App
from workers.app import app as celery
from workers.app import settings

# Loggers with four lines a tick, which would hide what matters; DEBUG shows them.
_CHATTY = ("celery.beat", "celery.worker.strategy", "celery.app.trace")

_PR_SET_PDEATHSIG = 1  # prctl(2)
# Told to a child whose main process is gone. Not SIGHUP, SIGQUIT or SIGUSR1: after worker_process_init, billiard makes
# these raise SystemExit (billiard 4.3, common.py), which would break a drain off at any line.
_ORPHANED = signal.SIGURG

_ORPHANS_SECONDS = 15  # the nine of the soft shutdown (app.py), and some to tidy up
_FAILED = 1  # exit status

_main_process, _starter = os.getpid(), os.getppid()  # this module is imported before the fork
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


@signals.beat_embedded_init.connect  # type: ignore[untyped-decorator]
def _begin_beat(**_: object) -> None:
    """End beat with its main process; it keeps nothing that could be lost, and would ring beside the next one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != _main_process:  # it ended before the kernel knew
            os._exit(_FAILED)


class _HearFirst(bootsteps.StartStopStep):  # type: ignore[misc]
    """Set the flag before Celery handles a signal to stop.

    Celery's own signals do not do: worker_shutting_down comes after the soft shutdown has slept and cancelled, and
    worker_ready only when the broker has answered. A step of the worker starts just after Celery's handlers stand.
    """

    def start(self, _worker: object) -> None:
        """Put ours before Celery's handlers."""
        for number in (signal.SIGTERM, signal.SIGQUIT, signal.SIGINT):
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, partial(_stop_first, handler))


celery.steps["worker"].add(_HearFirst)


def _stop_first(
    handler: Callable[[int, FrameType | None], Any], number: int, frame: FrameType | None
) -> None:
    _stopping.value = 1
    _end_for_certain()
    try:
        handler(number, frame)
    except Exception:  # noqa: BLE001 - whatever it met, the worker was told to stop
        # The handler writes to stdout and cancels at the broker before it notes that the worker shall end. When either
        # is gone, it breaks off, and the consumer would take that for a lost connection and connect anew for ever.
        state.should_terminate = _FAILED


def _end_for_certain() -> None:
    """Let the kernel end a worker that its starter cannot kill any more, whatever it waits for then."""
    if os.getppid() != _starter:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_ORPHANS_SECONDS)


@signals.setup_logging.connect  # type: ignore[untyped-decorator]
def _configure_logs(**_: object) -> None:
    """Keep Celery's own lines short and on stderr; ours come from structlog."""
    logs.configure_library("celery", settings.log_level)
    if settings.log_level == "INFO":
        for chatty in _CHATTY:
            logs.configure_library(chatty, "WARNING")
