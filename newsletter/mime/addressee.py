"""Write a reader's name and address for every place of a message where they stand."""

from __future__ import annotations

import re

from markupsafe import escape

from newsletter.domain import layout
from newsletter.mime import headers, quoted_printable

# What is the same octets in a quoted string, in plain text, in HTML and in quoted-printable, and fits into one line:
# the names and addresses of most readers. One look at each tells.
_NAME = re.compile(r"(?!\.|From )[!#-%(-;?-\[\]-~]+(?: [!#-%(-;?-\[\]-~]+)*")
_NAME_MAX = 60
_ADDRESS = re.compile(r"(?!\.)[A-Za-z0-9.!#$%*+/?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_TO_FRAME = len('To: "" <>')
_LINE = 76


Addressee = tuple[bytes, bytes, bytes, bytes, bytes]  # values of the slots from TO to ADDRESS_HTML


def addressee(name: str, address: str, *, is_named: bool) -> Addressee:
    """Return what a message says of its reader; raise InvalidInput for an address that cannot stand in a header.

    ``is_named``: the body has the name in it. The quick ways write what the others do.
    """
    if len(address) > quoted_printable.LINE or not _ADDRESS.fullmatch(address):
        return _written(name, address, *_both(address), is_named=is_named)
    octets = address.encode("ascii")
    addressed = octets + quoted_printable.SOFT_BREAK
    if len(name) > min(_NAME_MAX, _LINE - _TO_FRAME - len(address)) or not _NAME.fullmatch(name):
        return _written(name, address, addressed, addressed, is_named=is_named)
    words = name.encode("ascii")
    named = words + quoted_printable.SOFT_BREAK
    return b'To: "%b" <%b>\r\n' % (words, octets), named, named, addressed, addressed


def _written(name: str, address: str, plain: bytes, escaped: bytes, *, is_named: bool) -> Addressee:
    """Write any name; a reader's name is what is left of it on one line."""
    line = layout.one_line(name)
    named = _both(line) if is_named else (b"", b"")
    return headers.mailbox("To", line, address), *named, plain, escaped


def _both(value: str) -> tuple[bytes, bytes]:
    plain, escaped = quoted_printable.value(value), str(escape(value))
    return plain, plain if escaped == value else quoted_printable.value(escaped)
