"""Say where a relay is, how to log in, and how long to wait for it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

from newsletter.domain.relays import RelayKind, Tls


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Bound each wait, in seconds (RFC 5321 §4.5.3.2).

    ``block``: until the relay takes more of a message. ``dot``: until it answers the whole of it; with less than
    ten minutes, a slow relay makes messages uncertain.
    """

    connect: float = 30.0  # and the TLS handshake; no paragraph, but a relay is near
    banner: float = 300.0
    ehlo: float = 300.0  # and everything else before the first message
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    block: float = 180.0
    dot: float = 600.0
    quit: float = 2.0  # nothing depends on the answer

    def capped(self, limit: float) -> Timeouts:
        """Return the same with no wait above ``limit``."""
        return Timeouts(**{part.name: min(getattr(self, part.name), limit) for part in fields(self)})


@dataclass(frozen=True, kw_only=True)
class Relay:
    """Describe a relay.

    ``tls``: off, starttls (refuse to send in clear), opportunistic (STARTTLS when offered, certificate not
    checked, RFC 7435; no login without it), implicit (TLS from the first octet, RFC 8314).
    ``token`` is a bearer token (XOAUTH2). ``weight``: the share among several. ``messages_per_connection`` 0: no
    limit. ``rate`` in messages a second is for whoever feeds the engine. ``timeout`` caps every one of ``timeouts``.
    ``patience``: seconds until a relay that answered a part of a pipelined group is taken for one that cannot do it.
    """

    host: str
    port: int
    name: str = "relay"
    tls: Tls = "opportunistic"
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca_file: Path | None = None
    ehlo_name: str = ""
    kind: RelayKind = RelayKind.SMTP
    weight: int = 1
    connections: int = 10
    messages_per_connection: int = 1000
    rate: float | None = None
    timeout: float = 600.0
    timeouts: Timeouts = field(default_factory=Timeouts)
    idle_seconds: float = 60.0  # a relay hangs up after five minutes or less: be the first
    patience: float = 15.0

    @property
    def place(self) -> str:
        """Return where it is, for messages to a person."""
        return f"{self.host}:{self.port}"
