"""Define the table of the mailboxes that mail is collected from."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.store.tables.base import Base
from newsletter.store.types import UtcDateTime


class CollectedMailbox(Base):
    """An IMAP folder or a Maildir: who looks into it now, and how it fares.

    ``name`` is a MailWay. ``lease_until`` is set while somebody collects. ``fault`` is a stable code, empty when the
    last look was all right, ``fault_text`` says it to a person; ``failure_count`` counts looks in a row that failed.
    """

    __tablename__ = "collected_mailboxes"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    next_at: Mapped[datetime] = mapped_column(UtcDateTime)
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    collected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failure_count: Mapped[int] = mapped_column(Integer, default=0)
    fault: Mapped[str] = mapped_column(String(40), default="")
    fault_text: Mapped[str] = mapped_column(Text, default="")
