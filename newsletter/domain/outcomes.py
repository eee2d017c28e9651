"""Name what can happen to a message, in one vocabulary for all sources."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_ENHANCED = re.compile(r"\A([245]\.\d{1,3}\.\d{1,3})(?:\s+|\Z)")
_TEXT_MAX = 500  # characters kept: a line has at most 512 octets (RFC 5321 §4.5.3.1.5)


@dataclass(frozen=True)
class SmtpReply:
    """Hold one reply of an SMTP server (RFC 5321 §4.2).

    ``enhanced`` is the code of RFC 3463 ("5.1.1") or None; ``text`` is the rest on one line, without controls:
    databases and terminals must be able to take it.
    """

    code: int
    enhanced: str | None
    text: str

    @classmethod
    def parse(cls, code: int, text: bytes | str) -> SmtpReply:
        """Read the lines behind a code; each may repeat the enhanced code (RFC 2034 §4)."""
        decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        lines = [line.strip() for line in decoded.splitlines() if line.strip()]
        found = _ENHANCED.match(lines[0]) if lines else None
        words = " ".join(_ENHANCED.sub("", line) for line in lines)[:_TEXT_MAX]
        return cls(code, found.group(1) if found else None, _visible(words))


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


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
    DELIVERED = "delivered"  # the receiver's server took it, as the provider says
    DELAYED = "delayed"  # a server behind ours still tries
    SUPPRESSED = "suppressed"  # the provider did not try: the address is on its own list
    OPENED = "opened"
    CLICKED = "clicked"
    REPLIED = "replied"  # the reader wrote to us
    AUTO_REPLIED = "auto_replied"  # a machine answered for the reader
    UNKNOWN = "unknown"


# Whoever reports one of these for good says that the reader has not got the message.
NOT_DELIVERED = frozenset({OutcomeKind.BOUNCED, OutcomeKind.FAILED, OutcomeKind.EXPIRED})
_REFUSED = 550  # of a report that gives no code of SMTP: refused, for whatever reason (RFC 5321 §4.2.3)


def refusal_code(reported: int | None) -> int:
    """Return the code of SMTP that a message which came back is kept with."""
    return reported if reported is not None and 500 <= reported < 600 else _REFUSED


class OutcomeSource(StrEnum):
    """Say who told us."""

    DIALOGUE = "dialogue"
    RECOVERY = "recovery"
    INBOUND_MAIL = "inbound_mail"
    READER = "reader"
    PROVIDER = "provider"


class IdentifiedBy(StrEnum):
    """Say how the message that a report is about was found, best proof first; only the last proves nothing."""

    RECIPIENT = "recipient"  # a token in the address that the report was sent to
    ENVELOPE_ID = "envelope_id"  # a token in Original-Envelope-Id (RFC 3464 §2.2.1)
    RETURNED = "returned"  # a token in what the report returns of the message
    PROVIDER = "provider"  # the provider's authenticated word about a message that went through it
    ADDRESS = "address"  # the address named, and a message to it in the last days
