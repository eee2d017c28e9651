"""Write the commands of a transaction, and refuse what must never go out."""

from __future__ import annotations

import re

from newsletter.domain import addresses
from newsletter.domain.errors import InvalidInput
from newsletter.domain.outcomes import SmtpReply
from newsletter.transports.base import Submission
from newsletter.transports.smtp.offer import Offer

# Both addresses at once, a line feed between them: visible ASCII without angle brackets, and no longer than a path
# may be (RFC 5321 §4.5.3.1.3). The null return path is empty; a recipient is not.
_PLAIN = re.compile(r"[!-;=?-~]{0,254}\n[!-;=?-~]{1,254}").fullmatch
_XTEXT = re.compile(r"[!-*,-<>-~]*").fullmatch  # RFC 3461 §4
_ENVID_MAX = 100  # octets, RFC 3461 §4.4

_BAD_ADDRESS = SmtpReply(553, "5.1.3", "The address cannot stand in an SMTP command.")
_NEEDS_SMTPUTF8 = SmtpReply(
    550, "5.6.7", "The address has letters outside ASCII before the @, and the relay does not offer SMTPUTF8."
)
_NEEDS_8BITMIME = SmtpReply(
    554, "5.6.3", "The message has octets above 127, and the relay does not offer 8BITMIME."
)
_BARE_LINE_END = SmtpReply(554, "5.6.0", "The message has a line end that is not CRLF.")


class Commands:
    """Write the commands for what one relay offers."""

    __slots__ = ("_notify", "_offer", "_ret", "_size_max")

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._size_max = offer.size_max or 1 << 62
        self._ret = " RET=HDRS" if offer.has_dsn else ""
        self._notify = " NOTIFY=FAILURE" if offer.has_dsn else ""

    def envelope(self, submission: Submission) -> bytes | SmtpReply:
        """Return MAIL, RCPT and DATA; or the reply with which we refuse the message ourselves."""
        mail_from, rcpt_to, envelope_id = submission.envelope
        message = submission.message
        size = len(message)
        if size > self._size_max:
            return SmtpReply(
                552, "5.3.4", f"The message has {size} octets, and the relay takes {self._size_max}."
            )
        parameters = f" SIZE={size}" if self._offer.has_size else ""
        if not submission.is_prepared:
            if has_bare_line_end(message):
                return _BARE_LINE_END
            if not message.isascii():
                if not self._offer.has_8bitmime:
                    return _NEEDS_8BITMIME
                parameters += " BODY=8BITMIME"
        if self._ret:
            parameters += self._ret + _envid(envelope_id)
        if _PLAIN(f"{mail_from}\n{rcpt_to}"):
            return f"MAIL FROM:<{mail_from}>{parameters}\r\nRCPT TO:<{rcpt_to}>{self._notify}\r\nDATA\r\n".encode()
        return self._international(mail_from, rcpt_to, parameters)

    def _international(self, mail_from: str, rcpt_to: str, parameters: str) -> bytes | SmtpReply:
        """Write domains as A-labels; a local part that is not ASCII needs SMTPUTF8 and is never altered."""
        try:
            mail_from, rcpt_to = mail_from and _with_a_label(mail_from), _with_a_label(rcpt_to)
        except InvalidInput:
            return _BAD_ADDRESS
        if not (mail_from + rcpt_to).isascii():
            if not self._offer.has_smtputf8:
                return _NEEDS_SMTPUTF8
            parameters += " SMTPUTF8"
        return (
            f"MAIL FROM:<{mail_from}>{parameters}\r\nRCPT TO:<{rcpt_to}>{self._notify}\r\nDATA\r\n".encode()
        )


def has_bare_line_end(message: bytes) -> bool:
    """Say whether a CR or LF stands alone, or the last line has no end.

    Relays disagree on what a bare one ends, and so a message could carry a second one ("SMTP smuggling").
    """
    pairs = message.count(b"\r\n")
    return message.count(b"\r") != pairs or message.count(b"\n") != pairs or not message.endswith(b"\r\n")


def stuffed(message: bytes) -> bytes:
    """Double a dot at the start of a line (RFC 5321 §4.5.2)."""
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..")


def _with_a_label(address: str) -> str:
    """Return an address with its domain in ASCII; raise InvalidInput for one that must not go out."""
    local, at, domain = address.rpartition("@")
    if not domain.isascii():
        domain = addresses.domain_a_label(domain)
    written = local + at + domain
    if not written or not written.isprintable() or any(sign in written for sign in " <>"):
        raise InvalidInput(_BAD_ADDRESS.text, reason="bad_address")
    if len(written.encode()) > 254:
        raise InvalidInput(_BAD_ADDRESS.text, reason="bad_address")
    return written


def _envid(envelope_id: str) -> str:
    if not envelope_id:
        return ""
    if not _XTEXT(envelope_id):
        envelope_id = "".join(sign if _XTEXT(sign) else _hex(sign) for sign in envelope_id)
    return f" ENVID={envelope_id}" if len(envelope_id) <= _ENVID_MAX else ""


def _hex(sign: str) -> str:
    return "".join(f"+{octet:02X}" for octet in sign.encode("utf-8", "replace"))
