"""Say what a transport is, and how the engine and whoever feeds it talk."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, NamedTuple, Protocol  # Any: what a source hangs on a message is its own

from newsletter.domain.outcomes import SmtpReply


class Envelope(NamedTuple):
    """Hold what an SMTP transaction says of a message; an empty ``mail_from`` is the null return path.

    ``envelope_id`` comes back in delivery reports of relays that offer DSN (RFC 3461 §4.4).
    """

    mail_from: str
    rcpt_to: str
    envelope_id: str = ""


class Submission:
    """One message on its way to a relay.

    ``is_prepared``: whoever made the message vouches that it is ASCII, that its line ends are CRLF, that it ends with
    one, and that no line begins with a dot. ``tag`` is the source's own.
    """

    __slots__ = ("envelope", "is_prepared", "message", "tag")

    def __init__(
        self, envelope: Envelope, message: bytes, *, is_prepared: bool = False, tag: Any = None
    ) -> None:
        self.envelope = envelope
        self.message = message
        self.is_prepared = is_prepared
        self.tag = tag


class Verdict(Enum):
    """Say how an attempt ended."""

    ACCEPTED = auto()  # 2xx to the final dot
    REFUSED = auto()  # 5xx: give this message up
    DEFERRED = auto()  # 4xx, or the body did not go out whole: try again later
    UNCERTAIN = auto()  # the body went out whole and no answer came (RFC 1047)
    UNTRIED = auto()  # no octet of the body went out: somebody else may have it at once


class Named(Protocol):
    """Know a relay by its name."""

    @property
    def name(self) -> str:
        """Return the name."""


class Source(Protocol):
    """Feed an engine with messages and hear what became of them."""

    def next(self, relay: Named) -> Submission | None:
        """Return what a free connection of a relay should send; None when there is nothing now."""

    def begin(self, submission: Submission) -> bool:
        """Allow the body to go out; False when it must not any more. Its octets leave after ``flush``."""

    def flush(self) -> None:
        """Write down what was begun and what has ended, before anything that was begun leaves."""

    def ended(self, submission: Submission, verdict: Verdict, reply: SmtpReply | None, relay: Named) -> None:
        """Hear how an attempt ended, once for each submission; no reply came with a plain 250."""


class Transport(Protocol):
    """Hand messages over one at a time.

    Raise TransientSendError or PermanentSendError for a refusal of this message, TransportUnavailable when
    nothing of it was handed over, UncertainSendError when the body went out and no answer came.
    """

    def submit(self, envelope: Envelope, message: bytes) -> SmtpReply:
        """Hand over one message, complete with CRLF line ends; return the 250 to its final dot."""

    def close(self) -> None:
        """Say goodbye and hang up."""
