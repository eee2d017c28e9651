"""Define the tables of the installation itself: keys, hooks received, counters."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any  # JSON columns hold flat objects

from sqlalchemy import JSON, Integer, LargeBinary, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.store.tables.base import Base
from newsletter.store.types import UtcDateTime, Words


class KeyPurpose(StrEnum):
    """Say what a key signs."""

    LINKS = "links"
    RETURN_PATH = "return_path"
    HOOKS = "hooks"
    SUPPRESSIONS = "suppressions"  # hashes the addresses of erased readers


class SigningKey(Base):
    """A secret; the newest of a purpose signs, all that are not retired verify.

    Those of links and suppressions are never retired.
    """

    __tablename__ = "signing_keys"
    __table_args__ = (UniqueConstraint("purpose", "number"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    purpose: Mapped[KeyPurpose] = mapped_column(Words(KeyPurpose))
    number: Mapped[int] = mapped_column(SmallInteger)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class DkimKey(Base):
    """An RSA key that signs the messages of a domain (PKCS #8), published at its selector.

    It signs new messages from ``activated_at`` to ``retired_at``; messages that it signed once are made again with
    it at any time.
    """

    __tablename__ = "dkim_keys"
    __table_args__ = (UniqueConstraint("domain", "selector"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    domain: Mapped[str] = mapped_column(String(253))
    selector: Mapped[str] = mapped_column(String(253))
    private_key: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class HookDelivery(Base):
    """A signed webhook that was carried out; the same id again is answered with the same response."""

    __tablename__ = "hook_deliveries"

    hook: Mapped[str] = mapped_column(String(40), primary_key=True)
    delivery_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(UtcDateTime)
    response: Mapped[dict[str, Any]] = mapped_column(JSON)


class Beat(Base):
    """When something that must happen again and again last happened."""

    __tablename__ = "beats"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Counter(Base):
    """A number that grows without gaps, even when a transaction is rolled back."""

    __tablename__ = "counters"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[int] = mapped_column(Integer)
