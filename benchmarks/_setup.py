"""Make fresh databases for benchmarks, say what machine this is, and write figures of repeated runs."""

from __future__ import annotations

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


def _created(server: Postgres) -> str:
    name = f"bench_{os.getpid()}_{next(_numbers)}"
    engine = create_engine(server.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.url.rpartition("/")[0] + f"/{name}"


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
