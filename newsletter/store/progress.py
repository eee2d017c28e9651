"""Count how far a mailing is, in one look at its message rows."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.domain.mailings import MessageStatus
from newsletter.store.tables import Message


@dataclass(frozen=True)
class Count:
    """Hold how many messages of a mailing stand somewhere, and how many of them came there lately."""

    total: int
    lately: int


def by_status(session: Session, mailing_id: int, *, since: int) -> dict[MessageStatus, Count]:
    """Count the results of a mailing; lately is from ``since`` on, in seconds after its start."""
    rows = session.execute(
        select(Message.status, func.count(), func.count().filter(Message.at >= since))
        .where(Message.mailing_id == mailing_id)
        .group_by(Message.status)
    )
    return {status: Count(total, lately) for status, total, lately in rows}
