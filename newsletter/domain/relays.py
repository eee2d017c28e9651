"""Name the kinds of relays, and read the address of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeVar, get_args
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from newsletter.domain.errors import InvalidInput

T = TypeVar("T")
Tls = Literal["off", "starttls", "opportunistic", "implicit"]

_TLS: dict[str, Tls] = {"smtp": "opportunistic", "smtps": "implicit"}
_PORTS = {"smtp": 25, "smtps": 465}
_CONNECTIONS_MAX = 500  # what the most generous receiver allows one client (Outlook.com policies, 2026-06)


class RelayKind(StrEnum):
    """Say whose service a relay is: it decides which header carries the identity of a message."""

    SMTP = "smtp"
    SES = "ses"
    SENDGRID = "sendgrid"
    MAILGUN = "mailgun"
    POSTMARK = "postmark"
    SPARKPOST = "sparkpost"
    BREVO = "brevo"
    MAILJET = "mailjet"
    RESEND = "resend"


@dataclass(frozen=True, kw_only=True)
class RelayAddress:
    """Say where a relay is, how to log in and how much it takes.

    ``tls``: off, starttls (refuse to send in clear), opportunistic (when offered), implicit. ``weight``: its share
    among several. ``rate`` in messages a second; None: as many as it takes. ``messages_per_connection`` 0: no limit.
    """

    host: str
    port: int
    tls: Tls = "opportunistic"
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    kind: RelayKind = RelayKind.SMTP
    weight: int = 1
    connections: int = 10
    messages_per_connection: int = 1000
    rate: float | None = None

    @property
    def name(self) -> str:
        """Return what tells it from the others."""
        return f"{self.host}:{self.port}"


def parse(text: str) -> RelayAddress:
    """Read smtp://user:password@host:587?tls=starttls&kind=ses&weight=2&connections=10&rate=50&messages=1000.

    ``smtps`` is TLS from the first octet (RFC 8314). ``auth=xoauth2`` makes the password a bearer token. A password
    is percent-encoded as in any URL, and never shown in the InvalidInput that a fault raises.
    """
    parts = urlsplit(text)
    if parts.scheme not in _TLS or not parts.hostname or parts.path not in {"", "/"} or parts.fragment:
        raise _refused("it must look like smtp://user:password@host:587?tls=starttls")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    password = unquote(parts.password or "")
    is_token = _choice(options, "auth", {"password": False, "xoauth2": True}, "password")
    address = RelayAddress(
        host=parts.hostname,
        port=_port(parts),
        tls=_choice(options, "tls", {tls: tls for tls in get_args(Tls)}, _TLS[parts.scheme]),
        username=unquote(parts.username or ""),
        password="" if is_token else password,
        token=password if is_token else "",
        kind=_choice(options, "kind", {kind.value: kind for kind in RelayKind}, RelayKind.SMTP.value),
        weight=_number(options, "weight", default=1, low=1, high=1000),
        connections=_number(options, "connections", default=10, low=1, high=_CONNECTIONS_MAX),
        messages_per_connection=_number(options, "messages", default=1000, low=0, high=1_000_000),
        rate=_rate(options),
    )
    if options:
        raise _refused(f"it has an option that is not known: {', '.join(sorted(options))}")
    return address


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or _PORTS[parts.scheme]
    except ValueError as error:
        raise _refused("its port is no number between 1 and 65535") from error


def _choice(options: dict[str, str], name: str, choices: dict[str, T], default: str) -> T:
    value = options.pop(name, default)
    if value not in choices:
        raise _refused(f"{name} must be one of {', '.join(choices)}")
    return choices[value]


def _number(options: dict[str, str], name: str, *, default: int, low: int, high: int) -> int:
    text = options.pop(name, str(default))
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise _refused(f"{name} must be a number from {low} to {high}")
    return int(text)


def _rate(options: dict[str, str]) -> float | None:
    text = options.pop("rate", "")
    if not text:
        return None
    try:
        rate = float(text)
    except ValueError as error:
        raise _refused("rate must be a number of messages a second") from error
    if not 0 < rate <= 1_000_000:
        raise _refused("rate must be more than 0")
    return rate


def _refused(why: str) -> InvalidInput:
    return InvalidInput(
        f"The address of a relay cannot be read: {why}.",
        hint="See docs/operations/smtp.md.",
        reason="bad_relay",
    )
