"""Run a tree of processes: start them, start again those that end, stop them in order."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from newsletter.embedded import children
from newsletter.runtime.clock import Clock

_LOOK_EVERY = 0.2  # seconds between two looks at the children
_FIRST_DELAY = 0.5  # seconds before the first restart; doubled each time ...
_LONGEST_DELAY = 30.0  # ... up to this, so that a fault in the settings does not burn the machine
_HEALTHY_AFTER = 60.0  # seconds of running after which the next restart is the first again
_LOG_BYTES = 10 * 1024 * 1024  # a longer log is put aside at the start, so that two of them bound the disk


@dataclass(frozen=True, kw_only=True)
class Program:
    """Describe one process of the tree; ``grace`` is how many seconds it may take to stop."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    grace: float = 20.0


@dataclass
class _Child:
    program: Program
    process: subprocess.Popen[bytes]
    started: float
    restarts: int = 0
    due: float | None = None


class Supervisor:
    """Keep programs running; call it from the main thread.

    Logs go to ``logs/<name>.log``, or, without a folder, to stderr with the name before each line.
    """

    def __init__(self, programs: Sequence[Program], *, logs: Path | None, clock: Clock) -> None:
        """Prepare the tree; the first program is started first and stopped last."""
        self._programs = programs
        self._logs = logs
        self._clock = clock
        self._children: list[_Child] = []

    def start(self) -> None:
        """Start every program."""
        for program in self._programs:
            self._children.append(_Child(program, self._launch(program), self._clock.monotonic()))

    def watch(self, stop: threading.Event) -> None:
        """Start again what ends, until ``stop`` is set."""
        while not stop.wait(_LOOK_EVERY):
            self.look()

    def look(self) -> None:
        """Start again what has ended and has waited its delay."""
        for child in self._children:
            if child.process.poll() is not None:
                self._revive(child, self._clock.monotonic())

    def stop(self) -> None:
        """Ask all to end, the last started first; kill what does not."""
        for child in reversed(self._children):
            if child.process.poll() is None:
                child.process.terminate()
        for child in reversed(self._children):
            children.await_end(child.process, grace=child.program.grace)
        self._children.clear()

    def pid(self, name: str) -> int | None:
        """Return the process id of a program that runs."""
        for child in self._children:
            if child.program.name == name and child.process.poll() is None:
                return child.process.pid
        return None

    def restarts(self, name: str) -> int:
        """Return how often a program was started again."""
        return sum(child.restarts for child in self._children if child.program.name == name)

    def _revive(self, child: _Child, now: float) -> None:
        if child.due is None:
            if now - child.started > _HEALTHY_AFTER:
                child.restarts = 0
            child.due = now + min(_FIRST_DELAY * 2**child.restarts, _LONGEST_DELAY)
        elif now >= child.due:
            child.process = self._launch(child.program)
            child.started, child.due = now, None
            child.restarts += 1

    def _launch(self, program: Program) -> subprocess.Popen[bytes]:
        if self._logs is None:
            process = children.start(program.command, environment=program.environment, output=subprocess.PIPE)
            assert process.stdout is not None
            threading.Thread(target=_echo, args=(program.name, process.stdout), daemon=True).start()
            return process
        with _open_log(self._logs, program.name) as log:
            return children.start(program.command, environment=program.environment, output=log)


def _open_log(folder: Path, name: str) -> IO[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def _echo(name: str, lines: IO[bytes]) -> None:
    for line in lines:
        sys.stderr.write(f"{name:<8} | {line.decode('utf-8', 'replace').rstrip()}\n")
        sys.stderr.flush()
