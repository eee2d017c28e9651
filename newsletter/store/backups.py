"""Write every row to one compressed file and read it back, into SQLite or PostgreSQL alike.

The file is gzip over lines of JSON: a head, the rows of each table in an order that satisfies the foreign keys, and
a foot with their number, so that a torn file is noticed before anything of it counts.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from itertools import groupby, islice
from typing import IO, Any  # rows hold values of any column type
from zlib import error as BrokenCompression  # noqa: N812 - reads as what it is

from sqlalchemy import Connection, Date, LargeBinary, Row, Table, delete, func, insert, select
from sqlalchemy.exc import OperationalError, StatementError

from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.store import migrate
from newsletter.store.session import Database
from newsletter.store.tables import Base, SigningKey
from newsletter.store.types import UtcDateTime

_FORMAT = 1
_ROWS_AT_ONCE = 500
# What a file that is no backup, or one with a row missing that another names, can raise besides our own errors.
_FAULTS = (StatementError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_TABLES: Mapping[str, Table] = {table.name: table for table in Base.metadata.sorted_tables}


@dataclass(frozen=True)
class BackupReport:
    """Count what was written or read."""

    row_count: int
    tables: Mapping[str, int]


def write(
    database: Database, file: IO[bytes], *, now: datetime, progress: Callable[[int], None]
) -> BackupReport:
    """Write all rows as they stand at one instant; senders and readers go on meanwhile."""
    counts = dict.fromkeys(_TABLES, 0)
    with (
        gzip.open(file, "wt", encoding="utf-8", compresslevel=6) as lines,
        database.snapshot() as connection,
    ):
        _put(lines, {"newsletter_backup": _FORMAT, "revision": migrate.head(), "written_at": now.isoformat()})
        for table in _TABLES.values():
            for row in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table)):
                _put(lines, [table.name, _filled(row)])
                counts[table.name] += 1
            progress(sum(counts.values()))
        _put(lines, {"rows": sum(counts.values())})
    return BackupReport(sum(counts.values()), counts)


def read(database: Database, file: IO[bytes], *, progress: Callable[[int], None]) -> BackupReport:
    """Bring an empty database to the state of a backup, all or nothing; raise Conflict when it is not empty.

    Keys that were made with the empty database give way to those of the backup: its links must go on working.
    """
    migrate.upgrade(database)
    lines = _lines(file)
    _check_head(next(lines, None))
    try:
        with database.engine.begin() as connection:
            _require_empty(connection)
            connection.execute(delete(SigningKey))
            counts = _load(connection, lines, progress)
            _move_sequences(connection)
    except OperationalError:  # the database is away: nothing is wrong with the file
        raise
    except _FAULTS as error:
        raise _torn() from error
    return BackupReport(sum(counts.values()), counts)


def _load(connection: Connection, lines: Iterator[Any], progress: Callable[[int], None]) -> dict[str, int]:
    counts = dict.fromkeys(_TABLES, 0)
    while chunk := list(islice(lines, _ROWS_AT_ONCE)):
        for name, rows in _by_table(chunk):
            connection.execute(insert(_TABLES[name]), rows)
            counts[name] += len(rows)
        progress(sum(counts.values()))
        if not isinstance(chunk[-1], list):
            _check_foot(chunk[-1], sum(counts.values()))
            return counts
    raise _torn()


def _put(lines: IO[str], value: object) -> None:
    lines.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def _filled(row: Row[Any]) -> dict[str, object]:
    """Return the columns that hold something: left out, an empty one becomes NULL and no JSON null."""
    return {key: _plain(value) for key, value in row._mapping.items() if value is not None}  # noqa: SLF001


def _plain(value: object) -> object:
    match value:
        case date():  # and instants, which are dates as well
            return value.isoformat()
        case Enum():
            return value.value
        case bytes():
            return b64encode(value).decode()
        case _:
            return value


def _lines(file: IO[bytes]) -> Iterator[Any]:
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except (OSError, EOFError, BrokenCompression, ValueError) as error:
        raise _torn() from error


def _torn() -> InvalidInput:
    return InvalidInput(
        "The file is no whole backup; nothing was read.",
        hint="Take another file, one that newsletter backup wrote to its end.",
        reason="torn_backup",
    )


def _check_head(head: Any) -> None:
    if not isinstance(head, dict) or head.get("newsletter_backup") != _FORMAT:
        raise _torn()
    if head.get("revision") != migrate.head():
        raise Conflict(
            f"The backup is of database revision {head.get('revision')}, this version has {migrate.head()}.",
            hint="Restore with the version that wrote it, then bring it up to date with: newsletter db upgrade",
            reason="other_revision",
        )


def _check_foot(foot: Any, row_count: int) -> None:
    if not isinstance(foot, dict) or foot.get("rows") != row_count:
        raise _torn()


def _require_empty(connection: Connection) -> None:
    for table in _TABLES.values():
        if table is not SigningKey.__table__ and connection.scalar(select(func.count()).select_from(table)):
            raise Conflict(
                f"The database is not empty: there are rows in {table.name}.",
                hint="Restore into a new database, and point DATABASE_URL to it.",
                reason="not_empty",
            )


def _by_table(chunk: Sequence[Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Group neighbouring rows of one table and equal columns; the foot is left out."""
    rows = (item for item in chunk if isinstance(item, list))
    for (name, _), group in groupby(rows, key=lambda item: (item[0], tuple(item[1]))):
        yield name, [_typed(name, row) for _, row in group]


def _typed(name: str, row: dict[str, Any]) -> dict[str, Any]:
    if name not in _TABLES:
        raise _torn()
    columns = _TABLES[name].columns
    return {key: _value(columns[key].type, value) for key, value in row.items()}


def _value(kind: object, value: Any) -> Any:
    if isinstance(kind, UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, Date):
        return date.fromisoformat(value)
    return b64decode(value) if isinstance(kind, LargeBinary) else value


def _move_sequences(connection: Connection) -> None:
    """Let new rows be numbered after those that were read; SQLite does so by itself."""
    if connection.dialect.name != "postgresql":
        return
    for table in _TABLES.values():
        if (column := table.autoincrement_column) is not None:
            sequence = func.pg_get_serial_sequence(
                table.name, column.name
            )  # NULL, and so nothing, without one
            connection.execute(select(func.setval(sequence, select(func.max(column)).scalar_subquery())))
