"""Stand behind our receiver in its tests: a desk in memory, and a client that speaks octets."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

from newsletter.domain.arrivals import MailWay
from newsletter.inbound.dialogue import Standing
from newsletter.inbound.mail import Mail

OURS, OTHER = "b-1@in.post.example", "b-2@in.post.example"
REPORT = b"Subject: Undelivered\r\n\r\n.a dot\r\nNo such user.\r\n"


class Away(Exception):
    """Stand for a database that is away."""


@dataclass
class Ledger:
    """Keep mail in memory, and know two addresses."""

    kept: list[tuple[MailWay, Mail]] = field(default_factory=list)
    known: set[str] = field(default_factory=lambda: {OURS, OTHER})
    after_refresh: set[str] = field(default_factory=set)
    refresh_count: int = 0
    is_away: bool = False
    brought_max: int = 1_000
    seconds: float = 0.0

    def standing(self, recipient: str) -> Standing:
        if recipient.rpartition("@")[2] != "in.post.example":
            return Standing.ELSEWHERE
        return Standing.OURS if recipient in self.known else Standing.UNKNOWN

    def may_bring(self, client: str) -> bool:
        assert client == "127.0.0.1"
        self.brought_max -= 1
        return self.brought_max >= 0

    def has_room(self, recipient: str) -> bool:
        return recipient != OTHER or not self.is_away

    def refresh(self) -> None:
        self.refresh_count += 1
        self.known |= self.after_refresh

    def keep(self, way: MailWay, mail: Mail) -> None:
        time.sleep(self.seconds)
        if self.is_away:
            raise Away
        self.kept.append((way, mail))


@dataclass
class Line:
    """Speak octets, where smtplib is too polite."""

    port: int

    def __post_init__(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self.file = self.socket.makefile("rb")
        self.greeting = self.read()

    def say(self, octets: bytes) -> bytes:
        """Send octets and return the answer to them."""
        self.socket.sendall(octets)
        return self.read()

    def begin(self, recipient: str = OURS) -> None:
        """Come to the body of a mail without a sender."""
        self.say(b"EHLO mx.example.net\r\n")
        self.say(b"MAIL FROM:<>\r\n")
        self.say(f"RCPT TO:<{recipient}>\r\n".encode())
        assert self.say(b"DATA\r\n").startswith(b"354")

    def read(self) -> bytes:
        """Return one answer, b"" at the end of the connection."""
        lines = [self.file.readline()]
        while lines[-1][3:4] == b"-":
            lines.append(self.file.readline())
        return b"".join(lines)

    def close(self) -> None:
        self.file.close()
        self.socket.close()
