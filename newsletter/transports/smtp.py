"""Hand messages to a relay over one persistent SMTP connection."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from newsletter.domain.errors import (
    InvalidInput,
    PermanentSendError,
    TransientSendError,
    TransportUnavailable,
    UncertainSendError,
)
from newsletter.domain.outcomes import SmtpReply
from newsletter.transports.base import Envelope

_CONNECT_TIMEOUT = 30.0  # seconds
_LOST = SmtpReply(421, "4.4.2", "the connection was lost before the message was complete")


@dataclass(frozen=True, kw_only=True)
class Relay:
    """Say where the relay is and how to log in.

    ``tls``: off, starttls (refuse to send in clear), opportunistic (STARTTLS when offered, certificate not
    checked, RFC 7435; no login without it), implicit (TLS from the first octet, RFC 8314).
    ``timeout`` in seconds bounds each answer.
    """

    host: str
    port: int
    tls: Literal["off", "starttls", "implicit", "opportunistic"] = "opportunistic"
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    timeout: float = 600.0
    ehlo_name: str = ""


class SmtpTransport:
    """Submit messages one after another; connects when it must, and again after a loss. For one thread."""

    def __init__(self, relay: Relay) -> None:
        """Take a relay; nothing is opened yet."""
        self._relay = relay
        self._connection: smtplib.SMTP | None = None

    def submit(self, envelope: Envelope, message: bytes) -> SmtpReply:
        """Hand over one message; see Transport for the errors."""
        _refuse_smuggling(message)
        connection = self._begin(envelope)
        self._address(connection, envelope.rcpt_to)
        return self._transfer(connection, message)

    def check(self) -> None:
        """Connect and log in; raise TransportUnavailable, with what to do, when that fails."""
        if self._connection is None:
            self._connect()

    def close(self) -> None:
        """Say QUIT and hang up."""
        if self._connection is None:
            return
        try:
            self._connection.quit()
        except (smtplib.SMTPException, OSError):
            self._connection.close()
        self._connection = None

    def _connect(self) -> smtplib.SMTP:
        try:
            self._connection = self._open()
            self._greet(self._connection)
        except smtplib.SMTPAuthenticationError as error:
            raise self._unavailable(
                f"refused the login with {error.smtp_code}", "Check the relay's user name and password."
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise self._unavailable(
                f"cannot do what is asked of it: {error}", "Check NEWSLETTER_RELAY_TLS and the login."
            ) from error
        except (smtplib.SMTPException, OSError) as error:
            raise self._unavailable(
                f"does not answer ({type(error).__name__}: {error})", "Check NEWSLETTER_RELAY_HOST and _PORT."
            ) from error
        return self._connection

    def _greet(self, connection: smtplib.SMTP) -> None:
        """Agree on TLS and log in."""
        relay = self._relay
        if connection.sock is not None:
            connection.sock.settimeout(relay.timeout)
        connection.ehlo_or_helo_if_needed()
        if relay.tls == "starttls" or (relay.tls == "opportunistic" and connection.has_extn("starttls")):
            connection.starttls(context=self._tls_context())
            connection.ehlo()
        elif relay.username and relay.tls == "opportunistic":
            raise smtplib.SMTPNotSupportedError(
                "it offers no STARTTLS, and the password would go out in clear"
            )
        if relay.username:
            connection.login(relay.username, relay.password)

    def _open(self) -> smtplib.SMTP:
        relay = self._relay
        name = relay.ehlo_name or None
        if relay.tls == "implicit":
            return smtplib.SMTP_SSL(
                relay.host,
                relay.port,
                local_hostname=name,
                timeout=_CONNECT_TIMEOUT,
                context=self._tls_context(),
            )
        return smtplib.SMTP(relay.host, relay.port, local_hostname=name, timeout=_CONNECT_TIMEOUT)

    def _tls_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self._relay.ca_file) if self._relay.ca_file else None)
        if self._relay.tls == "opportunistic":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _begin(self, envelope: Envelope) -> smtplib.SMTP:
        """Say MAIL, on a new connection when the relay has ended the old one: many do after so many messages.

        A refused sender is our fault and stops the transport: readers are not to blame.
        """
        if self._connection is not None:
            reply = _said(self._connection.mail, envelope.mail_from)
            if reply.code == _LOST.code:
                self._drop()
        if self._connection is None:
            reply = _said(self._connect().mail, envelope.mail_from)
        connection = self._connection
        if connection is None or reply.code == _LOST.code:
            raise self._unavailable(f"hung up: {reply.text}", "It is tried again soon.")
        if reply.code >= 500:
            raise self._unavailable(
                f"refused the sender {envelope.mail_from.rpartition('@')[2]}: {reply.code} {reply.text}",
                "Check the login, and that the relay accepts this sender domain.",
            )
        if not _is_taken(reply):
            self._give_up(connection, reply)
        return connection

    def _address(self, connection: smtplib.SMTP, recipient: str) -> None:
        """Say RCPT. Some servers hang up on a recipient: the others are not to wait for it."""
        reply = _said(connection.rcpt, recipient)
        if not _is_taken(reply):
            self._give_up(connection, reply)

    def _transfer(self, connection: smtplib.SMTP, message: bytes) -> SmtpReply:
        """Say DATA and the message. Until the final dot is out nothing can have been accepted."""
        try:
            connection.putcmd("data")
            reply = SmtpReply.parse(*connection.getreply())
            if reply.code == 354:
                connection.send(_stuffed(message) + b".\r\n")
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise TransientSendError(_LOST) from error
        if reply.code != 354:
            self._give_up(connection, reply)
        try:
            reply = SmtpReply.parse(*connection.getreply())
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise UncertainSendError("No answer came to a complete message.") from error
        if not _is_taken(reply):
            self._give_up(connection, reply)
        return reply

    def _give_up(self, connection: smtplib.SMTP, reply: SmtpReply) -> None:
        """End the transaction and raise what the refusal means."""
        if reply.code == 421:  # the relay is closing (RFC 5321 §3.8)
            self._drop()
        else:
            try:
                connection.rset()
            except (smtplib.SMTPException, OSError):
                self._drop()
        raise PermanentSendError(reply) if reply.code >= 500 else TransientSendError(reply)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _unavailable(self, what: str, hint: str) -> TransportUnavailable:
        self._drop()
        place = f"{self._relay.host}:{self._relay.port}"
        return TransportUnavailable(f"The mail relay {place} {what}.", hint=hint, reason="relay_unavailable")


def _said(command: Callable[[str], tuple[int, bytes]], address: str) -> SmtpReply:
    """Return the reply to MAIL or RCPT; a connection that ends without one ends as if it had said 421."""
    try:
        return SmtpReply.parse(*command(address))
    except (smtplib.SMTPException, OSError):
        return _LOST


def _is_taken(reply: SmtpReply) -> bool:
    """Say whether a reply is positive: the first digit decides (RFC 5321 §4.2)."""
    return 200 <= reply.code < 300


def _refuse_smuggling(message: bytes) -> None:
    """Refuse a bare CR or LF: relays disagree on what it ends, and so a message could carry a second one."""
    pairs = message.count(b"\r\n")
    if message.count(b"\r") != pairs or message.count(b"\n") != pairs or not message.endswith(b"\r\n"):
        raise InvalidInput("The message has a line end that is not CRLF.", reason="bare_line_end")


def _stuffed(message: bytes) -> bytes:
    """Double a dot at the start of a line (RFC 5321 §4.5.2); our encoder leaves none."""
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..")
