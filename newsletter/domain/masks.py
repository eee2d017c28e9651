"""Work on masks of bits, held as whole numbers: take them from one space of bits to another, and cut them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import islice
from operator import getitem, itemgetter, or_


class Translation:
    """Take masks from one space of bits to another: each bit set stands for a mask there, and they are joined.

    Eight bits are looked up at a time. A history of a week has a hundred bits set, and one step for each would be
    most of the work of choosing.
    """

    def __init__(self, meanings: Mapping[int, int]) -> None:
        """Take the mask that each bit stands for; bits without one stand for nothing."""
        self._known = sum(1 << position for position in meanings)
        self._size = (self._known.bit_length() + 7) // 8
        self._octets = sorted({position // 8 for position in meanings})
        self._tables = [_table(meanings, octet) for octet in self._octets]
        octets = self._octets or [0]
        # As a rule they are without gaps, but for a member of long ago or two; of one alone no tuple would be made.
        is_dense = len(octets) == octets[-1] + 1 - octets[0]
        self._pick = itemgetter(slice(octets[0], None)) if is_dense else itemgetter(*octets)

    def __call__(self, bits: int) -> int:
        """Return the union of what the bits stand for."""
        bits &= self._known
        if not bits:
            return 0
        octets: Sequence[int] = self._pick(bits.to_bytes(self._size, "little"))
        return reduce(or_, map(getitem, self._tables, octets))

    def of_lowest(self, bits: int, count: int) -> int:
        """Return the union of what the lowest ``count`` bits stand for."""
        octets = (bits & self._known).to_bytes(self._size, "little")
        union = 0
        for octet, table in zip(self._octets, self._tables, strict=True):
            eight = octets[octet]
            if (size := _SIZE[eight]) >= count:
                return union | table[_LOWEST[count][eight]]
            union |= table[eight]
            count -= size
        return union


def _table(meanings: Mapping[int, int], octet: int) -> list[int]:
    """Return what each of the 256 values of an octet stands for."""
    table = [0]
    for position in range(octet * 8, octet * 8 + 8):
        meaning = meanings.get(position, 0)
        table += [union | meaning for union in table]
    return table


def bits_of(mask: int) -> Iterator[int]:
    """Yield the positions of set bits, lowest first."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length() - 1
        mask ^= lowest


def trimmed(mask: int) -> bytes:
    """Return a mask as octets without leading zeros; b"" when no bit is set."""
    return mask.to_bytes((mask.bit_length() + 7) // 8, "big")


# Of each octet: how many bits are set; of each count up to eight: what is left of each octet with its lowest bits.
_SIZE = [octet.bit_count() for octet in range(256)]
_LOWEST = [
    [sum(1 << position for position in islice(bits_of(octet), count)) for octet in range(256)]
    for count in range(9)
]
