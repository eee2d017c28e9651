"""Open the database: one writer at a time on SQLite, the same code on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import Any  # DBAPI connections are untyped

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, InvalidatePoolError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from newsletter.domain.errors import InvalidInput, NewsletterError

Transactions = Callable[[], AbstractContextManager[Session]]

_DRIVERS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql+psycopg"})
# A server that vanished without a word (a cable, a firewall) is given up within half a minute, not after the quarter
# of an hour that TCP takes: nothing goes out meanwhile, and answers of the relay wait unread. Options of the URL win.
_PATIENCE: dict[str, int] = {
    "connect_timeout": 10,  # seconds
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,  # milliseconds
}
_IDLE_SECONDS = 0.5  # after which a connection is asked whether it lives before it is used
_USED_AT = "used_at"
_BUSY_TIMEOUT_MS = 20_000  # a writer waits for the other writers; transactions last at most 250 ms


class DatabaseUnavailable(NewsletterError):
    """Say that the database does not answer."""


class Database:
    """Hold the engine of one process; safe to use from threads, made anew after a fork."""

    def __init__(self, url: str) -> None:
        """Prepare an engine for a SQLAlchemy URL; nothing is opened yet."""
        self.url = url
        self.engine = _engine(url, writes=True)
        # Readers see a snapshot on SQLite; a receipt that counts with several statements needs one everywhere.
        self._read_engine = (
            _engine(url, writes=False)
            if self.is_sqlite
            else self.engine.execution_options(isolation_level="REPEATABLE READ")
        )

    @property
    def is_sqlite(self) -> bool:
        """Say whether the database is a SQLite file."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a session that commits at the end of the block and rolls back on an error."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session that only reads: it waits for no writer, and sees the database as of its first statement."""
        with Session(self._read_engine, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """Open a connection that sees the database as it stands now, whatever others write meanwhile."""
        with self._read_engine.connect() as connection, connection.begin():
            yield connection

    def ping(self) -> None:
        """Raise DatabaseUnavailable, with what to do, when the database does not answer."""
        try:
            with self.engine.connect() as connection:
                connection.execute(text("select 1"))
        except DatabaseError as error:
            raise DatabaseUnavailable(
                "The database does not answer.",
                hint="Check DATABASE_URL, and that it names a server that runs and is reachable, or a SQLite file.",
            ) from error

    def dispose(self) -> None:
        """Close idle connections."""
        self.engine.dispose()
        self._read_engine.dispose()


def now_of(session: Session) -> datetime:
    """Return the database's own clock: the only clock that leases are measured with."""
    if session.get_bind().dialect.name == "sqlite":
        told = session.execute(text("select strftime('%Y-%m-%dT%H:%M:%f', 'now')")).scalar_one()
        return datetime.fromisoformat(told).replace(tzinfo=UTC)
    instant: datetime = session.execute(text("select clock_timestamp()")).scalar_one()
    return instant.astimezone(UTC)


def _engine(url: str, *, writes: bool) -> Engine:
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite":
        patience = {name: value for name, value in _PATIENCE.items() if name not in parsed.query}
        engine = create_engine(parsed, connect_args=patience)
        _ask_idle_connections(engine)
        return engine
    if parsed.database:
        _make_folder(Path(parsed.database).parent)
    engine = create_engine(parsed, connect_args={"timeout": _BUSY_TIMEOUT_MS / 1000})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediate if writes else _begin_deferred)
    return engine


def _ask_idle_connections(engine: Engine) -> None:
    """Ask connections that were idle for a while whether they live; one round trip for each transaction is too much."""
    dialect = engine.dialect

    def note(_connection: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = time.monotonic()

    def ask(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        if time.monotonic() - record.info.get(_USED_AT, -inf) < _IDLE_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    event.listen(engine, "connect", note)
    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", ask)


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # ValueError: a port that is no number
        raise _unreadable() from error
    if parsed.drivername not in _DRIVERS:
        raise _unreadable()
    return parsed


def _unreadable() -> InvalidInput:
    return InvalidInput(
        "DATABASE_URL cannot be read.",
        hint="Give one such as postgresql://user:password@host/newsletter or sqlite:////var/lib/newsletter.db.",
        reason="bad_settings",
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailable(
            f"The folder {folder} of the database cannot be made ({error.strerror}).",
            hint="Set DATABASE_URL or NEWSLETTER_DATA_DIR to a place that the service may write to.",
        ) from error


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # Without this, the driver opens no transaction at a SELECT and read-modify-write loses updates.
    driver: Any = connection
    driver.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
    ):
        driver.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")
