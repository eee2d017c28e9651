"""Define the tables of readers: who they are, what they agreed to, whom we must not write to."""

from __future__ import annotations

from datetime import datetime
from typing import Any  # JSON columns hold flat objects

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, SmallInteger, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.domain.consent import ConsentKind
from newsletter.domain.subscriptions import Cadence, EndReason, SubscriptionStatus
from newsletter.domain.suppressions import Pending
from newsletter.store.tables.base import Base
from newsletter.store.types import BigId, UtcDateTime, Words


class Domain(Base):
    """A mail domain of readers; ``mx_group`` names its receiving provider once known.

    ``mx_tried_at`` is when its mail servers were last asked for.
    """

    __tablename__ = "domains"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(253), unique=True)
    mx_group: Mapped[str | None] = mapped_column(String(253), index=True)
    mx_tried_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Subscriber(Base):
    """A reader: one address. Erasing blanks the row (address, keys and name become NULL), never deletes it.

    ``zone`` is the reader's own time zone (IANA); NULL = that of each newsletter.
    ``abuse_key`` is coarser than ``address_key`` and only caps how much mail strangers can cause.
    """

    __tablename__ = "subscribers"
    __table_args__ = (Index("ix_subscribers_abuse_key", "abuse_key"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    address: Mapped[str | None] = mapped_column(String(254))
    address_key: Mapped[str | None] = mapped_column(String(254), unique=True)
    abuse_key: Mapped[str | None] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200), default="")
    language: Mapped[str | None] = mapped_column(String(10))
    domain_id: Mapped[int | None] = mapped_column(ForeignKey("domains.id"))
    zone: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    erased_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Subscription(Base):
    """The pair of reader and newsletter.

    ``topics`` is a bit mask of topic numbers followed, 0 = all. ``signup_article`` is the URL key of the
    article that the reader signed up from: it counts as had. ``hour`` is the hour of the reader's day at which a
    digest shall come; NULL = with the issue. ``first_due_at``: a first digest is owed since then; NULL = none is.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        Index("ix_subscriptions_audience", "newsletter_id", "status", "subscriber_id"),
        Index(
            "ix_subscriptions_first",
            "newsletter_id",
            "first_due_at",
            postgresql_where=text("first_due_at IS NOT NULL"),
            sqlite_where=text("first_due_at IS NOT NULL"),
        ),
    )

    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id"), primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"), primary_key=True)
    status: Mapped[SubscriptionStatus] = mapped_column(Words(SubscriptionStatus))
    topics: Mapped[int] = mapped_column(BigInteger, default=0)
    cadence: Mapped[Cadence] = mapped_column(Words(Cadence), default=Cadence.EVERY_ISSUE)
    hour: Mapped[int | None] = mapped_column(SmallInteger)
    snoozed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    signup_article: Mapped[str | None] = mapped_column(String(2000))
    requested_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_reason: Mapped[EndReason | None] = mapped_column(Words(EndReason))


class ConsentEvent(Base):
    """What a reader agreed to or took back; append-only, kept by triggers.

    ``newsletters`` lists the newsletter ids that the event speaks of. ``evidence`` is a ConsentEvidence.
    """

    __tablename__ = "consent_events"
    __table_args__ = (
        Index("ix_consent_events_subscriber", "subscriber_id", "at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id"))
    newsletters: Mapped[list[int]] = mapped_column(JSON)
    kind: Mapped[ConsentKind] = mapped_column(Words(ConsentKind))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    evidence: Mapped[dict[str, Any]] = mapped_column(JSON)


class Suppression(Base):
    """An address that must get no bulk mail; lifted, never deleted.

    ``address_key`` of an erased address is a keyed hash (see store/suppressions.py). ``pending`` says why it is not in
    force yet; NULL: it is. ``outcome_ids`` are the outcomes that it rests on. ``forgiven_at`` is when it was last
    lifted: failures until then do not count any more.
    """

    __tablename__ = "suppressions"
    __table_args__ = (UniqueConstraint("address_key", "scope"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    address_key: Mapped[str] = mapped_column(String(254))
    scope: Mapped[str] = mapped_column(String(40), default="bulk")
    reason: Mapped[str] = mapped_column(String(40))
    pending: Mapped[Pending | None] = mapped_column(Words(Pending))
    evidence: Mapped[str] = mapped_column(Text, default="")
    outcome_ids: Mapped[list[int]] = mapped_column(JSON, server_default="[]")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    forgiven_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
