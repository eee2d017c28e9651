"""Define the tables of what comes in from outside and of what became known about messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any  # JSON columns hold flat objects

from sqlalchemy import (
    JSON,
    Boolean,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.domain.arrivals import ArrivalStatus
from newsletter.domain.outcomes import IdentifiedBy, OutcomeKind, OutcomeSource
from newsletter.store.tables.base import Base
from newsletter.store.types import BigId, UtcDateTime, Words


class Arrival(Base):
    """A mail or a webhook's body as it came in: the queue of what is still to be read (docs/decisions/0022).

    ``way`` is a MailWay or a provider's name. ``key`` makes a repetition harmless. ``sender`` is empty for a null
    return path, NULL when the way does not tell. ``peer`` is the client's IP address. ``headers`` are those of a
    webhook. ``body`` is what a parser sees, ``rest`` what lies beyond it, unread; ``size_bytes`` counts all that came.
    ``kind`` and ``result`` say what it was and what came of it.
    """

    __tablename__ = "arrivals"
    __table_args__ = (
        Index("ix_arrivals_received", "received_at"),
        Index(
            "ix_arrivals_waiting",
            "id",
            postgresql_where=text("status = 'waiting'"),
            sqlite_where=text("status = 'waiting'"),
        ),
        {"sqlite_autoincrement": True},  # outcomes name arrivals that may be gone: no id serves twice
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    way: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(200), unique=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[ArrivalStatus] = mapped_column(Words(ArrivalStatus), default=ArrivalStatus.WAITING)
    recipient: Mapped[str | None] = mapped_column(String(320))
    sender: Mapped[str | None] = mapped_column(String(320))
    peer: Mapped[str] = mapped_column(String(45), default="")
    size_bytes: Mapped[int] = mapped_column(Integer)
    attempt_count: Mapped[int] = mapped_column(SmallInteger, default=0)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(40), default="")
    result: Mapped[str] = mapped_column(String(40), default="")
    error: Mapped[str] = mapped_column(Text, default="")
    headers: Mapped[dict[str, Any]] = mapped_column(JSON)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    rest: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


class Outcome(Base):
    """An event about a message, whoever told us; ``event_key`` makes a repetition harmless.

    ``identified_by`` says how its message was found; NULL: it is our own. ``named_recipient`` is the address that the
    report names, when it is not the one that we mailed. ``reply_enhanced`` is also the status of a report.
    ``answer_to`` is the Message-ID of a mail that may be answered (RFC 3834 §2). ``acted_at`` is when the policy has
    looked at it; NULL: not yet.
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
        # Breakers look at those of an hour.
        Index(
            "ix_outcomes_failed",
            "at",
            postgresql_where=text("kind IN ('failed', 'bounced', 'expired')"),
            sqlite_where=text("kind IN ('failed', 'bounced', 'expired')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[OutcomeKind] = mapped_column(Words(OutcomeKind))
    source: Mapped[OutcomeSource] = mapped_column(Words(OutcomeSource))
    event_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    mailing_id: Mapped[int | None] = mapped_column(Integer)
    subscriber_id: Mapped[int | None] = mapped_column(BigId)
    identified_by: Mapped[IdentifiedBy | None] = mapped_column(Words(IdentifiedBy))
    provider: Mapped[str] = mapped_column(String(40), server_default="")
    arrival_id: Mapped[int | None] = mapped_column(BigId)
    named_recipient: Mapped[str | None] = mapped_column(String(320))
    reason: Mapped[str] = mapped_column(String(40), default="")
    category: Mapped[str] = mapped_column(String(40), default="")
    is_hard: Mapped[bool] = mapped_column(Boolean, server_default=false())
    is_final: Mapped[bool] = mapped_column(Boolean, server_default=true())
    reply_code: Mapped[int | None] = mapped_column(SmallInteger)
    reply_enhanced: Mapped[str | None] = mapped_column(String(12))
    evidence: Mapped[str] = mapped_column(Text, default="")
    answer_to: Mapped[str | None] = mapped_column(String(320))
    acted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Alert(Base):
    """Something that a person should look at: once for each code and subject, counted.

    ``mailed_at`` is when it last went out by mail; ``resolved_at`` when it was over.
    """

    __tablename__ = "alerts"
    __table_args__ = (UniqueConstraint("code", "subject"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    code: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(260))
    text: Mapped[str] = mapped_column(Text)
    count: Mapped[int] = mapped_column(Integer)
    first_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    newsletter_id: Mapped[int | None] = mapped_column(Integer)
    mailed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
