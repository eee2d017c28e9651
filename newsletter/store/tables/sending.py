"""Define the tables of sending: mailings, batches, leases, windows, messages, notices."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any  # JSON columns hold flat objects

from sqlalchemy import (
    JSON,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.domain.mailings import BatchStatus, Lane, MailingKind, MailingStatus, MessageStatus
from newsletter.store.tables.base import Base
from newsletter.store.types import BigId, Numbers, UtcDateTime, Words


class NoticeKind(StrEnum):
    """Say what a notice is."""

    CONFIRMATION = "confirmation"
    WELCOME = "welcome"
    LEFT = "left"  # the one answer to a mail that unsubscribed
    DESK = "desk"  # to editors: an issue to look at, with links that approve and veto
    ALERT = "alert"  # to editors: something is wrong


class NoticeStatus(StrEnum):
    """Say where a notice stands."""

    DUE = "due"
    SUBMITTED = "submitted"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    WITHHELD = "withheld"


class Mailing(Base):
    """The sending of one issue. ``highest`` is its newest article number: bit 0 of every pick.

    A mailing of a higher ``lane`` goes first. ``missed`` are the articles told once more, as bits below ``highest``.
    ``winner`` is the subject that the rest gets, once it is decided; ``test_until`` when that is, at the latest.
    ``fault`` says why nothing goes out just now, as when the relay does not answer.
    """

    __tablename__ = "mailings"
    __table_args__ = (
        UniqueConstraint("issue_id", "kind"),
        Index("ix_mailings_newsletter", "newsletter_id", "started_at"),
        Index("ix_mailings_highest", "highest"),  # whose messages count as had
        Index("ix_mailings_started", "started_at"),
        Index(
            "ix_mailings_unfinished",
            "lane",
            "id",
            postgresql_where=text("finished_at IS NULL"),
            sqlite_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"))
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"))
    kind: Mapped[MailingKind] = mapped_column(Words(MailingKind), default=MailingKind.MAIN)
    status: Mapped[MailingStatus] = mapped_column(Words(MailingStatus), default=MailingStatus.RUNNING)
    lane: Mapped[Lane] = mapped_column(Numbers(Lane), default=Lane.BULK)
    highest: Mapped[int] = mapped_column(Integer)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fault: Mapped[str | None] = mapped_column(Text)
    missed: Mapped[bytes | None] = mapped_column(LargeBinary)
    test_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    winner: Mapped[int | None] = mapped_column(SmallInteger)
    winner_reason: Mapped[str] = mapped_column(String(40), default="", server_default="")


class Batch(Base):
    """The planned readers of one bucket, as a bitmap of 512 octets: the exact audience, frozen at expand.

    Pending while a planned reader has no result. ``retry_at`` is when the next deferred or uncertain message of
    the batch is due again; None when there is none.
    """

    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("mailing_id", "wave", "bucket"),
        # Every claim looks through the open ones: a few among all batches that ever were.
        Index(
            "ix_batches_open",
            "mailing_id",
            "due_at",
            postgresql_where=text("status = 'pending' OR retry_at IS NOT NULL"),
            sqlite_where=text("status = 'pending' OR retry_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    mailing_id: Mapped[int] = mapped_column(ForeignKey("mailings.id"))
    wave: Mapped[int] = mapped_column(SmallInteger, default=0)
    bucket: Mapped[int] = mapped_column(Integer)
    status: Mapped[BatchStatus] = mapped_column(Words(BatchStatus), default=BatchStatus.PENDING)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retry_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    planned: Mapped[bytes] = mapped_column(LargeBinary)
    planned_count: Mapped[int] = mapped_column(Integer)


class BucketLease(Base):
    """Who works a bucket: one mailing at a time over the whole installation. Times are the database's clock.

    ``epoch`` grows with every claim; who holds an older one must not write.
    """

    __tablename__ = "bucket_leases"

    bucket: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    batch_id: Mapped[int | None] = mapped_column(ForeignKey("batches.id"))
    epoch: Mapped[int] = mapped_column(Integer)
    holder: Mapped[str] = mapped_column(String(32))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Window(Base):
    """At most 256 decisions, committed before the first byte goes out; ``plan`` is emptied when recorded.

    ``holder`` is the worker that opened it: its journal may know more. ``planned_at`` and ``key_ids`` outlive the
    plan, so that a retry makes the same bytes.
    """

    __tablename__ = "windows"
    __table_args__ = (
        # Every claim asks for them: a few among all windows that ever were.
        Index(
            "ix_windows_open",
            "id",
            postgresql_where=text("closed_at IS NULL"),
            sqlite_where=text("closed_at IS NULL"),
        ),
        Index("ix_windows_holder", "holder"),  # for a journal that comes to light
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"))
    epoch: Mapped[int] = mapped_column(Integer)
    holder: Mapped[str] = mapped_column(String(32), default="")
    planned_at: Mapped[datetime] = mapped_column(UtcDateTime)
    key_ids: Mapped[dict[str, int]] = mapped_column(JSON)
    plan: Mapped[bytes | None] = mapped_column(LargeBinary)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Message(Base):
    """One mail to one reader: what became of it and which articles it held (docs/decisions/0017).

    ``at`` counts seconds since the mailing's start. ``code`` is the SMTP code, or a WithheldReason below 200.
    ``picks`` are article numbers as bits below the mailing's ``highest``. The reader's id takes four octets here: rows
    by the million are eight smaller with their key, and nobody has two thousand million readers.
    """

    __tablename__ = "messages"
    __table_args__ = ({"sqlite_with_rowid": False},)

    mailing_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    subscriber_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(Integer)
    code: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[MessageStatus] = mapped_column(Numbers(MessageStatus))
    picks: Mapped[bytes] = mapped_column(LargeBinary)


class MessageDetail(Base):
    """What only a deferred, uncertain or failed message needs: its first name, address and language, the last reply."""

    __tablename__ = "message_details"
    __table_args__ = (Index("ix_message_details_retry", "batch_id", "next_attempt_at"),)

    mailing_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    subscriber_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id"))
    window_id: Mapped[int] = mapped_column(ForeignKey("windows.id"))
    address: Mapped[str | None] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(200), default="")
    language: Mapped[int] = mapped_column(SmallInteger, default=0)
    attempt_count: Mapped[int] = mapped_column(Integer, default=1)
    first_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(String(40), default="")
    reply_code: Mapped[int | None] = mapped_column(SmallInteger)
    reply_enhanced: Mapped[str | None] = mapped_column(String(12))
    reply_text: Mapped[str] = mapped_column(Text, default="")


class Notice(Base):
    """A mail of its own, such as a confirmation. ``created_at`` is its Date on every attempt.

    It goes to a subscriber, or to an ``address`` of the publisher's own people.
    """

    __tablename__ = "notices"
    __table_args__ = (
        Index("ix_notices_due", "status", "next_attempt_at"),
        Index("ix_notices_subscriber", "subscriber_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[NoticeKind] = mapped_column(Words(NoticeKind))
    status: Mapped[NoticeStatus] = mapped_column(Words(NoticeStatus), default=NoticeStatus.DUE)
    subscriber_id: Mapped[int | None] = mapped_column(ForeignKey("subscribers.id"))
    address: Mapped[str | None] = mapped_column(String(254))
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    holder: Mapped[str | None] = mapped_column(String(32))
    attempt_count: Mapped[int] = mapped_column(Integer, default=0)
    message: Mapped[bytes | None] = mapped_column(LargeBinary)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reply_code: Mapped[int | None] = mapped_column(SmallInteger)
    reply_text: Mapped[str] = mapped_column(Text, default="")
