"""Speak SMTP or LMTP with one client that brings mail.

aiosmtpd reads the commands. Paths and bodies are read here: what is kept of a body is bounded while lines may be of
any length, as those of bounces are, and no parser of ours or others sees what strangers write.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import AnyStr, Protocol

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session, syntax

from newsletter.domain.arrivals import KEPT_BYTES, READ_BYTES, MailWay
from newsletter.inbound.mail import Mail
from newsletter.runtime import logs

_PATH = re.compile(r'\s*<((?:"(?:[^"\\]|\\.)*"|[^<>"\s])*)>(.*)', re.DOTALL)  # RFC 5321 §4.1.2
_PATH_CHARS = 320  # RFC 5321 §4.5.3.1: 64 before the @ and 255 after it
_RECIPIENTS_MAX = 100  # RFC 5321 §4.5.3.1.8: as many must be taken
_NOBODY = "<>"  # a null return path, as the library wants it: an empty one means that there was no MAIL
_END = b".\r\n"
_log = logs.get(__name__)


class Standing(StrEnum):
    """Say what an address in RCPT is to us."""

    OURS = "ours"
    UNKNOWN = "unknown"
    ELSEWHERE = "elsewhere"


class Desk(Protocol):
    """Decide about mail. All but ``refresh`` and ``keep`` answer at once; those two may wait, in any thread."""

    def standing(self, recipient: str) -> Standing:
        """Say whether we gave this address away."""

    def may_bring(self, client: str) -> bool:
        """Count one more mail of a client, and say whether that is not too many."""

    def has_room(self, recipient: str) -> bool:
        """Count one more mail to an address, and say whether that is not too many."""

    def refresh(self) -> None:
        """Look at the keys again, unless that was done just now."""

    def keep(self, way: MailWay, mail: Mail) -> None:
        """Keep a mail for good; raise when that cannot be done now."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bound what clients can take of us; times in seconds."""

    connections: int = 100
    connections_of_client: int = 10  # large senders open a handful
    refused_recipients: int = 20  # of one connection: who guesses is sent away
    idle: float = 300.0  # RFC 5321 §4.5.3.2.7
    body: float = 600.0  # for all of it: ten minutes for 50 MB are a slow line
    body_bytes: int = 50_000_000  # announced; a report that returns a newsletter whole has a hundredth
    held_bytes: int = 200_000_000  # of bodies under way: beyond that, only what a parser sees is held


class House(Protocol):
    """Hold what the connections of one server share."""

    name: str
    desk: Desk
    limits: Limits
    tls: ssl.SSLContext | None
    is_stopping: bool
    held_bytes: int

    def admit(self, dialogue: SmtpDialogue) -> bool:
        """Take a client in; False when there are too many."""

    def dismiss(self, dialogue: SmtpDialogue) -> None:
        """Forget a client; harmless when it was not admitted."""

    async def refresh(self) -> None:
        """Let the desk look at the keys, in a thread."""

    async def keep(self, way: MailWay, mail: Mail) -> None:
        """Let the desk keep a mail, in a thread."""


