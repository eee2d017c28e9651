"""Speak to the database's driver itself, where rows by the million cost more in SQLAlchemy than in the database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any  # drivers' cursors are untyped

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

_PARAMETER = re.compile(r":([a-z_]+)")


def is_sqlite(session: Session) -> bool:
    """Say which dialect of SQL to speak."""
    return session.get_bind().dialect.name == "sqlite"


@contextmanager
def cursor(session: Session) -> Iterator[Any]:
    """Open a cursor in the session's transaction; rows are plain tuples, in the driver's quickest form.

    Changes that wait in the session are written first, and errors are those of SQLAlchemy, as anywhere else.
    """
    session.flush()
    connection = session.connection()
    dialect, proxied = connection.dialect, connection.connection
    driver_error = dialect.loaded_dbapi.Error
    try:
        with closing(proxied.cursor(**({} if dialect.name == "sqlite" else {"binary": True}))) as opened:
            yield opened
    except driver_error as error:
        if dialect.is_disconnect(error, proxied.driver_connection, None):
            connection.invalidate(error)
        is_lost = connection.invalidated
        raise DBAPIError.instance(
            None, None, error, driver_error, connection_invalidated=is_lost, dialect=dialect
        ) from error


@lru_cache
def spelled(statement: str, *, is_sqlite: bool) -> str:
    """Return a statement with its ``:parameters`` as the driver wants them."""
    return statement if is_sqlite else _PARAMETER.sub(r"%(\1)s", statement)


def numbers(values: Iterable[int], *, is_sqlite: bool) -> str:
    """Return whole numbers as one parameter: JSON for SQLite, an array for PostgreSQL."""
    inside = ",".join(map(str, values))
    return f"[{inside}]" if is_sqlite else f"{{{inside}}}"


def instant(value: datetime, *, is_sqlite: bool) -> datetime | str:
    """Return an instant as its column holds it: SQLite has it as a text in UTC, without its zone."""
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if is_sqlite else value
