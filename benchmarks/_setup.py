"""Make fresh databases for benchmarks, say what machine this is, and write figures of repeated runs."""

from __future__ import annotations

import math
import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, text

from newsletter.runtime.clock import SystemClock
from newsletter.store import Database, keys, migrate
from tests.services.postgres import Postgres

NewDatabase = Callable[[], str]
_numbers = count(1)


@contextmanager
def databases() -> Iterator[dict[str, NewDatabase]]:
    """Yield, by name, what makes a migrated, empty database and returns its URL."""
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder:
        server = Postgres()
        try:
            yield {
                "SQLite": lambda: _prepared(f"sqlite:///{Path(folder) / f'{next(_numbers)}.db'}"),
                "PostgreSQL": lambda: _prepared(_created(server)),
            }
        finally:
            server.close()


class Cluster:
    """A PostgreSQL server with databases that can be copied, so that runs start alike."""

    def __init__(self, server: Postgres) -> None:
        self._server = server

    def new(self) -> str:
        """Make a migrated, empty database; return its URL."""
        return _prepared(_created(self._server))

    def copy(self, url: str) -> str:
        """Copy a database that nobody is connected to; return the copy's URL."""
        return _created(self._server, template=url.rpartition("/")[2])

    def drop(self, url: str) -> None:
        """Drop a database."""
        _administer(self._server, f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    @property
    def process_id(self) -> int | None:
        """Return the server's process; None when it was given."""
        return self._server.process_id

    def cpu(self) -> float:
        """Return the CPU seconds of the server and all its children so far; nan when it was given."""
        server = self._server.process_id
        return math.nan if server is None else family_cpu(server)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Yield a PostgreSQL server that runs until the block ends."""
    server = Postgres()
    try:
        yield Cluster(server)
    finally:
        server.close()


def family_cpu(process: int) -> float:
    """Return the CPU seconds of a process, its children and those of them that have ended, so far."""
    while True:
        try:
            ticks = sum(_ticks(process)) + sum(sum(_ticks(child)[:2]) for child in children(process))
        except FileNotFoundError:  # a child has just ended: its time is in the parent's cutime now
            continue
        return ticks / os.sysconf("SC_CLK_TCK")


def machine() -> str:
    """Return in one line where and when the figures came about."""
    day = SystemClock().now().date().isoformat()
    return f"{day}, {os.cpu_count()} cores, {_processor()}, Python {platform.python_version()}, {platform.release()}"


def spread(values: Sequence[float], *, digits: int = 1) -> str:
    """Return median (minimum..maximum)."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} ({low:.{digits}f}..{high:.{digits}f})"


def _prepared(url: str) -> str:
    database = Database(url)
    migrate.upgrade(database)
    with database.transaction() as session:
        keys.create_missing(session, now=SystemClock().now())
    database.dispose()
    return url


def _created(server: Postgres, *, template: str = "template1") -> str:
    name = f"bench_{os.getpid()}_{next(_numbers)}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.url.rpartition("/")[0] + f"/{name}"


def _administer(server: Postgres, statement: str) -> None:
    engine = create_engine(server.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def _ticks(process: int) -> list[int]:
    """Return utime, stime, cutime and cstime of proc(5); the last two are those of children that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return [int(field) for field in fields[11:15]]


def children(process: int) -> list[int]:
    """Return the processes that a process has started and that still run."""
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
