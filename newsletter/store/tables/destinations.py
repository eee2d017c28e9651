"""Define the tables of what is known of receivers: how much they take, and how far a sender has warmed up."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any  # JSON columns hold flat objects

from sqlalchemy import JSON, Date, Float, Integer, SmallInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.store.tables.base import Base
from newsletter.store.types import UtcDateTime


class Destination(Base):
    """What a relay, or all of them, may send to one destination.

    ``relay`` "" means every relay; ``mx_group`` "" means the relay itself. Rates are messages a minute: ``rate`` is
    what was learned, ``limit_rate`` what the operator allows; the smaller one counts.
    """

    __tablename__ = "destinations"

    relay: Mapped[str] = mapped_column(String(260), primary_key=True)
    mx_group: Mapped[str] = mapped_column(String(253), primary_key=True)
    rate: Mapped[float | None] = mapped_column(Float)
    limit_rate: Mapped[float | None] = mapped_column(Float)
    suspended_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    hits: Mapped[int] = mapped_column(Integer, default=0)
    last_hit_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_reply: Mapped[str] = mapped_column(Text, default="")
    grows_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fault: Mapped[str | None] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class WarmupState(Base):
    """How far the domain of a sender has warmed up; ``history`` holds a line for each change of the ceiling."""

    __tablename__ = "warmups"

    domain: Mapped[str] = mapped_column(String(253), primary_key=True)
    started_on: Mapped[date] = mapped_column(Date)
    day: Mapped[int] = mapped_column(SmallInteger)
    ceiling: Mapped[int] = mapped_column(Integer)
    set_on: Mapped[date] = mapped_column(Date)
    used_on: Mapped[date | None] = mapped_column(Date)
    halved_on: Mapped[date | None] = mapped_column(Date)
    history: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
