"""Make what readers with the same stories share: the subject, the preheader, the link to the web, the pieces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from newsletter.domain import layout
from newsletter.domain.rendered import FrozenIssue
from newsletter.mime import compile as compiled
from newsletter.mime import headers, quoted_printable
from newsletter.mime.compile import (
    FIRST_OF_DIGEST,
    Library,
    Slot,
    SlotKind,
)
from newsletter.mime.pieces import Piece, Segments, Template, merged
from newsletter.sending.links import Stamps

_KEPT = 64  # digests whose pieces are joined, 65 KB each: those of a broadcast are few, and others come once
_KEPT_HEADLINES = (
    4_096  # a kilobyte each: of 60 stories a reader's first three are mostly among the first ten
)


@dataclass(frozen=True)
class Headline:
    """Hold what readers with the same first three stories share: subject, title and preheader in slot order."""

    values: tuple[bytes, ...]


class Digest:
    """Hold what readers with the same stories share. It is joined as far as it goes when it is met again."""

    __slots__ = ("is_merged", "segments", "values")

    def __init__(self, segments: Segments, headline: Headline, view: bytes, arm: bytes) -> None:
        self.segments = segments
        self.values = (*headline.values, view, arm)
        self.is_merged = False

    def merge(self) -> None:
        """Fill in what is the same for all readers of this digest, and join it."""
        known = dict(enumerate(self.values, FIRST_OF_DIGEST))
        pieces = chain.from_iterable(segment.pieces for segment in self.segments)
        self.segments = (Template(merged(pieces, known)),)
        self.is_merged = True

    def message(self, values: Sequence[bytes]) -> bytes:
        """Return a message; ``values`` are those of all slots, in their order."""
        out: list[bytes] = []
        for segment in self.segments:
            out += segment.fill(values)
        return b"".join(out)


class Digests:
    """Make the digests of an issue from readers' picks."""

    def __init__(self, issue: FrozenIssue, library: Library, *, language: str = "") -> None:
        """Take the library of the issue; ``language`` is that of its blocks, when it is not the newsletter's."""
        self._issue = issue
        self._view_end = f"/{language}".encode("ascii") if language else b""
        self._library = library
        self._stories = issue.in_mail_order
        # Articles that are named below a story are picked with it, and stand for it.
        self._rank_of = {
            number: rank for rank, story in enumerate(self._stories) for number in story.candidate.told
        } | {story.number: rank for rank, story in enumerate(self._stories)}
        self._ranks_of_octets: dict[int, tuple[int, ...]] = {}
        self._headlines: dict[tuple[int, tuple[int, ...]], Headline] = {}
        self._kept: dict[tuple[bytes, int, int], Digest] = {}

    @property
    def slots(self) -> frozenset[Slot]:
        """Return the slots of the blocks."""
        return self._library.slots

    def of(self, picks: bytes, stamps: Stamps, arm: int) -> Digest:
        """Return the digest of picks with the subject of an arm, and with the links of a window.

        Windows of the same key have the same links.
        """
        key = picks, stamps.links_key, arm
        digest = self._kept.get(key)
        if digest is None:
            digest = self.made(picks, stamps, arm)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[key] = digest
        elif not digest.is_merged:
            digest.merge()
        return digest

    def made(
        self,
        picks: bytes,
        stamps: Stamps,
        arm: int,
        *,
        head: Sequence[Piece] | None = None,
        counted_as: str | None = None,
    ) -> Digest:
        """Return a digest that is not kept; ``head`` stands for the library's own header.

        ``counted_as`` stands at the end of its links instead of what names the arm.
        """
        ranks = self.ranks(picks)
        link = quoted_printable.clean(stamps.view.sign(0, picks) + self._view_end)
        end = b""
        if Slot.ARM in self._library.slots:
            end = compiled.encode(stamps.arm(arm) if counted_as is None else counted_as, SlotKind.URL)
        return Digest(
            self._library.digest(ranks, head=head), self._headline(tuple(ranks[:3]), arm), link, end
        )

    def ranks(self, picks: bytes) -> list[int]:
        """Return the places of picked stories in the order of the mail; bit k is article number ``highest - k``."""
        known = self._ranks_of_octets
        found: set[int] = set()
        for place, octet in enumerate(reversed(picks)):
            if octet:
                ranks = known.get(place << 8 | octet)
                found.update(self._learn(place, octet) if ranks is None else ranks)
        return sorted(found)

    def subject(self, picks: bytes, arm: int) -> str:
        """Return the subject of a digest as text."""
        stories = [self._stories[rank] for rank in self.ranks(picks)[:1]]
        return layout.subject(stories, self._issue.subjects, arm)

    def _learn(self, place: int, octet: int) -> tuple[int, ...]:
        numbers = [self._issue.highest - place * 8 - bit for bit in range(8) if octet >> bit & 1]
        ranks = tuple(self._rank_of[number] for number in numbers if number in self._rank_of)
        self._ranks_of_octets[place << 8 | octet] = ranks
        return ranks

    def _headline(self, ranks: tuple[int, ...], arm: int) -> Headline:
        headline = self._headlines.get((arm, ranks))
        if headline is None:
            if len(self._headlines) >= _KEPT_HEADLINES:
                self._headlines.clear()
            headline = self._headlines[arm, ranks] = self._new_headline(ranks, arm)
        return headline

    def _new_headline(self, ranks: Sequence[int], arm: int) -> Headline:
        """Subject and preheader come from the first three stories, or the subject from the editors."""
        stories = [self._stories[rank] for rank in ranks]
        subject = layout.subject(stories, self._issue.subjects, arm)
        values = (
            compiled.encode(text, kind) if slot in self._library.slots else b""
            for slot, text, kind in (
                (Slot.TITLE_PLAIN, subject, SlotKind.PLAIN_TEXT),
                (Slot.TITLE_HTML, subject, SlotKind.HTML_TEXT),
                (Slot.PREHEADER_PLAIN, layout.preheader(stories), SlotKind.PLAIN_TEXT),
                (Slot.PREHEADER_HTML, layout.preheader(stories), SlotKind.HTML_TEXT),
            )
        )
        return Headline((headers.text("Subject", subject), *values))
