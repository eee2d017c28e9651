"""Join octets that stand as they are with the values of slots: thousands of messages from the same pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

Piece = bytes | int  # octets, or the number of a slot
Pieces = tuple[Piece, ...]


def merged(pieces: Iterable[Piece], values: Mapping[int, bytes]) -> list[Piece]:
    """Fill the slots that have a value here, and join the octets that then stand side by side."""
    out: list[Piece] = []
    run: list[bytes] = []
    for piece in pieces:
        octets = piece if isinstance(piece, bytes) else values.get(piece)
        if octets is not None:
            run.append(octets)
            continue
        out += [joined, piece] if (joined := b"".join(run)) else [piece]
        run = []
    return [*out, joined] if (joined := b"".join(run)) else out


class Template:
    """Hold pieces so that filling them in is a copy, one look-up of all values, and one assignment."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        """Take pieces in any order."""
        self.pieces = merged(pieces, {})
        slots = [piece for piece in self.pieces if isinstance(piece, int)]
        self._buffer = _alternating(self.pieces)
        self._pick = itemgetter(*slots) if len(slots) > 1 else lambda values: [values[slot] for slot in slots]

    def fill(self, values: Sequence[bytes]) -> list[bytes]:
        """Return the octets of a message, to be joined; ``values`` stand in the order of the slots."""
        out = self._buffer.copy()
        out[1::2] = self._pick(values)
        return out


@dataclass(frozen=True)
class Plain:
    """Hold pieces without a slot: the stories of a digest, as a rule."""

    pieces: list[bytes]

    def fill(self, values: Sequence[bytes]) -> list[bytes]:  # noqa: ARG002 - as that of a template
        """Return the octets."""
        return self.pieces


Segments = Sequence[Template | Plain]


def _alternating(pieces: Iterable[Piece]) -> list[bytes]:
    """Return the octets around the slots, each second place left for a slot's value."""
    out = [b""]
    for piece in pieces:
        if isinstance(piece, int):
            out += [b"", b""]
        else:
            out[-1] = piece
    return out
