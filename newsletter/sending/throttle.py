"""Say how fast messages may go: here, as fast as the relay takes them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any  # whatever the desk knows of a message

from newsletter.domain.mailings import Lane
from newsletter.domain.outcomes import SmtpReply


class Throttle:
    """Let every message go at once."""

    def __init__(self, **_parts: Any) -> None:
        """Take the parts of an installation."""

    def take(self, _relay: str, _domain_id: int | None, _lane: Lane) -> bool:
        """Say whether a message may go now."""
        return True

    def is_held(self, _domain_id: int | None) -> bool:
        """Say whether a destination takes nothing just now."""
        return False

    def hold_until(self, _domain_ids: Collection[int | None]) -> datetime | None:
        """Say when one of the destinations may be tried again."""
        return None

    def accepted(self, _relay: str, _domain_id: int | None) -> None:
        """Hear that a message was taken."""

    def heard(self, _relay: str, _domain_id: int | None, _reply: SmtpReply | None, *, now: datetime) -> None:
        """Hear any other answer."""

    def tick(self, now: datetime) -> None:
        """Look around, four times a second."""
