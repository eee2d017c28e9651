"""Send what is due in a process of its own, and say what it cost; started by send.py.

It gets a Task as JSON, says "ready", waits for a line, sends, and prints a Cost as JSON. Only the sending is measured,
not the start of Python.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any  # what is wrapped may be anything

import _profile

from newsletter import wiring
from newsletter.runtime import logs, memory
from newsletter.runtime.settings import Settings
from newsletter.sending.batch import BatchWork
from newsletter.sending.desk import Desk

CONNECTIONS = 10


@dataclass(frozen=True, kw_only=True)
class Task:
    """Say what to send where; ``watch``: "" (nothing else), "recording" or the title of a profile."""

    database_url: str
    port: int
    data_dir: str
    watch: str = ""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Hold what sending took: seconds, and kilobytes of memory at the peak."""

    count: int
    wall: float
    user: float
    system: float
    peak: int
    recording: float = 0.0

    @property
    def cpu(self) -> float:
        """Return all CPU seconds."""
        return self.user + self.system


class Meter:
    """Hold what this process had used when it was told to go, and when it was done."""

    def __init__(self) -> None:
        self._usage = [resource.getrusage(resource.RUSAGE_SELF)]
        self._at = [time.perf_counter()]

    def stop(self) -> None:
        """Look at the clocks again."""
        self._usage.append(resource.getrusage(resource.RUSAGE_SELF))
        self._at.append(time.perf_counter())

    def cost(self, count: int, *, recording: float = 0.0) -> Cost:
        """Return what so many messages cost."""
        before, after = self._usage
        return Cost(
            count=count,
            wall=self._at[1] - self._at[0],
            user=after.ru_utime - before.ru_utime,
            system=after.ru_stime - before.ru_stime,
            peak=_peak(),
            recording=recording,
        )


@contextmanager
def measuring() -> Iterator[Meter]:
    """Wait until told to go; measure the block."""
    print("ready", flush=True)
    sys.stdin.readline()
    meter = Meter()
    yield meter
    meter.stop()


class _Part:
    """Add up the CPU time of this thread spent in a function, without that spent in others that it calls."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._is_inside = False

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and is measured."""
        return self._measured(function, sign=1)

    def excepted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that does the same and is taken off, where a counted one calls it."""
        return self._measured(function, sign=-1)

    def _measured(self, function: Callable[..., Any], *, sign: int) -> Callable[..., Any]:
        def measured(*words: Any, **named: Any) -> Any:
            if self._is_inside == (sign > 0):
                return function(*words, **named)
            self._is_inside = sign > 0
            start = time.thread_time()
            try:
                return function(*words, **named)
            finally:
                self.seconds += sign * (time.thread_time() - start)
                self._is_inside = sign < 0

        return measured


def settings(task: Task) -> Settings:
    """Return the settings of a sender."""
    return Settings(
        data_dir=Path(task.data_dir),
        database_url=task.database_url,
        public_url="https://news.post.example.com",
        inbound_domain="in.post.example.com",
        relay_host="127.0.0.1",
        relay_port=task.port,
        relay_tls="off",
        log_level="WARNING",
    )


def send_all(app: wiring.App) -> int:
    """Drain as a worker does, until nothing is due; return how many messages were submitted."""
    count = 0
    while True:
        report = app.drain(should_stop=lambda: False)
        count += report.message_count
        if not report.has_more:
            return count


def run(program: str, tasks: Sequence[Task]) -> list[Cost]:
    """Start a process for each task, let them go at once, and return what each took."""
    processes = [_start(program, task) for task in tasks]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", f"{program} did not start"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return [_finish(process) for process in processes]


def _start(program: str, task: Task) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, Path(__file__).with_name(f"{program}.py"), json.dumps(asdict(task))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _finish(process: subprocess.Popen[str]) -> Cost:
    told, _ = process.communicate()
    assert process.returncode == 0, f"{process.args} failed"
    shown, _, last = told.rstrip("\n").rpartition("\n")
    if shown:
        print(shown, flush=True)
    return Cost(**json.loads(last))


def _measured(task: Task) -> Cost:
    app, recording, samples = wiring.build(settings(task)), _Part(), _profile.Samples()
    if task.watch == "recording":
        _watch_recording(recording)
    app.database.ping()  # a worker connects once in its life
    is_profile = task.watch not in {"", "recording"}
    with measuring() as meter, samples.taking() if is_profile else nullcontext():
        count = send_all(app)
    if is_profile:
        samples.show(task.watch)
    return meter.cost(count, recording=recording.seconds)


def _watch_recording(part: _Part) -> None:
    """Measure the transactions that write results down, from outside, so that they stay as they are.

    They also decide the next window, which is taken off; renewing the leases and the commit are not.
    """
    Desk._turn_page = part.counted(Desk._turn_page)  # type: ignore[method-assign]  # noqa: SLF001
    BatchWork.decide = part.excepted(BatchWork.decide)  # type: ignore[method-assign]
    BatchWork.accept = part.excepted(BatchWork.accept)  # type: ignore[method-assign]


def _peak() -> int:
    """Return the peak of this process's memory; ru_maxrss would be that of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    logs.configure("WARNING")
    memory.tune()  # as workers/process.py does
    print(json.dumps(asdict(_measured(Task(**json.loads(sys.argv[1]))))))
