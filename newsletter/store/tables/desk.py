"""Define the tables of the people at the desk: who they are, what they may do, and what they did."""

from __future__ import annotations

from datetime import datetime
from typing import Any  # JSON columns hold flat objects

from sqlalchemy import JSON, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.domain.editors import DeskAction, Role
from newsletter.store.tables.base import Base
from newsletter.store.types import BigId, UtcDateTime, Words


class Editor(Base):
    """Somebody of the publisher. ``newsletters`` are the ids that the role is for; empty = all."""

    __tablename__ = "editors"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    address: Mapped[str] = mapped_column(String(254))
    role: Mapped[Role] = mapped_column(Words(Role))
    newsletters: Mapped[list[int]] = mapped_column(JSON, default=list)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class ApiToken(Base):
    """A key to the API in an editor's name. Only the hash of its secret is kept.

    ``role`` and ``newsletters`` can only narrow what the editor may do.
    """

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    editor_id: Mapped[int] = mapped_column(ForeignKey("editors.id"))
    name: Mapped[str] = mapped_column(String(120))
    role: Mapped[Role] = mapped_column(Words(Role))
    newsletters: Mapped[list[int]] = mapped_column(JSON, default=list)
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DeskLink(Base):
    """A link in a mail to an editor, for one decision about one revision of an issue; it works once."""

    __tablename__ = "desk_links"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id"), index=True)
    revision: Mapped[int] = mapped_column(Integer)
    action: Mapped[DeskAction] = mapped_column(Words(DeskAction))
    editor_id: Mapped[int] = mapped_column(ForeignKey("editors.id"))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AuditEvent(Base):
    """What somebody did; append-only, kept by triggers.

    ``by`` is an editor's name or a user of the machine, ``way`` how: cli, api, mail, or service for what happened by
    itself.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_issue", "issue_id", "at"),
        Index("ix_audit_events_at", "at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(120))
    way: Mapped[str] = mapped_column(String(40))
    action: Mapped[str] = mapped_column(String(60))
    newsletter_id: Mapped[int | None] = mapped_column(Integer)
    issue_id: Mapped[int | None] = mapped_column(Integer)
    article_id: Mapped[int | None] = mapped_column(BigId)
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)
