"""Turn octets into text, although the declared character set is often wrong."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_IN_TYPE = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_IN_PROLOG = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)")
# Character sets of real feeds. Python knows others (idna, unicode_escape, utf-7) that a stranger must not choose.
_KNOWN = (
    "iso8859",
    "cp",
    "koi8",
    "mac",
    "gb",
    "big5",
    "shift_jis",
    "euc",
    "tis",
    "utf-8",
    "utf-16",
    "utf-32",
)
_SEVEN_BIT = ("iso2022_jp", "iso2022_kr", "hz")  # look like ASCII, so they go before the test for UTF-8
_LATIN = {"iso8859-1": "cp1252", "ascii": "cp1252"}  # as browsers do: 0x80-0x9f are letters and quotes
# What XML 1.0 §2.2 forbids; a strict parser stops at each.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def text_of(body: bytes, content_type: str) -> str:
    """Return the text of a document, without control characters.

    A byte-order mark decides; then whatever is valid UTF-8 is UTF-8, because no other text is so by chance; then
    the header's character set, then the document's own, then windows-1252.
    """
    for mark, name in _MARKS:
        if body.startswith(mark):
            return _clean(body.removeprefix(codecs.BOM_UTF8).decode(name, "replace"))
    for name in _candidates(body, content_type):
        try:
            return _clean(body.decode(name))
        except UnicodeDecodeError:
            continue
    return _clean(body.decode("cp1252", "replace"))


def _candidates(body: bytes, content_type: str) -> list[str]:
    in_type, in_prolog = _IN_TYPE.search(content_type), _IN_PROLOG.match(body[:1000])
    declared = [_codec(in_type[1]) if in_type else None]
    declared.append(_codec(in_prolog[1].decode("ascii", "replace")) if in_prolog else None)
    names = [name for name in declared if name]
    first = [name for name in names if name in _SEVEN_BIT]
    if body[:2] in (b"<\0", b"{\0"):
        first.append("utf-16-le")
    elif body[:2] in (b"\0<", b"\0{"):
        first.append("utf-16-be")
    return [*first, "utf-8", *names]


def _codec(name: str) -> str | None:
    """Return Python's name of a character set; None when it is unknown or not for strangers."""
    try:
        found = codecs.lookup(name).name
    except LookupError:
        return None
    found = _LATIN.get(found, found)
    return found if found.startswith(_KNOWN) or found in _SEVEN_BIT else None


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("", text.removeprefix("\ufeff"))
