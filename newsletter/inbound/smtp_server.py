"""Receive mail by SMTP and LMTP: who it is for is asked at RCPT, and 250 is said when it is kept.

Nothing is ever sent from here. After DATA a mail without a sender is kept or put off, never refused: that would make
a bounce of a bounce at the other side (RFC 5321 §4.5.5).
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter as Tally
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from newsletter.domain import networks
from newsletter.domain.arrivals import MailWay
from newsletter.domain.errors import InvalidInput
from newsletter.inbound.dialogue import Desk, Limits, LmtpDialogue, SmtpDialogue
from newsletter.inbound.mail import Mail
from newsletter.runtime import logs

_KEEPERS = 2  # threads that wait for the database: more would only wait for each other on SQLite
_REFRESH_EVERY = 60.0  # seconds: how long a retired key goes on being good here
_GRACE = 8.5  # seconds for mails that are just coming in, as senders have for answers
_DIALOGUES = {MailWay.SMTP: SmtpDialogue, MailWay.LMTP: LmtpDialogue}
_log = logs.get(__name__)


@dataclass(frozen=True)
class Certificate:
    """Name the PEM files of a certificate with its chain, and of its key; None: that stands in the same file."""

    certificate: Path
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return what encrypts with them; raise InvalidInput when they cannot be used."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            self.load_into(context)
        except (OSError, ValueError) as error:  # SSLError is an OSError
            raise InvalidInput(
                f"The certificate {self.certificate} cannot be used ({error}).",
                hint="Check NEWSLETTER_RECEIVE_CERTIFICATE and NEWSLETTER_RECEIVE_KEY; both are PEM files.",
                reason="bad_certificate",
            ) from error
        return context

    def load_into(self, context: ssl.SSLContext) -> None:
        """Read the files as they are now."""
        context.load_cert_chain(self.certificate, self.key)


class Server:
    """Answer on any number of ports; ``desk`` decides."""

    def __init__(
        self, desk: Desk, *, name: str, certificate: Certificate | None = None, limits: Limits | None = None
    ) -> None:
        """Prepare; ``name`` stands in the greeting."""
        self.desk = desk
        self.name = name
        self.limits = limits or Limits()
        self.tls = certificate.context() if certificate else None
        self.is_stopping = False
        self.held_bytes = 0
        self._certificate = certificate
        self._listeners: list[asyncio.Server] = []
        self._dialogues: set[SmtpDialogue] = set()
        self._clients: Tally[str] = Tally()
        self._keepers = ThreadPoolExecutor(_KEEPERS, thread_name_prefix="keep")

    async def listen(self, way: MailWay, host: str, port: int) -> int:
        """Answer on a port, 0 for any; return it. Raise InvalidInput when it cannot be had."""
        dialogue = _DIALOGUES[way]
        try:
            server = await asyncio.get_running_loop().create_server(lambda: dialogue(self), host, port)
        except OSError as error:
            raise InvalidInput(
                f"{way.upper()} cannot listen on {host}:{port} ({error.strerror or error}).",
                hint=f"Check NEWSLETTER_RECEIVE_{way.upper()}, and who else listens there.",
                reason="bad_port",
            ) from error
        self._listeners.append(server)
        taken: int = server.sockets[0].getsockname()[1]
        _log.info("listening", way=way, host=host, port=taken)
        return taken

    async def run(self, told_to_stop: asyncio.Event) -> None:
        """Keep the keys and the certificate fresh until told to stop; then stop."""
        while not told_to_stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(_REFRESH_EVERY):
                    await told_to_stop.wait()
            await self.refresh()
            self._refresh_certificate()
        await self.stop()

    async def stop(self) -> None:
        """Take no more mail, answer for what is just coming in, and close the connections."""
        self.is_stopping = True
        for listener in self._listeners:
            listener.close()
        for dialogue in list(self._dialogues):
            dialogue.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                while self._dialogues:
                    await asyncio.sleep(0.05)
        for dialogue in list(self._dialogues):
            if dialogue.transport is not None:
                dialogue.transport.close()
        self._keepers.shutdown(wait=False)

    def admit(self, dialogue: SmtpDialogue) -> bool:
        """Take a client in; False when there are too many, or too many of the same."""
        client = networks.limit_key(dialogue.client)
        is_greedy = (
            dialogue.way is MailWay.SMTP and self._clients[client] >= self.limits.connections_of_client
        )
        if is_greedy or len(self._dialogues) >= self.limits.connections:
            return False
        self._dialogues.add(dialogue)
        self._clients[client] += 1
        return True

    def dismiss(self, dialogue: SmtpDialogue) -> None:
        """Forget a client; harmless when it was not admitted."""
        if dialogue not in self._dialogues:
            return
        self._dialogues.discard(dialogue)
        client = networks.limit_key(dialogue.client)
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]

    async def refresh(self) -> None:
        """Let the desk look at the keys again; without a database the old ones stay."""
        try:
            await asyncio.to_thread(self.desk.refresh)
        except Exception as error:  # noqa: BLE001 - what is known goes on being good
            _log.warning("keys_not_refreshed", error=type(error).__name__)

    async def keep(self, way: MailWay, mail: Mail) -> None:
        """Let the desk keep a mail, in a thread."""
        await asyncio.get_running_loop().run_in_executor(self._keepers, self.desk.keep, way, mail)

    def _refresh_certificate(self) -> None:
        if self._certificate is None or self.tls is None:
            return
        try:
            self._certificate.load_into(self.tls)
        except (OSError, ValueError) as error:
            _log.warning("certificate_not_refreshed", error=type(error).__name__)
