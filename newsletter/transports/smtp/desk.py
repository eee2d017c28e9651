"""Say what a dialogue asks of whoever gives it its messages."""

from __future__ import annotations

from typing import Protocol

from newsletter.domain.outcomes import SmtpReply
from newsletter.transports.base import Submission, Verdict
from newsletter.transports.smtp.faults import RelayFault


class Desk(Protocol):
    """Give a dialogue its messages and hear from it."""

    @property
    def is_open(self) -> bool:
        """Say whether there may be more; when not, a free connection says goodbye."""

    def take(self) -> Submission | None:
        """Return the next message, None when there is none now."""

    def begin(self, submission: Submission) -> bool:
        """Allow the body to go out."""

    def ended(self, submission: Submission, verdict: Verdict, reply: SmtpReply | None) -> None:
        """Hear how an attempt ended."""

    def again(self, submission: Submission, *, is_second: bool) -> None:
        """Take back a message whose envelope was lost, for a new connection."""

    def proved(self) -> None:
        """Hear that the relay works: it took a sender."""

    def failed(self, fault: RelayFault) -> None:
        """Hear that the relay cannot be used."""

    def lies(self) -> None:
        """Hear that the relay cannot do PIPELINING although it says so."""
