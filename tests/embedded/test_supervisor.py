"""Test the supervisor with real processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from newsletter.embedded.supervisor import Program, Supervisor
from newsletter.runtime.clock import SystemClock

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def program(code: str, *, name: str = "one", grace: float = 5.0) -> Program:
    command = (sys.executable, "-c", code)
    return Program(name=name, command=command, environment=os.environ, grace=grace)


def supervisor(*programs: Program, logs: Path | None) -> Supervisor:
    return Supervisor(programs, logs=logs, clock=SystemClock())


def until(condition: Callable[[], object], *, seconds: float = 10.0) -> bool:
    for _ in range(int(seconds / 0.05)):
        if condition():
            return True
        time.sleep(0.05)
    return False


def has_said_up(folder: Path, name: str = "one") -> bool:
    path = folder / f"{name}.log"
    return path.exists() and "up" in path.read_text()


def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    tree = supervisor(program(SLEEPER), logs=tmp_path)
    tree.start()
    first = tree.pid("one")
    assert first

    os.kill(first, signal.SIGKILL)

    def is_back() -> bool:
        tree.look()
        return tree.pid("one") not in {None, first}

    assert until(is_back)
    assert tree.restarts("one") == 1
    tree.stop()


def test_stopping_ends_every_program(tmp_path: Path) -> None:
    tree = supervisor(program(SLEEPER), program(SLEEPER, name="two"), logs=tmp_path)
    tree.start()
    pids = [tree.pid("one"), tree.pid("two")]
    assert until(lambda: has_said_up(tmp_path) and has_said_up(tmp_path, "two"))

    tree.stop()

    assert all(pids)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


def test_a_program_that_does_not_listen_is_killed_after_its_grace(tmp_path: Path) -> None:
    tree = supervisor(program(STUBBORN, grace=0.3), logs=tmp_path)
    tree.start()
    assert until(lambda: has_said_up(tmp_path))

    started = time.monotonic()
    tree.stop()

    assert time.monotonic() - started < 5
    assert tree.pid("one") is None


def test_a_long_log_is_put_aside(tmp_path: Path) -> None:
    with (tmp_path / "one.log").open("wb") as log:
        log.truncate(11 * 1024 * 1024)
    tree = supervisor(program(SLEEPER), logs=tmp_path)

    tree.start()

    assert until(lambda: has_said_up(tmp_path))
    tree.stop()
    assert (tmp_path / "one.log").stat().st_size < 1000
    assert (tmp_path / "one.log.1").exists()
