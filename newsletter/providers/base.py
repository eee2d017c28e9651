"""Say what every provider's events become, and what a provider must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Protocol

from newsletter.domain.errors import InvalidInput, InvalidSignature
from newsletter.domain.outcomes import OutcomeKind
from newsletter.domain.tokens import Delivery

# How old a signed call may be. Providers that sign once send the same signature again for as long as they repeat a
# call: SendGrid for 24 hours, Mailgun for 8, SNS for one. Calls are remembered for 30 days, so none is new twice.
MAX_AGE = timedelta(hours=25)
SKEW = timedelta(minutes=5)  # between a provider's clock and ours

# Read a document at an https address and return it; raise FetchError for anything but a plain 200.
Fetch = Callable[[str], bytes]


@dataclass(frozen=True)
class Call:
    """Hold one request as it came; ``headers`` finds names in lower case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, kw_only=True)
class ProviderEvent:
    """Hold what a provider tells about one message to one reader; texts are one line without controls.

    ``event_key`` is the same whenever the event is told again. ``at`` is aware UTC; None: not told, so when it came.
    ``delivery`` names our message by what its header field said (mime/identity.py); ``message_id`` is the Message-ID
    without its brackets, ``provider_message_id`` the provider's own. ``status`` is a code of RFC 3463 and
    ``reply_code`` one of RFC 5321, from whoever refused. ``is_final``: nobody tries any more. ``name`` is the
    provider's word for the event. ``text`` is the evidence.
    """

    event_key: str
    at: datetime | None
    kind: OutcomeKind
    name: str
    recipient: str = ""
    delivery: Delivery | None = None
    message_id: str = ""
    provider_message_id: str = ""
    reason: str = ""
    category: str = ""
    is_hard: bool = False
    is_final: bool = False
    status: str = ""
    reply_code: int | None = None
    text: str = ""


@dataclass(frozen=True)
class Unreadable:
    """Say which event of a body, counted from 0, cannot be used, and why."""

    position: int
    why: str


@dataclass(frozen=True, kw_only=True)
class FeedNotice:
    """Hold what a provider says about the feed itself, for the operator.

    ``confirm_url`` is to be asked for once, by a worker and never while a request waits; "": nothing to do.
    """

    text: str
    confirm_url: str = ""


Found = ProviderEvent | Unreadable | FeedNotice


class EventFeed(Protocol):
    """Understand one provider's webhook."""

    def check(self, secret: str) -> None:
        """Raise InvalidInput that says what a secret of this provider looks like, when this is none."""

    def authenticate(self, call: Call, secrets: Sequence[str], *, now: datetime) -> str:
        """Return what names this call, the same when it is repeated; raise InvalidSignature when it proves nothing.

        Each of the secrets is good, so that one can be replaced while the other is in use. Raise FetchError when it
        cannot be told just now.
        """

    def events(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Found]:
        """Yield what a body tells; never raise, whatever it holds."""


def digest(body: bytes) -> str:
    """Return the name of a call that bears no id: what it says."""
    return sha256(body).hexdigest()


def event_key(provider: str, *parts: str) -> str:
    """Return a key of at most 44 characters for what tells an event from all others of its provider."""
    told = "\0".join(parts).encode("utf-8", "surrogatepass")
    return f"{provider}:{sha256(told).hexdigest()[:32]}"


def check_age(signed_at: datetime | None, *, now: datetime) -> None:
    """Refuse what was signed too long ago, or in the future."""
    if signed_at is None or not -SKEW <= now - signed_at <= MAX_AGE:
        raise refused("old_timestamp")


def refused(reason: str) -> InvalidSignature:
    """Return the error of a call that proves nothing; ``reason`` is for our log, never for the caller."""
    return InvalidSignature("The call of a provider is not accepted.", reason=reason)


def bad_secret(wanted: str) -> InvalidInput:
    """Return the error of a setting."""
    return InvalidInput(wanted, hint="See docs/operations/providers.md.", reason="bad_secret")
