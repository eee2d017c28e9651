"""Keep what a person should look at: each thing once, counted."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.store.tables import Alert

SHOWN_FOR = timedelta(days=7)  # after it was last seen, nobody has to know any more


def note(session: Session, code: str, subject: str, text: str, *, now: datetime) -> bool:
    """Tell the operator; False when that was told before, and then it is counted and the newest text stays."""
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    values = {"text": text, "last_at": now}
    count: int = session.execute(
        dialect.insert(Alert)
        .values(code=code, subject=subject, count=1, first_at=now, **values)
        .on_conflict_do_update(index_elements=["code", "subject"], set_={**values, "count": Alert.count + 1})
        .returning(Alert.count)
        .execution_options(synchronize_session=False)
    ).scalar_one()
    return count == 1


def recent(session: Session, *, now: datetime) -> list[Alert]:
    """Return what was seen in the last days, the newest first."""
    return list(
        session.scalars(
            select(Alert).where(Alert.last_at > now - SHOWN_FOR).order_by(Alert.last_at.desc(), Alert.id)
        )
    )
