"""Cut a message into its parts, however it is built, in time that grows with its length only.

The parser of the standard library recurses into nested parts and raises on some malformed ones; mail that comes back
is often both. This one goes a few levels deep and leaves the rest as it is.
"""

from __future__ import annotations

import html
import re
from binascii import a2b_qp
from dataclasses import dataclass
from functools import cached_property

from newsletter.domain.arrivals import READ_BYTES
from newsletter.mime.inbound.fields import BLOCK_MAX, Fields, decoded, from_base64, parameters

TEXT_MAX = 32_768  # octets of one part that are read as text: notices are short
_DEPTH_MAX = 6  # levels of multiparts; real reports have two, forwarded ones three
_PARTS_MAX = 50
_KIND = re.compile(r"\s*\"?([\w+-]{1,50}/[\w.+-]{1,80})")
_BOM = b"\xef\xbb\xbf"
_BARE_BOUNDARY = re.compile(rb"^--(\S[^\n]{0,69})\n(?=Content-|\n)", re.MULTILINE | re.IGNORECASE)
_BLOCK_TAG = re.compile(r"<(?:br|/?p|/?div|/?tr|/?li|/?h\d|/?pre|/?table|hr)\b[^<>]*>", re.IGNORECASE)
_HIDDEN = re.compile(r"<(/|(?=body\b))?(?:style|script|head|title|body)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<(?=[a-zA-Z/!?])(?![^<>\s]*@)[^<>]*>")


@dataclass
class Part:
    """Hold one leaf of a message: its fields, its type in lower case, and its body as it was sent."""

    fields: Fields
    type: str
    body: bytes

    @cached_property
    def content(self) -> bytes:
        """Return the body without its transfer encoding, cut to what is read."""
        most = TEXT_MAX if self.type.startswith("text/") else READ_BYTES
        encoding = self.fields.first("content-transfer-encoding").lower()
        if "base64" in encoding:
            return from_base64(self.body[: 2 * most])[:most]
        if "quoted-printable" in encoding:
            return a2b_qp(self.body[: 3 * most])[:most]
        return self.body[:most]

    @cached_property
    def text(self) -> str:
        """Return the content as text; HTML loses its tags."""
        charset = parameters(self.fields.first("content-type")).get("charset", "")
        text = decoded(self.content, charset).replace("\r\n", "\n").replace("\xa0", " ")
        return without_tags(text) if self.type == "text/html" else text


@dataclass
class Mail:
    """Hold a message: its own fields, its type with parameters, and its leaves in order."""

    fields: Fields
    type: str
    parameters: dict[str, str]
    parts: list[Part]

    def of_type(self, *types: str) -> Part | None:
        """Return the first leaf of one of these types."""
        return next((part for part in self.parts if part.type in types), None)


def parse(raw: bytes) -> Mail:
    """Read a message; only its first octets are seen."""
    head, body = _cut(_normal(raw[:READ_BYTES]))
    fields = Fields(head)
    kind, settings = _type(fields)
    parts: list[Part] = []
    _collect(Part(fields, kind, body), parts, depth=0)
    return Mail(fields, kind, settings, parts)


def header_block(octets: bytes) -> Fields:
    """Read the fields a returned message begins with."""
    return Fields(_cut(_normal(octets))[0])


def without_tags(text: str) -> str:
    """Return what a reader sees of HTML, roughly: one line for each block."""
    first, *rest = _HIDDEN.split(text)  # then pairs of: does the tag open what is seen, and the text after it
    seen = [first, *(after for opens, after in zip(rest[::2], rest[1::2], strict=True) if opens is not None)]
    text = _BLOCK_TAG.sub("\n", "".join(seen))
    return html.unescape(_TAG.sub("", text)).replace("\xa0", " ")


def _normal(octets: bytes) -> bytes:
    """Return lines that end in LF, without NUL, BOM, mbox line or blank lines at the start."""
    octets = (
        octets.replace(b"\0", b"").replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    )
    octets = octets.removeprefix(_BOM).lstrip(b"\n")
    if octets.startswith((b"From ", b">From ")):
        octets = octets.partition(b"\n")[2]
    return octets


def _cut(octets: bytes) -> tuple[str, bytes]:
    if octets.startswith(b"\n"):
        return "", octets[1:]
    head, _, body = octets.partition(b"\n\n")
    return decoded(head[:BLOCK_MAX]), body


def _type(fields: Fields) -> tuple[str, dict[str, str]]:
    value = fields.first("content-type")
    kind = _KIND.match(value)
    return kind.group(1).lower() if kind else "text/plain", parameters(value)


def _collect(part: Part, parts: list[Part], *, depth: int) -> None:
    """Add the leaves of a part; what is too deep, or has no boundary that occurs, is a leaf itself."""
    children = _children(part) if part.type.startswith("multipart/") and depth < _DEPTH_MAX else []
    if not children and len(parts) < _PARTS_MAX:
        parts.append(part)
    for child in children:
        head, body = _cut(child)
        fields = Fields(head)
        _collect(Part(fields, _type(fields)[0], body), parts, depth=depth + 1)


def _children(part: Part) -> list[bytes]:
    boundary = (
        parameters(part.fields.first("content-type")).get("boundary", "").encode("utf-8", "replace").strip()
    )
    body = b"\n" + part.body
    if not boundary or b"\n--" + boundary not in body:
        bare = _BARE_BOUNDARY.search(part.body)
        if not bare:
            return []
        boundary = bare.group(1).rstrip()
    chunks = body.split(b"\n--" + boundary, _PARTS_MAX)[1:]
    children = []
    for chunk in chunks:
        if chunk.startswith(b"--"):
            break
        children.append(chunk.partition(b"\n")[2])
    return children
