"""Encode quoted-printable so that pieces can be joined in any order (RFC 2045 §6.7).

Every piece starts and ends at column 0: after a line's end or after a soft break. So no value of a reader can change
the text around it, and no line is longer than 76 octets. A dot or "From " at the start of a line is encoded: no
message ever needs dot-stuffing (RFC 5321 §4.5.2), and no mailbox format quotes it.
"""

from __future__ import annotations

import re

_LINE = 75  # octets; the soft break's "=" is the 76th
SOFT_BREAK = b"=\r\n"
_ENCODED = [b"=%02X" % octet for octet in range(256)]
_PLAIN = [bytes((octet,)) for octet in range(256)]
_CLEAN = re.compile(rb"[!-<>-~]*")
_BREAK = re.compile(r"\r\n|\r|\n")


def block(text: str) -> bytes:
    """Encode a text with its line ends; the result starts and ends at column 0.

    A text that does not end with a line end is closed by a soft break, which a reader's client takes out again.
    """
    lines = _BREAK.split(text)
    encoded = b"".join(_line(line.encode()) + b"\r\n" for line in lines[:-1])
    rest = _line(lines[-1].encode(), is_open=True)
    return encoded + (rest + SOFT_BREAK if rest else b"")


def value(text: str) -> bytes:
    """Encode a reader's value as lines of its own between two soft breaks; b"" for an empty one.

    Line ends in it are encoded too, as octets: a value never makes a line.
    """
    octets = text.encode()
    if not octets:
        return b""
    if _CLEAN.fullmatch(octets):  # most addresses and links: nothing to encode, only to break
        lines = [octets[start : start + _LINE] for start in range(0, len(octets), _LINE)]
        if not any(map(_needs_care, lines)):
            return SOFT_BREAK.join(lines) + SOFT_BREAK
    return _line(octets, is_open=True) + SOFT_BREAK


def _line(octets: bytes, *, is_open: bool = False) -> bytes:
    """Encode one line without its end; ``is_open``: a soft break follows, so a last blank is safe as it is."""
    pieces: list[bytes] = []
    column = 0
    last = -1 if is_open else len(octets) - 1
    for position, octet in enumerate(octets):
        piece = _piece(octet, is_last=position == last)
        if column + len(piece) > _LINE:
            pieces.append(SOFT_BREAK)
            column = 0
        if column == 0 and _needs_care(octets[position : position + 5]):
            piece = _ENCODED[octet]
        pieces.append(piece)
        column += len(piece)
    return b"".join(pieces)


def _piece(octet: int, *, is_last: bool) -> bytes:
    if 33 <= octet <= 126 and octet != 61:
        return _PLAIN[octet]
    return _PLAIN[octet] if octet == 32 and not is_last else _ENCODED[octet]


def _needs_care(start: bytes) -> bool:
    return start.startswith((b".", b"From "))
