"""Read header fields as the world writes them: folded, encoded, broken. Nothing here raises."""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Mapping

BLOCK_MAX = 65_536  # characters of one header block that are looked at; real ones have a few thousand
_FIELD = re.compile(r"^([!-9;-~]{1,100})[ \t]*:[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)
_FOLD = re.compile(r"\n[ \t]+")
_WORD = re.compile(r"=\?([\w.:+-]{1,40})(?:\*[\w-]{1,20})?\?([bBqQ])\?([^?\n]{0,2000})\?=")
_BETWEEN_WORDS = re.compile(r"(?<=\?=)\s+(?==\?)")
_PARAMETER = re.compile(
    r"[;\s]\s*([\w-]{1,40})(?:\*\d{0,3}\*?)?\s*=\s*(?:\"((?:[^\"\\]|\\.){0,500})\"|([^\s;\"]{1,500}))"
)
_SHIFTING = ("iso-2022", "csiso2022")  # charsets that write other letters in ASCII octets
# Charsets of mail. Python's other codecs transform instead of decode, take quadratic time (punycode, idna), or leave
# halves of characters (UTF-7).
_CHARSET = re.compile(
    r"(?:utf-?8|iso|csiso|us-ascii|windows|cp|koi8|big5|gb|euc|shift|x-sjis|sjis|ms|mac|tis"
    r"|latin|ks)[\w.:-]*"
)


def decoded(octets: bytes, charset: str = "") -> str:
    """Return text: what is valid UTF-8 is that, whatever was named; else in the charset named, else Latin-1.

    NUL is left out: a database would refuse it.
    """
    octets = octets.replace(b"\0", b"")
    name = charset.strip().lower()
    try:
        if not (octets.isascii() and name.startswith(_SHIFTING)):
            return octets.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return octets.decode(name if _CHARSET.fullmatch(name) else "latin-1", "replace")
    except (LookupError, ValueError):
        return octets.decode("latin-1")


def from_base64(octets: bytes) -> bytes:
    """Undo base64, as far as it goes."""
    whole = re.sub(rb"[^A-Za-z0-9+/]", b"", octets)
    try:
        return a2b_base64(whole[: len(whole) - (len(whole) % 4 == 1)] + b"==")
    except Base64Error:
        return b""


def words(value: str) -> str:
    """Decode the encoded words of a field (RFC 2047); what is no encoded word stays."""
    if "=?" not in value:
        return value
    return _WORD.sub(_word, _BETWEEN_WORDS.sub("", value))


def _word(found: re.Match[str]) -> str:
    charset, encoding, text = found.groups()
    octets = text.encode("utf-8", "surrogateescape")
    plain = from_base64(octets) if encoding in "bB" else a2b_qp(octets, header=True)
    return decoded(plain, charset)


class Fields:
    """Hold the fields of one header block in their order; names are caseless, values unfolded."""

    __slots__ = ("_values",)

    def __init__(self, block: str) -> None:
        """Take whatever looks like a field; other lines are passed over."""
        values: dict[str, list[str]] = {}
        for name, value in pairs(block[:BLOCK_MAX]):
            values.setdefault(name, []).append(value)
        self._values: Mapping[str, list[str]] = values

    def __bool__(self) -> bool:
        return bool(self._values)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def all(self, *names: str) -> list[str]:
        """Return the values of some fields (names in lower case), first all of the first name."""
        return [value for name in names for value in self._values.get(name, ())]

    def first(self, *names: str) -> str:
        """Return the first value of the first of these fields that is there, or nothing."""
        for name in names:
            if name in self._values:
                return self._values[name][0]
        return ""

    def text(self, *names: str) -> str:
        """Return the same with its encoded words read."""
        return words(self.first(*names))

    def names(self) -> list[str]:
        """Return the names, in lower case."""
        return list(self._values)


def pairs(block: str) -> list[tuple[str, str]]:
    """Return (name in lower case, unfolded value) for each field of a block."""
    return [(name.lower(), _FOLD.sub(" ", value).strip()) for name, value in _FIELD.findall(block)]


def parameters(value: str) -> dict[str, str]:
    """Return the parameters of a structured field; of pieces (RFC 2231) the first is enough here."""
    found: dict[str, str] = {}
    for name, quoted, bare in _PARAMETER.findall(value[:4000]):
        found.setdefault(name.lower(), quoted.replace("\\", "") or bare)
    return found
