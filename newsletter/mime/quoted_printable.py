"""Encode quoted-printable so that pieces can be joined in any order (RFC 2045 §6.7).

Every piece starts and ends at column 0: after a line's end or after a soft break. So no value of a reader can change
the text around it, and no line is longer than 76 octets. A dot or "From " at the start of a line is encoded: no
message ever needs dot-stuffing (RFC 5321 §4.5.2), and no mailbox format quotes it. No two blanks stand side by side
and no line ends with one: what is encoded here is its own relaxed form and can be signed as it is (RFC 6376 §3.4.4).
"""

from __future__ import annotations

import re

LINE = 75  # octets; the soft break's "=" is the 76th
SOFT_BREAK = b"=\r\n"
_ENCODED = [b"=%02X" % octet for octet in range(256)]
_BREAK = re.compile(r"\r\n|\r|\n")
# The second of two blanks, a blank at the end, and whatever cannot stand as it is; "=" is encoded before.
_CLOSED = re.compile(rb"  | \Z|[^ -~]")
_OPEN = re.compile(rb"  |[^ -~]")  # a soft break follows: a blank at the end is safe as it is
_CLEAN = re.compile(r"(?!\.|From )[!-<>-~]+(?: [!-<>-~]+)*")
_CARE = re.compile(rb"\.|From ")


def block(text: str) -> bytes:
    """Encode a text with its line ends; the result starts and ends at column 0.

    A text that does not end with a line end is closed by a soft break, which a reader's client takes out again.
    """
    *lines, rest = _BREAK.split(text)
    encoded = b"".join([_wrapped(_CLOSED.sub(_octet, _octets(line))) + b"\r\n" for line in lines])
    return encoded + _open(rest)


def value(text: str) -> bytes:
    """Encode a reader's value as lines of its own between two soft breaks; b"" for an empty one.

    Line ends in it are encoded too, as octets: a value never makes a line.
    """
    if len(text) <= LINE and _CLEAN.fullmatch(text):  # most names, addresses and links
        return text.encode("ascii") + SOFT_BREAK
    return _open(text)


def clean(octets: bytes) -> bytes:
    """Close and, where it is long, break what holds letters, digits, "-" and "_" only, as ``value`` does it."""
    return octets + SOFT_BREAK if len(octets) <= LINE else _wrapped(octets) + SOFT_BREAK


def _open(text: str) -> bytes:
    return _wrapped(_OPEN.sub(_octet, _octets(text))) + SOFT_BREAK if text else b""


def _octets(text: str) -> bytes:
    """Encode "=", of which every attribute of a tag has one, at one stroke."""
    return text.encode().replace(b"=", b"=3D")


def _octet(found: re.Match[bytes]) -> bytes:
    octets = found[0]
    return b" =20" if len(octets) == 2 else _ENCODED[octets[0]]


def _wrapped(encoded: bytes) -> bytes:
    """Break what is encoded into lines, and encode what may not stand at the start of one."""
    lines = []
    while True:
        if _CARE.match(encoded):
            encoded = _ENCODED[encoded[0]] + encoded[1:]
        if len(encoded) <= LINE:
            lines.append(encoded)
            return SOFT_BREAK.join(lines)
        cut = _cut(encoded)
        lines.append(encoded[:cut])
        encoded = encoded[cut:]


def _cut(encoded: bytes) -> int:
    """Return where the first line ends: never inside one encoded octet."""
    start = encoded.rfind(b"=", LINE - 2, LINE)
    return LINE if start < 0 else start
