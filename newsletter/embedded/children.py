"""Start child processes that end when we end, however we end."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def start(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    output: IO[bytes] | int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own; stdout and stderr go to ``output``.

    A session of its own, so that Ctrl-C in the terminal reaches only us and we stop the children in order. On
    Linux the kernel ends the child when the thread that started it ends: call this from the main thread.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        preexec_fn=_end_with_parent(os.getpid()),  # noqa: PLW1509 - two system calls, no locks
    )


def stop(process: subprocess.Popen[bytes], *, grace: float) -> None:
    """Ask a process to end, and see to it."""
    if process.poll() is None:
        process.terminate()
    await_end(process, grace=grace)


def await_end(process: subprocess.Popen[bytes], *, grace: float) -> None:
    """Wait for a process that was asked to end; kill it and what it started after ``grace`` seconds."""
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _end_with_parent(parent: int) -> Callable[[], None] | None:
    if _LIBC is None:
        return None
    prctl = _LIBC.prctl

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # we ended before the kernel knew
            os._exit(1)

    return prepare
