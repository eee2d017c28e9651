"""Read the replies of an SMTP server as they come in, in whatever pieces (RFC 5321 §4.2)."""

from __future__ import annotations

import re
from typing import NamedTuple

from newsletter.domain.outcomes import SmtpReply

# A line has at most 512 octets (RFC 5321 §4.5.3.1.5) and some servers write more; what is far beyond is no reply.
_LINE_MAX = 4096
_REPLY_MAX = 65_536  # octets of all lines of one reply: an EHLO has some twenty lines
_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])([^\n]*?))?\r?\n")


class MalformedReply(Exception):
    """Say that what came in is no reply: nobody can know what it answers."""


class Reply(NamedTuple):
    """Hold the code and the lines of one reply as they came."""

    code: int
    lines: tuple[bytes, ...]

    @property
    def is_positive(self) -> bool:
        """Say whether it is a yes: the first digit decides (RFC 5321 §4.2.1)."""
        return 200 <= self.code < 300

    @property
    def is_refusal(self) -> bool:
        """Say whether it is a no, for now or for good."""
        return self.code >= 400

    @property
    def words(self) -> str:
        """Return it on one line, for a person."""
        parsed = self.parsed()
        return " ".join(filter(None, (str(parsed.code), parsed.enhanced, parsed.text)))

    def parsed(self) -> SmtpReply:
        """Return it in the vocabulary of the service."""
        return SmtpReply.parse(self.code, b"\n".join(self.lines))


class ReplyReader:
    """Cut a stream of octets into replies. ``is_clean``: no part of a reply waits for the rest."""

    __slots__ = ("_code", "_held", "_lines", "_seen", "_size", "is_clean")

    def __init__(self) -> None:
        self.is_clean = True
        self._held = b""
        self._seen = 0  # octets of ``_held`` known to have no line end
        self._lines: list[bytes] = []
        self._code = b""
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take octets."""
        self._held += data
        self.is_clean = not (self._held or self._lines)

    def next(self) -> Reply | None:
        """Return the next reply; None when it is not complete. Raise MalformedReply for what is none."""
        while (end := self._held.find(b"\n", self._seen)) >= 0:
            line, self._held, self._seen = self._held[: end + 1], self._held[end + 1 :], 0
            if self._take(line):
                reply = Reply(int(self._code), tuple(self._lines))
                self._lines, self._size = [], 0
                self.is_clean = not self._held
                return reply
        self._seen = len(self._held)
        if self._seen > _LINE_MAX:
            raise MalformedReply("a line has no end")
        return None

    def _take(self, line: bytes) -> bool:
        """Add a line; True when it is the last one of its reply."""
        found = _LINE.fullmatch(line)
        if not found or len(line) > _LINE_MAX:
            raise MalformedReply("a line is no reply")
        code, mark, text = found.groups()
        if self._lines and code != self._code:
            raise MalformedReply("the lines of a reply have several codes")
        self._size += len(line)
        if self._size > _REPLY_MAX:
            raise MalformedReply("a reply has no end")
        self._code = code
        self._lines.append(text or b"")
        return mark != b"-"
