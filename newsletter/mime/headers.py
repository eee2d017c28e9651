"""Write header fields, ASCII and folded, that mean to every client what we meant.

The standard library's EmailMessage is not used: it turns long List-Unsubscribe and Feedback-ID fields into encoded
words, which Gmail refuses (5.7.1), and loses blanks in long subjects outside ASCII.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime

from newsletter.domain.errors import InvalidInput

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_URI = re.compile(r"(?:https?://|mailto:)[!-;=?-~]+")
_PLAIN = re.compile(r'[^"\\]*')  # what needs no backslash in a quoted string
_LABEL = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_LINE = 76
_LINE_WANTED = 78  # RFC 5322 §2.1.1
_LINE_MAX = 998
_URI_MAX = 900
_WORD = 75  # RFC 2047 §2
_WORD_FRAME = len("=?utf-8?b?") + len("?=")
_QUOTED_MAX = 62  # with its quotes
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def text(name: str, words: str) -> bytes:
    """Return an unstructured field, such as Subject; encoded words where the text is not ASCII (RFC 2047)."""
    cleaned = _clean(words)
    if cleaned.isascii() and "=?" not in cleaned:
        lines = _folded(name, cleaned)
        if all(len(line) <= _LINE_WANTED for line in lines):
            return _field("\r\n".join(lines))
    return _field(f"{name}: {_encoded_words(cleaned, first=len(name) + 2)}")


def mailbox(name: str, display: str, address: str) -> bytes:
    """Return a field with exactly one address, such as From; the display name may be empty."""
    if not _ADDRESS.fullmatch(address):
        raise _refused(name, "is no address that can stand in a header")
    shown = _clean(display)
    if not shown:
        return _whole(name, f"<{address}>", len(address) + 2)
    phrase = _phrase(shown, first=len(name) + 2)
    used = len(f"{name}: {phrase}".rpartition("\n")[2]) + len(address) + 3
    return _field(f"{name}: {phrase}{' ' if used <= _LINE else _FOLD}<{address}>")


def uris(name: str, *targets: str) -> bytes:
    """Return a List-* field; it folds beside addresses only, and is never encoded (RFC 2369 §2)."""
    if not all(_URI.fullmatch(target) and len(target) <= _URI_MAX for target in targets):
        raise _refused(name, "is no URI that can stand in a header")
    first, *others = [f"<{target}>" for target in targets]
    return _whole(name, first + "".join(f",{_FOLD}{other}" for other in others), len(first) + bool(others))


def list_id(phrase: str, identifier: str) -> bytes:
    """Return the List-Id field: a name for people and a stable identifier (RFC 2919)."""
    if not _LABEL.fullmatch(identifier):
        raise _refused("List-Id", "is no identifier of a list")
    words = _phrase(_clean(phrase), first=len("List-Id: "))
    used = len(f"List-Id: {words}".rpartition("\n")[2]) + len(identifier) + 3
    return _field(f"List-Id: {words}{' ' if used <= _LINE else _FOLD}<{identifier}>")


def token(name: str, value: str) -> bytes:
    """Return a structured field as it is, such as Message-ID or Feedback-ID: ASCII, never encoded, never cut."""
    if not value.isascii() or _CONTROL.search(value) or len(name) + 2 + len(value) > _LINE_MAX:
        raise _refused(name, "cannot stand in a header")
    return _whole(name, value, len(value))


def date(instant: datetime) -> bytes:
    """Return the Date field in UTC (RFC 5322 §3.3), whatever the process's locale."""
    at = instant.astimezone(UTC)
    day = f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year}"
    return _field(f"Date: {day} {at:%H:%M:%S} +0000")


_FOLD = "\r\n "


def _field(line: str) -> bytes:
    return (line + "\r\n").encode("ascii")


def _whole(name: str, value: str, first: int) -> bytes:
    """Write a value that cannot be cut; it moves to a line of its own when it then fits there.

    ``first`` is the length of the value's first line.
    """
    is_moved = len(name) + 2 + first > _LINE_WANTED >= 1 + first
    return _field(f"{name}:{_FOLD if is_moved else ' '}{value}")


def _clean(words: str) -> str:
    if _CONTROL.search(words):
        raise InvalidInput(
            "A header would hold a control character.",
            hint="Take line breaks out of it.",
            reason="header_injection",
        )
    return " ".join(words.split())


def _folded(name: str, words: str) -> Sequence[str]:
    lines, line = [], f"{name}:"
    for word in words.split(" "):
        if len(line) + 1 + len(word) > _LINE and line != f"{name}:":
            lines.append(line)
            line = ""
        line += f" {word}"
    return [*lines, line]


def _phrase(words: str, *, first: int) -> str:
    if words.isascii() and "=?" not in words:
        quoted = f'"{words}"' if _PLAIN.fullmatch(words) else '"' + re.sub(r'(["\\])', r"\\\1", words) + '"'
        if len(quoted) <= _QUOTED_MAX:
            return quoted
    return _encoded_words(words, first=first)


def _encoded_words(words: str, *, first: int) -> str:
    """Return B words of at most 75 characters, a line each, never cutting a character in two (RFC 2047 §5)."""
    octets = words.encode("utf-8", "replace")
    room = (max(_WORD - first, 24) - _WORD_FRAME) // 4 * 3
    if 0 < len(octets) <= room:
        return f"=?utf-8?b?{b64encode(octets).decode('ascii')}?="
    chunks = _chunks(words, room)
    return _FOLD.join(f"=?utf-8?b?{b64encode(chunk).decode()}?=" for chunk in chunks if chunk)


def _chunks(words: str, room: int) -> Sequence[bytes]:
    """Cut a text into the octets of whole characters; ``room`` is that of the first chunk."""
    chunks: list[bytes] = []
    chunk = b""
    for char in words:
        octets = char.encode("utf-8", "replace")
        if len(chunk) + len(octets) > room:
            chunks.append(chunk)
            chunk, room = b"", (_WORD - _WORD_FRAME) // 4 * 3
        chunk += octets
    return [*chunks, chunk]


def _refused(name: str, what: str) -> InvalidInput:
    return InvalidInput(f"A value of {name} {what}.", hint="Check the settings.", reason="bad_header")
