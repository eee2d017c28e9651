"""Define the errors of the service, one class per reaction.

NewsletterError                  every error that we raise on purpose; carries a hint: what to do next
├── InvalidInput                 the caller must change what they gave
│   ├── InvalidToken             a link or address that we did not sign, or that has expired
│   ├── InvalidSignature         a webhook that its sender did not sign, or signed too long ago
│   └── TemplateError            a template must be mended; names file and line
├── NotFound                     the thing named does not exist
├── Forbidden                    the caller is known and may not do this
├── Conflict                     the thing exists but is in a state that forbids the step
├── FetchError                   a source or image could not be read; try again later
├── FeedError                    what was read is no feed
├── StaleLease                   another worker has taken over; stop without recording
└── SendError
    ├── TransientSendError       try this message again later
    ├── PermanentSendError       give up on this message
    ├── TransportUnavailable     stop this transport; nothing of the message was handed over
    └── UncertainSendError       the body went out and no answer came; nobody knows
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from newsletter.domain.outcomes import SmtpReply


class NewsletterError(Exception):
    """Carry a message for a person and a hint that says what to do next."""

    def __init__(self, message: str, *, hint: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.reason = reason or type(self).__name__

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidInput(NewsletterError):
    """Refuse what the caller gave."""


class InvalidToken(InvalidInput):
    """Refuse a token that we did not sign, or that has expired."""


class InvalidSignature(InvalidInput):
    """Refuse a webhook whose signature or age is wrong."""


class TemplateError(InvalidInput):
    """Name the template, the line and the fault."""

    def __init__(self, message: str, *, template: str, line: int | None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.template = template
        self.line = line


class NotFound(NewsletterError):
    """Say that the thing named does not exist."""


class Forbidden(NewsletterError):
    """Say that the caller may not do this."""


class Conflict(NewsletterError):
    """Say that the state of the thing forbids the step."""


class FetchError(NewsletterError):
    """Say why a source could not be read; ``reason`` is a stable code."""


class FeedError(NewsletterError):
    """Say that what was read is no feed."""


class StaleLease(NewsletterError):
    """Stop: the lease has passed to another worker."""


class SendError(NewsletterError):
    """Stand above everything that can happen to a message at the transport."""


class TransientSendError(SendError):
    """Try this message again later: the relay answered 4xx."""

    def __init__(self, reply: SmtpReply) -> None:
        super().__init__(f"The relay answered {reply.code} to one message.")
        self.reply = reply


class PermanentSendError(SendError):
    """Give up on this message: the relay answered 5xx."""

    def __init__(self, reply: SmtpReply) -> None:
        super().__init__(f"The relay answered {reply.code} to one message.")
        self.reply = reply


class TransportUnavailable(SendError):
    """Stop this transport; nothing of the message was handed over."""


class UncertainSendError(SendError):
    """Say that the body went out and no answer came back."""
