"""Run a real SMTP server that keeps what it receives and can refuse."""

from __future__ import annotations

import asyncio
import ssl
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.services.ports import free_port


@dataclass(frozen=True)
class Received:
    """One message as it came in."""

    mail_from: str
    rcpt_to: str
    message: bytes
    at: datetime


@dataclass
class Sink:
    """Hold what came in, and how to answer. ``refused`` are messages that were read and then turned down.

    ``refuse_rcpt`` and ``refuse_data`` map addresses to replies such as "550 5.1.1 no such user"; ``answer_delay``
    is how long the answer to the final dot takes, in seconds, after the message was kept.
    """

    port: int = field(default_factory=free_port)
    messages: list[Received] = field(default_factory=list)
    refused: list[Received] = field(default_factory=list)
    refuse_rcpt: dict[str, str] = field(default_factory=dict)
    refuse_data: dict[str, str] = field(default_factory=dict)
    answer_delay: float = 0.0
    login: tuple[str, str] | None = None
    tls: ssl.SSLContext | None = None
    is_implicit_tls: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _controller: Controller | None = None

    def start(self) -> None:
        """Begin to listen on 127.0.0.1."""
        self._controller = _Controller(self)
        self._controller.start()

    def stop(self) -> None:
        """Stop listening; what came in stays."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def clear(self) -> None:
        """Forget messages and refusals."""
        self.messages.clear()
        self.refused.clear()
        self.refuse_rcpt.clear()
        self.refuse_data.clear()

    def to(self, address: str) -> list[Received]:
        """Return the messages that an address got."""
        return [received for received in list(self.messages) if received.rcpt_to == address]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Accept or refuse a recipient."""
        if address in self.refuse_rcpt:
            return self.refuse_rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a message, or refuse it."""
        (address,) = envelope.rcpt_tos
        received = Received(
            envelope.mail_from or "",
            address,
            envelope.original_content or b"",
            datetime.now(UTC),  # noqa: TID251 - when it really came
        )
        if address in self.refuse_data:
            self.refused.append(received)
            return self.refuse_data[address]
        with self._lock:
            self.messages.append(received)
        await asyncio.sleep(self.answer_delay)
        return "250 2.0.0 kept"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: LoginPassword
    ) -> AuthResult:
        """Check user and password."""
        return AuthResult(success=(data.login.decode(), data.password.decode()) == self.login, handled=False)


class _Controller(Controller):
    def __init__(self, sink: Sink) -> None:
        super().__init__(
            sink,
            hostname="127.0.0.1",
            port=sink.port,
            ssl_context=sink.tls if sink.is_implicit_tls else None,
        )
        self._sink = sink

    def factory(self) -> SMTP:
        """Make the server of one connection."""
        sink = self._sink
        tls = None if sink.is_implicit_tls else sink.tls
        return SMTP(
            sink,
            hostname="sink.test",
            data_size_limit=20_000_000,
            tls_context=tls,
            require_starttls=tls is not None,
            auth_required=sink.login is not None,
            auth_require_tls=False,
            authenticator=sink.authenticate if sink.login else None,
        )
