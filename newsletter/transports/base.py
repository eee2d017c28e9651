"""Say what a transport is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from newsletter.domain.outcomes import SmtpReply


@dataclass(frozen=True)
class Envelope:
    """Hold the two addresses of an SMTP transaction; an empty ``mail_from`` is the null return path."""

    mail_from: str
    rcpt_to: str


class Transport(Protocol):
    """Hand messages over, one recipient each.

    Raise TransientSendError or PermanentSendError for a refusal of this message, TransportUnavailable when
    nothing of it was handed over, UncertainSendError when the body went out and no answer came.
    """

    def submit(self, envelope: Envelope, message: bytes) -> SmtpReply:
        """Hand over one message, complete with CRLF line ends; return the 250 to its final dot."""

    def close(self) -> None:
        """Say goodbye and hang up."""