class SmtpDialogue(SMTP):
    """Speak SMTP with one client."""

    way = MailWay.SMTP
    line_length_limit = 65_536  # of the buffer; a longer line comes in parts

    def __init__(self, house: House) -> None:
        """Take what is shared."""
        self.house = house
        self.client = ""
        self.refused_count = 0
        self.is_taking = False
        super().__init__(
            _Hooks(house),
            data_size_limit=house.limits.body_bytes,
            enable_SMTPUTF8=True,
            hostname=house.name,
            ident="Newsletter",
            tls_context=house.tls,
            timeout=house.limits.idle,
            authenticator=_refuse_login,
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; TLS begins once more, on the same connection."""
        if not self.client:
            self.client = _client_of(transport)
            if not self.house.admit(self):
                assert isinstance(transport, asyncio.WriteTransport)
                transport.write(b"421 4.7.0 Too many connections, come back later\r\n")
                transport.close()
                return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """End; a client that was not admitted had no session."""
        self.house.dismiss(self)
        if self.session is not None:
            super().connection_lost(error)

    async def push(self, status: AnyStr) -> None:
        """Answer; 421 is the last word (RFC 5321 §3.8)."""
        await super().push(status)
        if self.transport is not None and status[:3] in ("421", b"421"):
            self.transport.close()

    def leave(self) -> None:
        """Close the connection, unless a mail is just being taken: that is answered first."""
        if self.transport is not None and not self.is_taking:
            assert isinstance(self.transport, asyncio.WriteTransport)
            self.transport.write(b"421 4.3.2 Shutting down\r\n")
            self.transport.close()

    async def handle_exception(self, error: Exception) -> str:
        """Put off whatever broke us, without saying what it was."""
        _log.error("receiving_failed", error=type(error).__name__)
        return "451 4.3.0 Something went wrong here, come back later"

    @syntax("DATA")
    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        """Take a mail; one answer for all recipients, because it is kept for all of them or for none."""
        if await self.check_helo_needed():
            return
        if arg or self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("501 5.5.4 DATA has no argument" if arg else "503 5.5.1 Nobody to take it for")
            return
        self.is_taking = True
        try:
            await self.push("354 Go on")
            recipients = tuple(self.envelope.rcpt_tos)
            status = await self._take(recipients, self.envelope.mail_from or "")
            self.envelope = self._create_envelope()
            for _ in recipients if self.way is MailWay.LMTP else recipients[:1]:  # RFC 2033 §4.2
                await self.push(status)
        finally:
            self.is_taking = False
        if self.house.is_stopping:
            self.leave()

    async def _take(self, recipients: tuple[str, ...], sender: str) -> str:
        kept_bytes = KEPT_BYTES if self.house.held_bytes < self.house.limits.held_bytes else READ_BYTES
        self.house.held_bytes += kept_bytes
        try:
            raw, size = await self._body(kept_bytes)
            if size > self.house.limits.body_bytes and sender != _NOBODY:
                return "552 5.3.4 Too large"
            sender = "" if sender == _NOBODY else sender
            mail = Mail(raw=raw, size_bytes=size, recipients=recipients, sender=sender, peer=self.client)
            await self.house.keep(self.way, mail)
        except Exception as error:  # noqa: BLE001 - whatever it is, the mail is not kept and the client shall know
            _log.warning("mail_not_kept", way=self.way, error=type(error).__name__)
            return "451 4.3.0 Cannot keep it now, come back later"
        finally:
            self.house.held_bytes -= kept_bytes
        return "250 2.0.0 Kept"

    async def _body(self, kept_bytes: int) -> tuple[bytes, int]:
        """Read to the lone dot; return the first octets of the body and how many it has (RFC 5321 §4.5.2)."""
        self._reset_timeout(self.house.limits.body)
        kept, size, begins_line = bytearray(), 0, True
        while (piece := await self._piece()) != _END or not begins_line:
            if begins_line and piece.startswith(b"."):
                piece = piece[1:]
            size += len(piece)
            kept += piece[: kept_bytes - len(kept)]
            begins_line = piece.endswith(b"\r\n")
        self._reset_timeout()
        return bytes(kept), size

    async def _piece(self) -> bytes:
        """Return a line with its end, or a part of one that is longer than the buffer."""
        try:
            return await self._reader.readuntil(b"\r\n")
        except asyncio.LimitOverrunError as error:
            return await self._reader.readexactly(error.consumed)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Return a path and what follows it; None for both when it is none."""
        found = _PATH.fullmatch(arg)
        if found is None or len(found[1]) > _PATH_CHARS:
            return None, None
        path = found[1]
        if path.startswith("@"):  # a route, to be ignored (RFC 5321 §4.1.1.3)
            path = path.partition(":")[2]
        return path or _NOBODY, found[2]


class LmtpDialogue(SmtpDialogue):
    """Speak LMTP with one client: our own mail server, which limits its clients itself."""

    way = MailWay.LMTP

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, hostname: str) -> None:  # noqa: N802 - aiosmtpd's name
        """Greet (RFC 2033 §4.1)."""
        await super().smtp_EHLO(hostname)

    async def smtp_HELO(self, _hostname: str) -> None:  # noqa: N802
        """Refuse SMTP's greeting."""
        await self.push("500 5.5.1 This is LMTP: say LHLO")

    async def smtp_EHLO(self, _hostname: str) -> None:  # noqa: N802
        """Refuse SMTP's greeting."""
        await self.push("500 5.5.1 This is LMTP: say LHLO")


class _Hooks:
    """Answer to greetings, senders and recipients; the names are aiosmtpd's."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Offer what we do: answers come in the order of the commands, and nobody logs in here."""
        session.host_name = hostname
        return [
            responses[0],
            "250-PIPELINING",
            *(each for each in responses[1:] if not each.startswith("250-AUTH")),
        ]

    async def handle_MAIL(  # noqa: N802
        self, server: SmtpDialogue, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Begin a mail, unless its client has brought too many."""
        if self._house.is_stopping:
            return "421 4.3.2 Shutting down"
        if server.way is MailWay.SMTP and not self._house.desk.may_bring(server.client):
            return "451 4.7.0 Too much mail from there, come back later"
        envelope.mail_from = address
        return "250 2.1.0 Go on"

    async def handle_RCPT(  # noqa: N802
        self, server: SmtpDialogue, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take an address of ours; what we never gave away is refused before its mail comes."""
        if len(envelope.rcpt_tos) >= _RECIPIENTS_MAX:
            return "452 4.5.3 Too many recipients"
        standing = await self._standing(address)
        if standing is not Standing.OURS:
            return self._refuse(server, standing)
        if not self._house.desk.has_room(address):
            return "450 4.2.1 Too much mail for that address, come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Go on"

    async def _standing(self, address: str) -> Standing:
        """Look at the keys again before refusing: a newer one may have signed that address."""
        standing = self._house.desk.standing(address)
        if standing is Standing.UNKNOWN:
            await self._house.refresh()
            standing = self._house.desk.standing(address)
        return standing

    def _refuse(self, server: SmtpDialogue, standing: Standing) -> str:
        server.refused_count += 1
        if server.way is MailWay.SMTP and server.refused_count > self._house.limits.refused_recipients:
            return "421 4.7.0 Too many unknown addresses"
        if standing is Standing.ELSEWHERE:
            return "550 5.7.1 We take no mail for that domain"
        return "550 5.1.1 No such address"


def _refuse_login(*_: object) -> AuthResult:
    return AuthResult(success=False)


def _client_of(transport: asyncio.BaseTransport) -> str:
    """Return the IP address of the other side."""
    peer = transport.get_extra_info("peername")
    host = str(peer[0]) if isinstance(peer, tuple) else "local"
    return host.partition("%")[0]  # without the zone of a link-local one
