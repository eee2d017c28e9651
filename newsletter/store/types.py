"""Map the domain's values to columns, alike on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any  # SQLAlchemy's dialects are typed with it

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, SmallInteger, String
from sqlalchemy.types import TypeDecorator

BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER


class UtcDateTime(TypeDecorator[datetime]):
    """Store aware instants as UTC; refuse naive ones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an instant into UTC; SQLite gets it without its zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        instant = value.astimezone(UTC)
        return instant.replace(tzinfo=None) if dialect.name == "sqlite" else instant

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return an aware instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[Any]):
    """Store a StrEnum as its value."""

    impl = String(40)
    cache_ok = True

    def __init__(self, enum: type[StrEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Check that the word belongs to the closed set."""
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:  # noqa: ARG002
        """Return the member of the set."""
        return None if value is None else self.enum(value)


class Numbers(TypeDecorator[Any]):
    """Store an IntEnum as a small number."""

    impl = SmallInteger()
    cache_ok = True

    def __init__(self, enum: type[IntEnum]) -> None:
        super().__init__()
        self.enum = enum

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Check that the number belongs to the closed set."""
        return None if value is None else self.enum(value).value

    def process_result_value(self, value: int | None, dialect: Dialect) -> IntEnum | None:  # noqa: ARG002
        """Return the member of the set."""
        return None if value is None else self.enum(value)
