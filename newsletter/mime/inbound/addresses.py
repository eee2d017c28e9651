"""Find mail addresses in what machines and people write, and undo what mail servers do to them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.mime.inbound.fields import Fields, words

# Looser than RFC 5321 §4.1.2: addresses with two dots in a row are in use and come back (docomo, au).
_APART = r"\s<>()\[\]:;,\"`|@\\{}*“”„«»‹›「」『』＜＞（）【】、。：；，"  # never within an address
ADDRESS = (
    rf"(?<![^=\'{_APART}])(?:\"[^\"@\n]{{1,64}}\"|(?!==)[^'{_APART}][^{_APART}]{{0,127}})"
    r"@(?:\[[\dA-Fa-f.:IPv]{3,50}\]|(?=[^\W_])(?:[\w-]{1,63}\.){0,10}[\w-]{1,63})"
)
PATTERN = re.compile(ADDRESS)
_TYPED = re.compile(r"\A\s*[\w/+-]{1,30}\s*;\s*(?:(?=[^@]{0,200}\bsmtp:)[^@]{0,200}\bsmtp:)?", re.IGNORECASE)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
# Mailboxes of machines and of those who run them (RFC 2142): named in a notice, they are whom to ask.
_OF_MACHINES = re.compile(
    r"(?:post[-_]?master|mailer-?daemon|mail-?daemon|maildaemon|hostmaster|abuse|no-?reply"
    r"|do-?not-?reply|help-?desk|support)@",
    re.IGNORECASE,
)


def find(text: str) -> list[str]:
    """Return the addresses in a text, each once, in order."""
    if "@" not in text:
        return []
    return list(dict.fromkeys(tidy(address) for address in PATTERN.findall(text)))


def in_fields(fields: Fields, *names: str) -> list[str]:
    """Return the addresses in some fields."""
    return find(", ".join(words(value) for value in fields.all(*names)))


def tidy(address: str) -> str:
    """Return an address without what sticks to it in running text."""
    return address.strip().strip("<>").rstrip(".").removeprefix("mailto:").removeprefix("SMTP=")


def of_field(value: str) -> str:
    """Read a typed address of a report (RFC 3464 §2.3.1), xtext and utf-8 forms undone; "" when it has none."""
    typed = _TYPED.match(value)
    kind = value.partition(";")[0].strip().lower() if typed else ""
    bare = value[typed.end() :] if typed else value
    if kind == "utf-8":
        bare = _UNITEXT.sub(lambda code: _character(int(code.group(1), 16)), bare)
    found = find(bare)
    return found[0] if found else ""


def undo_xtext(address: str) -> str:
    """Undo the escapes of RFC 3461 §4; only servers that forget to do so themselves leave them."""
    return _XTEXT.sub(lambda code: chr(int(code.group(1), 16)), address)


def is_of_machine(address: str) -> bool:
    """Say whether nobody subscribes with this address."""
    return bool(_OF_MACHINES.match(address))


def folded(addresses: Iterable[str]) -> frozenset[str]:
    """Return addresses in a form that compares."""
    return frozenset(address.lower() for address in addresses)


def _character(code: int) -> str:
    return chr(code) if 0x20 <= code < 0xD800 or 0xDFFF < code < 0x110000 else ""
