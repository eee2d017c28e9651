"""Provide databases, Redis and an SMTP server: all of them real."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.sync_api import Browser
from sqlalchemy import Engine, create_engine, text

from newsletter.store import Database, Session, keys, migrate
from tests.clocks import NOON, FixedClock
from tests.services import chromium as browsers
from tests.services.dovecot import Dovecot, NoDovecot
from tests.services.postgres import Postgres
from tests.services.redis_server import RedisServer
from tests.services.sink import Sink

_numbers = count(1)

# Files whose single tests last from ten seconds to two minutes, most of it waiting for real processes. One of them,
# begun last, would keep one worker busy while the others have nothing left.
_LONG = (
    "tests/replay/test_replay.py",
    "tests/end_to_end/test_chain.py",
    "tests/end_to_end/test_desk.py",
    "tests/end_to_end/test_kills.py",
    "tests/end_to_end/",
    "tests/cli/test_demo.py",
    "tests/cli/test_up.py",
    "tests/packaging/test_wheel.py",
    "tests/sending/test_kills.py",
    "tests/sending/test_races.py",
)

settings.register_profile("newsletter", deadline=None)  # an example on a busy machine is slow, not wrong
settings.load_profile("newsletter")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long tests first, and deal them out: each worker begins with an equal share of the whole list."""
    long = sorted((item for item in items if _place_among_long(item) < len(_LONG)), key=_place_among_long)
    short = [item for item in items if _place_among_long(item) == len(_LONG)]
    worker_count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    dealt: list[pytest.Item] = []
    for number in range(worker_count):
        begins = long[number::worker_count]
        size = (len(items) - len(dealt)) // (worker_count - number)
        dealt += begins + [short.pop(0) for _ in range(min(max(size - len(begins), 0), len(short)))]
    items[:] = dealt + short


def _place_among_long(item: pytest.Item) -> int:
    return next((at for at, name in enumerate(_LONG) if item.nodeid.startswith(name)), len(_LONG))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Run one cluster for all tests."""
    server = Postgres(is_brief=True)
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """Migrate a database once; each test gets a copy."""
    name = "newsletter_template"
    _administer(postgres, f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}")
    _prepare(_database_url(postgres, name))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate a file once; each test gets a copy."""
    path = tmp_path_factory.mktemp("template") / "newsletter.db"
    _prepare(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Return the URL of a migrated, empty SQLite database."""
    path = tmp_path / "newsletter.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    """Return the URL of a migrated, empty PostgreSQL database."""
    name = f"newsletter_{next(_numbers)}"
    _administer(postgres, f"CREATE DATABASE {name} TEMPLATE {postgres_template} STRATEGY file_copy")
    yield _database_url(postgres, name)
    _administer(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a migrated, empty database, of both kinds in turn."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Open that database."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """Open one transaction on it."""
    with database.transaction() as opened:
        yield opened


@pytest.fixture
def clock() -> FixedClock:
    """Stand at noon."""
    return FixedClock()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Run an SMTP server that keeps what it receives."""
    server = Sink()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """Run one Redis for all tests."""
    server = RedisServer()
    yield server
    server.close()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """Return the URL of an empty Redis."""
    redis_server.flush()
    return redis_server.url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Run one browser for all tests; skip with the reason where there is none."""
    try:
        with browsers.running() as started:
            yield started
    except browsers.NoBrowser as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """Run one IMAP server for all tests; skip with the reason where there is none."""
    try:
        server = Dovecot()
    except NoDovecot as error:
        pytest.skip(str(error))
    yield server
    server.close()


def _prepare(url: str) -> None:
    database = Database(url)
    migrate.upgrade(database)
    with database.transaction() as session:
        keys.create_missing(session, now=NOON)
    database.dispose()  # closing the last connection folds SQLite's log into the file


def _administer(server: Postgres, *statements: str) -> None:
    with _maintenance(server.url).connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


@cache
def _maintenance(url: str) -> Engine:
    return create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)


def _database_url(server: Postgres, name: str) -> str:
    head, _, options = server.url.partition("?")
    return head.rsplit("/", 1)[0] + f"/{name}" + (f"?{options}" if options else "")
