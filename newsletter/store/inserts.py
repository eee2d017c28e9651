"""Insert rows that may be there already, many at a time, on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any  # rows are dictionaries of column values

from sqlalchemy import JSON, Table, column, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.dml import ReturningInsert

from newsletter.store.tables import Base


def missing(
    session: Session,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    returning: InstrumentedAttribute[Any],
) -> list[Any]:
    """Insert the rows, alike in their columns, that clash with nothing; return one column of those that went in."""
    if not rows:
        return []
    target = table.__table__
    assert isinstance(target, Table)
    if session.get_bind().dialect.name == "sqlite":
        statement = sqlite.insert(target).on_conflict_do_nothing().returning(returning)
        return list(session.execute(statement, [dict(row) for row in rows]).scalars())
    return list(session.execute(_from_json(target, rows, returning)).scalars())


def _from_json(
    target: Table, rows: Sequence[Mapping[str, Any]], returning: InstrumentedAttribute[Any]
) -> ReturningInsert[Any]:
    """Hand all rows over as one JSON value: four times as fast as a list of VALUES, most of which is parsing."""
    columns = [target.c[name] for name in _names(target, rows[0])]
    record = (
        func.json_to_recordset(literal(_plain(columns, rows), JSON))
        .table_valued(*(column(c.name, c.type) for c in columns), name="r")
        .render_derived(name="r", with_types=True)
    )
    return (
        postgresql.insert(target)
        .from_select(
            [c.name for c in columns], select(*(record.c[c.name] for c in columns)), include_defaults=False
        )
        .on_conflict_do_nothing()
        .returning(returning)
    )


def _names(target: Table, row: Mapping[str, Any]) -> list[str]:
    """Return the columns that are given, then those with a default of ours."""
    return [*row, *(c.name for c in target.columns if _default(c) is not None and c.name not in row)]


def _default(target_column: Any) -> Any:  # SQLAlchemy's columns carry defaults untyped
    default = target_column.default
    return default.arg if default is not None and default.is_scalar else None


def _plain(columns: Sequence[Any], rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    defaults = {c.name: _default(c) for c in columns}
    return [{name: _as_json(value) for name, value in {**defaults, **row}.items()} for row in rows]


def _as_json(value: Any) -> Any:
    """Return a value in the form from which PostgreSQL reads its type."""
    if isinstance(value, datetime):
        return value.isoformat()
    return f"\\x{value.hex()}" if isinstance(value, bytes) else value
