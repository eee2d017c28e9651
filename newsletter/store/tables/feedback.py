"""Define the table of what became known about messages."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.domain.outcomes import OutcomeKind, OutcomeSource
from newsletter.store.tables.base import Base
from newsletter.store.types import BigId, UtcDateTime, Words


class Outcome(Base):
    """An event about a message, whoever told us; ``event_key`` makes a repetition harmless.

    ``acted_at`` is when the policy has looked at it; NULL: not yet.
    """

    __tablename__ = "outcomes"
    __table_args__ = (
        Index("ix_outcomes_subscriber", "subscriber_id", "at"),
        Index("ix_outcomes_mailing", "mailing_id", "kind"),
        Index(
            "ix_outcomes_open",
            "id",
            postgresql_where=text("acted_at IS NULL"),
            sqlite_where=text("acted_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[OutcomeKind] = mapped_column(Words(OutcomeKind))
    source: Mapped[OutcomeSource] = mapped_column(Words(OutcomeSource))
    event_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    mailing_id: Mapped[int | None] = mapped_column(Integer)
    subscriber_id: Mapped[int | None] = mapped_column(BigId)
    reason: Mapped[str] = mapped_column(String(40), default="")
    category: Mapped[str] = mapped_column(String(40), default="")
    reply_code: Mapped[int | None] = mapped_column(SmallInteger)
    reply_enhanced: Mapped[str | None] = mapped_column(String(12))
    evidence: Mapped[str] = mapped_column(Text, default="")
    acted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
