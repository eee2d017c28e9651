"""Join what readers have had, from the picks of all the mailings that reached them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


class History:
    """Hold what many readers have had, in one mailing's age space (domain/selection.py), and when.

    A rhythm counts by cut-offs: a mail that is late changes none.
    """

    def __init__(self, *, highest: int) -> None:
        """Begin with nothing; ``highest`` is that of the mailing that is chosen for."""
        self._highest = highest
        self._masks: dict[int, int] = {}
        self._again: dict[int, int] = {}
        self._last_at: dict[int, datetime] = {}
        self.mails_of_late: dict[int, int] = {}  # how many of the last 24 hours, over all newsletters

    def add(
        self,
        had: Iterable[tuple[int, bytes]],
        *,
        highest_then: int,
        cut_off_at: datetime | None,
        missed: bytes | None = None,
    ) -> None:
        """Add another mailing, those with older cut-offs first: the readers who had it, each with the picks.

        Articles newer than this mailing's highest fall off: they cannot be candidates. ``cut_off_at`` None: it is no
        digest of this newsletter, and so no part of anybody's rhythm. ``missed`` are what it told once more.
        """
        shift = self._highest - highest_then
        masks, last_at, read = self._masks, self._last_at, int.from_bytes
        get = masks.get
        if missed:
            had = list(had)
            self._add_again(had, read(missed, "big"), shift)
        if cut_off_at is None:
            for reader, picks in had:
                mask = read(picks, "big")
                masks[reader] = get(reader, 0) | (mask << shift if shift >= 0 else mask >> -shift)
            return
        for reader, picks in had:
            mask = read(picks, "big")
            masks[reader] = get(reader, 0) | (mask << shift if shift >= 0 else mask >> -shift)
            last_at[reader] = cut_off_at

    def _add_again(self, had: Iterable[tuple[int, bytes]], missed: int, shift: int) -> None:
        for reader, picks in had:
            mask = int.from_bytes(picks, "big") & missed
            if mask:
                mask = mask << shift if shift >= 0 else mask >> -shift
                self._again[reader] = self._again.get(reader, 0) | mask

    def of(self, reader: int, *, signup_number: int | None) -> int:
        """Return the mask of a reader; the article that the reader signed up from counts as had."""
        mask = self._masks.get(reader, 0)
        if signup_number is not None and signup_number <= self._highest:
            mask |= 1 << (self._highest - signup_number)
        return mask

    def again(self, reader: int) -> int:
        """Return the mask of what a reader was told once more."""
        return self._again.get(reader, 0)

    def last_at(self, reader: int) -> datetime | None:
        """Return the cut-off of a reader's newest issue."""
        return self._last_at.get(reader)
