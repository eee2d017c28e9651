"""Name what can happen to a message, in one vocabulary for all sources."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class SmtpReply:
    """Hold one reply of an SMTP server (RFC 5321 §4.2).

    ``enhanced`` is the code of RFC 3463 ("5.1.1") or None; ``text`` is the rest, lines joined by a blank.
    """

    code: int
    enhanced: str | None
    text: str


class OutcomeKind(StrEnum):
    """Say what became known about a message, whoever told us."""

    SUBMITTED = "submitted"
    DEFERRED = "deferred"
    FAILED = "failed"
    EXPIRED = "expired"
    UNCERTAIN = "uncertain"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    UNKNOWN = "unknown"


class OutcomeSource(StrEnum):
    """Say who told us."""

    DIALOGUE = "dialogue"
    RECOVERY = "recovery"
    INBOUND_MAIL = "inbound_mail"
    READER = "reader"
    PROVIDER = "provider"
