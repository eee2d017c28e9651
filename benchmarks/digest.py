"""Measure a morning's digest: planning, choosing for every reader and writing the ledger, with one worker.

The worker is a process of its own and runs what a drain runs, without composing and submitting (_ledger.py). Beside it,
in the same run, the plain way: a row for each reader and article, and one statement that chooses (_set_based.py).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any  # rows of figures

import _morning
import _set_based
import _setup
from _ledger import Cost, Task
from _morning import Filled
from sqlalchemy import text

from newsletter.domain.subscriptions import Cadence
from newsletter.runtime import logs
from newsletter.store import Database

_FOLDER = Path(__file__).parent
_SIZES = (10_000, 100_000, 1_000_000)
_STEP_BATCHES = 4
_PEER_READERS = 10_000
TARGETS = {
    "seconds": 60,
    "peak_mb": 500,
    "choosing_us": 20,
    "history_us": 12,
    "append_us": 6,
    "daily_us": 50,
    "weekly_us": 100,
    "message_bytes_postgresql": 95,
    "message_bytes_sqlite": 45,
}


class Memory:
    """Watch what a server and its children have of the memory for themselves, and their part of what they share."""

    def __init__(self, process: int | None) -> None:
        """Take the server's process; None: it cannot be seen."""
        self.peak_mb = 0.0
        self._process = process
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        """Begin to watch."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while self._process is not None and not self._stop.wait(2):
            self.peak_mb = max(self.peak_mb, _proportional_mb(self._process))


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--readers", type=int, nargs="*", default=list(_SIZES))
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    logs.configure("WARNING")
    say = (lambda *_: None) if chosen.json else print
    say(_setup.machine())
    with _setup.cluster() as cluster:
        rows = []
        for reader_count in chosen.readers:
            rows.append(measured(cluster, reader_count))
            say(written(rows[-1]))
        peer = _set_based.measured(cluster, _PEER_READERS)
    figures = rows[-1] | {
        "message_bytes_sqlite": sqlite_bytes(),
        "set_based": peer,
        # In CPU time of worker and server together: what else runs on the machine slows down wall time alone.
        "vs_set_based": peer["cpu_us"] / (rows[0]["cpu_us"] + rows[0]["server_cpu_us"]),
        "feeds_per_second": feeds_per_second(),
        "rows": rows,
    }
    if chosen.json:
        print(json.dumps(figures))
        return
    for name in ("message_bytes_sqlite", "vs_set_based", "feeds_per_second"):
        say(f"{name}: {figures[name]}")
    for name, target in TARGETS.items():
        verdict = "reached" if figures[name] <= target else "NOT REACHED"
        say(f"{name:26} {figures[name]:10.1f}   at most {target:4}   {verdict}")


def measured(cluster: _setup.Cluster, reader_count: int) -> dict[str, Any]:
    """Fill a database, work on it, return its row of figures."""
    url = cluster.new()
    begun = time.perf_counter()
    filled = _morning.fill(url, reader_count)
    filled_in = time.perf_counter() - begun
    database = Database(url)
    row: dict[str, Any] = {"readers": reader_count}
    for cadence in (Cadence.DAILY, Cadence.WEEKLY):
        _morning.add_audience(database, filled, cadence, bucket_count=_STEP_BATCHES * 4)
        cost = run(Task(url=url))
        row[f"{cadence.value}_us"] = cost.microseconds()
        row[f"{cadence.value}_cpu_us"] = cost.cpu_microseconds()
        _morning.forget_today(database, filled)
    with Memory(cluster.process_id) as memory:
        server_cpu = cluster.cpu()
        cost = run(Task(url=url, issue_id=filled.issue_id))
        server_cpu = cluster.cpu() - server_cpu
    assert cost.reader_count == reader_count, cost
    row |= whole(database, filled) | {
        "seconds": cost.wall,
        "planning_seconds": cost.planning,
        "loading_seconds": cost.loading,
        "us": cost.microseconds(),
        "cpu_us": cost.cpu_microseconds(),
        "server_cpu_us": server_cpu / reader_count * 1e6,
        "worker_mb": cost.peak_mb,
        "postgresql_mb": memory.peak_mb,
        "peak_mb": cost.peak_mb + memory.peak_mb,
        "set_up_seconds": filled_in,
    }
    row |= steps(database, filled)
    database.dispose()
    cluster.drop(url)
    return row


def steps(database: Database, filled: Filled) -> dict[str, float]:
    """Return what single steps cost in microseconds a reader."""
    _morning.forget_today(database, filled)
    with database.transaction() as session:
        session.execute(text("UPDATE issues SET status = 'built' WHERE id = :id"), {"id": filled.issue_id})
    cost = run(Task(url=filled.url, issue_id=filled.issue_id, has_steps=True, batch_count=_STEP_BATCHES))
    return {f"{name}_us": value for name, value in cost.steps.items()}


def whole(database: Database, filled: Filled) -> dict[str, float]:
    """Count today's mails, and how different they are; look at the size of all messages."""
    with database.snapshot() as connection:
        mails, variants, octets = connection.execute(
            text(
                "SELECT count(*), count(DISTINCT picks), avg(length(picks)) FROM messages"
                " WHERE mailing_id > :last AND status = 0"
            ),
            {"last": max(filled.mailing_ids)},
        ).one()
        size, count = connection.execute(
            text("SELECT pg_relation_size('messages') + pg_indexes_size('messages'), count(*) FROM messages")
        ).one()
    return {
        "mails": mails,
        "variants": variants,
        "picks_bytes": float(octets),
        "history_messages": count - mails,
        "message_bytes_postgresql": size / count,
    }


def sqlite_bytes() -> float:
    """Return how many octets a message takes on SQLite, with its key."""
    with _setup.databases() as makers:
        url = makers["SQLite"]()
        _morning.fill(url, _PEER_READERS)
        database = Database(url)
        with database.snapshot() as connection:
            size: float = connection.execute(
                text("SELECT sum(pgsize) FROM dbstat WHERE name = 'messages'")
            ).scalar_one()
            count: int = connection.execute(text("SELECT count(*) FROM messages")).scalar_one()
        database.dispose()
    return size / count


def run(task: Task) -> Cost:
    """Let a worker do a task."""
    with _worker() as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        print(json.dumps(asdict(task)), file=worker.stdin, flush=True)
        assert worker.stdout.readline() == "ready\n"
        print("go", file=worker.stdin, flush=True)
        return Cost(**json.loads(worker.stdout.readline()))


@contextmanager
def _worker() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(_FOLDER / "_ledger.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        yield worker


def feeds_per_second() -> float | None:
    """Return how many feeds of 50 items one core reads in a second (feeds.py)."""
    command = [sys.executable, str(_FOLDER / "feeds.py"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    found: float | None = json.loads(done.stdout).get("feeds_per_second")
    return found


def written(row: dict[str, Any]) -> str:
    """Return a row of figures as lines."""
    return "\n".join(
        f"  {name:26} {value:14,.1f}" if isinstance(value, float) else f"  {name:26} {value:14,}"
        for name, value in row.items()
    )


def _proportional_mb(process: int) -> float:
    family = [process, *_setup.children(process)]
    return sum(map(_pss, family)) / 1024


def _pss(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    main()
