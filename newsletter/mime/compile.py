"""Encode the blocks of an issue once; make a reader's message by joining them.

A block is cut at the marks of the reader's fields. The pieces between are encoded once; each value is encoded for
where it stands: in HTML (text and attributes alike, quotes are escaped too) or in the plain text.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from newsletter.domain import rendered
from newsletter.domain.layout import Placement
from newsletter.domain.rendered import ReaderField, RenderedBlock
from newsletter.mime import quoted_printable

Pieces = tuple[bytes | ReaderField, ...]

_PART = (
    b"\r\n--%b\r\nContent-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
)


@dataclass(frozen=True)
class Values:
    """Hold the values of a message, encoded for both parts."""

    html: Mapping[ReaderField, bytes]
    text: Mapping[ReaderField, bytes]


@dataclass(frozen=True)
class _Block:
    html: Pieces
    text: Pieces


class Library:
    """Hold all blocks of an issue, encoded; thousands of messages are joined from it."""

    def __init__(self, blocks: Iterable[RenderedBlock], *, nonce: str) -> None:
        """Encode the blocks; ``nonce`` is the one that their marks were made with."""
        self._blocks = {
            Placement(block.kind, block.key, block.style): _Block(
                pieces(block.html, nonce=nonce), pieces(block.text, nonce=nonce)
            )
            for block in blocks
        }

    def body(self, placements: Sequence[Placement], values: Values, *, boundary: str) -> bytes:
        """Return Content-Type, the blank line and both parts: everything after the other header fields."""
        blocks = [self._blocks[placement] for placement in placements]
        line = boundary.encode()
        out = [alternative(boundary), _PART % (line, b"plain")]
        out += _joined((block.text for block in blocks), values.text)
        out.append(_PART % (line, b"html"))
        out += _joined((block.html for block in blocks), values.html)
        out.append(b"\r\n--%b--\r\n" % line)
        return b"".join(out)


def alternative(boundary: str) -> bytes:
    """Return the header fields of a message in two alternatives, with the blank line that ends the header."""
    return f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode(
        "ascii"
    )


def encode_values(values: Mapping[ReaderField, str]) -> Values:
    """Encode values for both parts."""
    text = {field: quoted_printable.value(value) for field, value in values.items()}
    escaped = {field: html.escape(value) for field, value in values.items()}
    return Values(
        {
            field: text[field] if value == values[field] else quoted_printable.value(value)
            for field, value in escaped.items()
        },
        text,
    )


def pieces(text: str, *, nonce: str) -> Pieces:
    """Cut a block at its marks and encode what stands between."""
    parts = rendered.marks(nonce).split(text)
    return tuple(
        ReaderField(part) if position % 2 else quoted_printable.block(part)
        for position, part in enumerate(parts)
        if part
    )


def whole(text: str, html_text: str, *, boundary: str) -> bytes:
    """Return the body of a message that has no marks, from Content-Type on."""
    line = boundary.encode()
    return b"".join(
        (
            alternative(boundary),
            _PART % (line, b"plain"),
            quoted_printable.block(text),
            _PART % (line, b"html"),
            quoted_printable.block(html_text),
            b"\r\n--%b--\r\n" % line,
        )
    )


def _joined(blocks: Iterable[Pieces], values: Mapping[ReaderField, bytes]) -> list[bytes]:
    return [piece if isinstance(piece, bytes) else values[piece] for block in blocks for piece in block]
