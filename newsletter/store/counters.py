"""Count without gaps."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.store.tables import Counter


def take(session: Session, name: str, count: int = 1) -> int:
    """Take ``count`` numbers in a row and return the first; the first ever is 1.

    The row stays locked until the transaction ends, so that a rollback gives the numbers back.
    """
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    taken: int = session.execute(
        dialect.insert(Counter)
        .values(name=name, value=count)
        .on_conflict_do_update(index_elements=["name"], set_={"value": Counter.value + count})
        .returning(Counter.value)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    return taken - count + 1


def last(session: Session, name: str) -> int:
    """Return the last number taken; 0 when there is none."""
    return session.scalar(select(Counter.value).where(Counter.name == name)) or 0
