"""Insert rows that may be there already, many at a time, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any  # rows are dictionaries of column values

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    FromClause,
    LargeBinary,
    Table,
    column,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from newsletter.store.tables import Base


def missing(
    session: Session,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    returning: InstrumentedAttribute[Any],
) -> list[Any]:
    """Insert the rows, alike in their columns, that clash with nothing; return one column of those that went in.

    All rows are handed over as one JSON value: several times as fast as parameters of their own, which are mostly
    written, read and converted one by one.
    """
    if not rows:
        return []
    target = table.__table__
    assert isinstance(target, Table)
    columns = [target.c[name] for name in _names(target, rows[0])]
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    insert = (sqlite if is_sqlite else postgresql).insert(target)
    if any(isinstance(c.type, LargeBinary) for c in columns):  # JSON holds no octets
        statement = insert.values([dict(row) for row in rows])
    else:
        source = _on_sqlite(columns, rows) if is_sqlite else _on_postgresql(columns, rows)
        statement = insert.from_select([c.name for c in columns], source, include_defaults=False)
    return list(session.execute(statement.on_conflict_do_nothing().returning(returning)).scalars())


def _on_postgresql(columns: Sequence[Column[Any]], rows: Sequence[Mapping[str, Any]]) -> Any:
    record = (
        func.json_to_recordset(literal(_plain(columns, rows, datetime.isoformat), JSON))
        .table_valued(*(column(c.name, c.type) for c in columns), name="r")
        .render_derived(name="r", with_types=True)
    )
    return select(*(record.c[c.name] for c in columns))


def _on_sqlite(columns: Sequence[Column[Any]], rows: Sequence[Mapping[str, Any]]) -> Any:
    each: FromClause = func.json_each(literal(_plain(columns, rows, _sqlite_instant), JSON)).table_valued(
        "value"
    )
    # Without a WHERE, SQLite takes ON CONFLICT for the condition of a join.
    return select(*(_member(each, c.name) for c in columns)).where(true())


def _member(each: FromClause, name: str) -> ColumnElement[Any]:
    return func.json_extract(each.c.value, literal_column(f"'$.{name}'"))


def _names(target: Table, row: Mapping[str, Any]) -> list[str]:
    """Return the columns that are given, then those with a default of ours."""
    return [*row, *(c.name for c in target.columns if _default(c) is not None and c.name not in row)]


def _default(target_column: Column[Any]) -> Any:
    default = target_column.default
    return default.arg if isinstance(default, ScalarElementColumnDefault) else None


def _plain(
    columns: Sequence[Column[Any]], rows: Sequence[Mapping[str, Any]], instant: Callable[[datetime], str]
) -> list[dict[str, Any]]:
    """Return the rows as JSON can hold them, with the defaults of the columns that are not given."""
    written = lru_cache(instant)  # most rows of a call share their instants
    defaults = {c.name: _default(c) for c in columns if c.name not in rows[0]}
    return [
        {name: written(value) if isinstance(value, datetime) else value for name, value in row.items()}
        | defaults
        for row in rows
    ]


def _sqlite_instant(instant: datetime) -> str:
    """Return an instant as the column type stores it: in UTC, without its zone."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
