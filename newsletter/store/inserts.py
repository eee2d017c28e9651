"""Insert rows that may be there already, many at a time, on both databases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar  # Any: rows are dictionaries of column values

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.store.tables import Base

T = TypeVar("T")

KEYS_AT_ONCE = 10_000  # bound parameters in one IN list; SQLite takes 32,766, PostgreSQL 65,535


def missing(
    session: Session,
    table: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    returning: InstrumentedAttribute[Any],
) -> list[Any]:
    """Insert the rows that clash with nothing; return one column of those that went in, in no order."""
    if not rows:
        return []
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table.__table__).on_conflict_do_nothing().returning(returning)
    return list(session.execute(statement, [dict(row) for row in rows]).scalars())


def chunks(values: Sequence[T], size: int = KEYS_AT_ONCE) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces that one statement can take."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
