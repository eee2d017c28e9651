"""Encode what an issue's messages share once; make a reader's message by joining it with the reader's values.

A message is a list of pieces: octets that stand as they are, and the numbers of slots. Where a slot stands decides its
kind, and the kind decides how a value is written there; a place where a value could change the text around it is
refused. Pieces begin and end at column 0, so any order of them is a message.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from itertools import chain

from markupsafe import escape

from newsletter.domain import layout, places, rendered
from newsletter.domain.errors import TemplateError
from newsletter.domain.layout import HeadingKey, Placement, StoryStyle
from newsletter.domain.places import Place
from newsletter.domain.rendered import BlockKind, ReaderField, RenderedBlock
from newsletter.mime import quoted_printable
from newsletter.mime.pieces import Piece, Pieces, Plain, Segments, Template

_PART = (
    b"\r\n--%b\r\nContent-Type: text/%b; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
)
_LINK = re.compile(r"[!-;=?-~]*")  # what may stand in an address (RFC 3986 §2), without < and >


class SlotKind(Enum):
    """Say how a value is written where it stands.

    The header's are whole fields, because folding and encoded words depend on all that stands in one.
    """

    HEADER_WORD = auto()  # Subject: text that becomes encoded words where it is not plain (headers.text)
    MAILBOX = auto()  # To: a name and an address (headers.mailbox)
    URL = auto()  # the end of a link whose beginning all readers share: letters, digits, "-" and "_"
    HTML_TEXT = auto()
    HTML_ATTRIBUTE = auto()  # a quoted one
    PLAIN_TEXT = auto()


class Slot(IntEnum):
    """Number the slots of a message: a message's values stand in this order."""

    TO = 0
    NAME_PLAIN = 1
    NAME_HTML = 2
    ADDRESS_PLAIN = 3
    ADDRESS_HTML = 4
    MESSAGE_ID = 5
    UNSUBSCRIBE_TOKEN = 6  # in the header, where nothing may break it
    UNSUBSCRIBE_LOCAL = 7
    UNSUBSCRIBE_URL = 8
    PREFERENCES_URL = 9
    DATE = 10
    DELIVERY = 11
    SUBJECT = 12
    TITLE_PLAIN = 13
    TITLE_HTML = 14
    PREHEADER_PLAIN = 15
    PREHEADER_HTML = 16
    VIEW_URL = 17
    ARM = 18  # the end of counted links, where subjects are tested


FIRST_OF_DIGEST = Slot.SUBJECT  # from here on the values are the same for readers with the same stories

_PLAIN = {
    ReaderField.NAME: Slot.NAME_PLAIN,
    ReaderField.ADDRESS: Slot.ADDRESS_PLAIN,
    ReaderField.TITLE: Slot.TITLE_PLAIN,
    ReaderField.PREHEADER: Slot.PREHEADER_PLAIN,
}
_HTML = {
    ReaderField.NAME: Slot.NAME_HTML,
    ReaderField.ADDRESS: Slot.ADDRESS_HTML,
    ReaderField.TITLE: Slot.TITLE_HTML,
    ReaderField.PREHEADER: Slot.PREHEADER_HTML,
}
_URLS = {
    ReaderField.UNSUBSCRIBE_URL: Slot.UNSUBSCRIBE_URL,
    ReaderField.PREFERENCES_URL: Slot.PREFERENCES_URL,
    ReaderField.VIEW_URL: Slot.VIEW_URL,
    ReaderField.ARM: Slot.ARM,
}
_SLOTS = {
    SlotKind.URL: _URLS,
    SlotKind.HTML_TEXT: _HTML,
    SlotKind.HTML_ATTRIBUTE: _HTML,
    SlotKind.PLAIN_TEXT: _PLAIN,
}


@dataclass(frozen=True)
class Links:
    """Hold addresses that all readers of an issue share, and the beginnings of those that end with a token.

    ``story`` returns the counted link of an article by its number; it may end with the mark of ARM.
    """

    whole: Mapping[ReaderField, str] = field(default_factory=dict)
    beginnings: Mapping[ReaderField, str] = field(default_factory=dict)
    story: Callable[[int], str] | None = None


def kind_of(mark: ReaderField, place: Place | None) -> SlotKind:
    """Return the kind of a slot from its field and where it stands; None is the plain text.

    Raise TemplateError for a place where a value could change the text around it.
    """
    fault = None if place is None else places.fault(mark, place)
    if fault is not None:
        raise _misplaced(mark, fault)
    if mark in _URLS:
        return SlotKind.URL
    if place is None:
        return SlotKind.PLAIN_TEXT
    return SlotKind.HTML_TEXT if place is Place.TEXT else SlotKind.HTML_ATTRIBUTE


def encode(value: str, kind: SlotKind) -> bytes:
    """Write a value for a slot of the body; the kinds of the header are fields, see ``headers``."""
    match kind:
        case SlotKind.PLAIN_TEXT:
            return quoted_printable.value(value)
        case SlotKind.HTML_TEXT | SlotKind.HTML_ATTRIBUTE:
            return quoted_printable.value(str(escape(value)))
        case SlotKind.URL:
            return quoted_printable.value(_checked(value))
        case SlotKind.HEADER_WORD | SlotKind.MAILBOX:
            raise ValueError(f"{kind.name} is no slot of the body.")


def alternative(boundary: str) -> bytes:
    """Return the header fields of a message in two alternatives, with the blank line that ends the header."""
    return f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode(
        "ascii"
    )


def whole(text: str, html_text: str, *, boundary: str) -> bytes:
    """Return the body of a message that has no slots, from Content-Type on."""
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


def size(pieces: Iterable[Piece], values: Mapping[Slot, int]) -> int:
    """Return the octets of pieces when each slot's value has so many."""
    return sum(len(piece) if isinstance(piece, bytes) else values[Slot(piece)] for piece in pieces)


class Library:
    """Hold all blocks of an issue, encoded; thousands of messages are joined from it.

    Stories go by their place in the issue's order of the mail. Those from ``missed_from`` on are told once more.
    """

    def __init__(
        self,
        blocks: Iterable[RenderedBlock],
        *,
        nonce: str,
        order: Sequence[int],
        links: Links,
        boundary: str,
        head: Sequence[Piece] = (),
        missed_from: int | None = None,
    ) -> None:
        """Take the blocks; ``nonce`` is the one that their marks were made with, ``order`` are article numbers.

        ``head`` are the fields of the header that stand before those that say that the message has two parts.
        """
        encoder = _Encoder(nonce, links)
        placed = {Placement(block.kind, block.key, block.style): block for block in blocks}
        texts = _Encoded(
            {each: block.text for each, block in placed.items()}, encoder.text, encoder.is_marked
        )
        pages = _Encoded(
            {each: block.html for each, block in placed.items()}, encoder.page, encoder.is_marked
        )
        line = boundary.encode("ascii")
        end = len(order) if missed_from is None else missed_from
        text, page = _Part(texts, order, end), _Part(pages, order, end)
        self.slots = frozenset(Slot(slot) for part in (text, page) for slot in part.slots())
        self._text, self._page = text, page
        self._body = [alternative(boundary), _PART % (line, b"plain"), *text.head]
        self._start = Template([*head, *self._body])
        self._middle = Template([*text.foot, _PART % (line, b"html"), *page.head])
        self._end = Template([*page.foot, b"\r\n--%b--\r\n" % line])

    def digest(self, ranks: Sequence[int], *, head: Sequence[Piece] | None = None) -> Segments:
        """Return the message with these stories, in the order of the mail; ``head`` stands for the library's own."""
        start = self._start if head is None else Template([*head, *self._body])
        return start, self._text.stories(ranks), self._middle, self._page.stories(ranks), self._end

    def sizes(self, style: StoryStyle, values: Mapping[Slot, int]) -> list[int]:
        """Return the octets of each story in a style, but of none that is told once more.

        ``values`` are those of the slots.
        """
        both = zip(self._text.regular(style), self._page.regular(style), strict=True)
        return [size([*text, *page], values) for text, page in both]

    def frame_size(self, values: Mapping[Slot, int]) -> int:
        """Return the octets of a message without any story but those told once more, with all headings."""
        frame = (self._start, self._middle, self._end)
        pieces = [piece for template in frame for piece in template.pieces]
        for part in (self._text, self._page):
            pieces += [*part.more, *(piece for block in part.told_again() for piece in block)]
        return size(pieces, values)


class _Encoded(dict[Placement, Pieces]):
    """Hold blocks encoded: those with marks at once, so that a fault shows, the others when they are asked for.

    Of a thousand stories in three styles a drain may need a few. A block that is not there is empty.
    """

    def __init__(
        self,
        blocks: Mapping[Placement, str],
        encode: Callable[[str], Pieces],
        is_marked: Callable[[str], bool],
    ) -> None:
        super().__init__({each: encode(block) for each, block in blocks.items() if is_marked(block)})
        self._blocks, self._encode = blocks, encode

    def __missing__(self, placement: Placement) -> Pieces:
        block = self._blocks.get(placement)
        pieces = self[placement] = () if block is None else self._encode(block)
        return pieces

    def slots(self, *kinds: BlockKind) -> Iterator[int]:
        """Yield the slots of all blocks of some kinds."""
        for placement, pieces in self.items():  # a slot was a mark, so its block is there
            if placement.kind in kinds:
                yield from (piece for piece in pieces if isinstance(piece, int))


class _Stories(dict[int, bytes]):
    """Hold the stories in one style by rank: as pieces, and as octets for those without a slot."""

    def __init__(self, blocks: _Encoded, order: Sequence[int], style: StoryStyle) -> None:
        super().__init__()
        self._blocks = blocks
        self._placements = [Placement(BlockKind.STORY, str(number), style) for number in order]

    def __missing__(self, rank: int) -> bytes:
        octets = self[rank] = _joined(self.pieces(rank))
        return octets

    def pieces(self, rank: int) -> Pieces:
        return self._blocks[self._placements[rank]]

    def part(self, start: int, end: int | None = None) -> list[Pieces]:
        return [self._blocks[each] for each in self._placements[start:end]]


class _Part:
    """Hold the blocks of one alternative: of each style, the stories in the order of the mail."""

    def __init__(self, blocks: _Encoded, order: Sequence[int], missed_from: int) -> None:
        self._blocks_by_place, self._missed_from = blocks, missed_from
        self.head = (*blocks[Placement(BlockKind.FRAME_HEAD, "")], *blocks[Placement(BlockKind.NOTE, "")])
        self.foot = (*blocks[Placement(BlockKind.PERSONAL, "")], *blocks[Placement(BlockKind.FRAME_FOOT, "")])
        self.more = blocks[Placement(BlockKind.HEADING, HeadingKey.MORE)]
        self._missed = blocks[Placement(BlockKind.HEADING, HeadingKey.MISSED)]
        self._styles = {style: _Stories(blocks, order, style) for style in StoryStyle}
        self._lead, self._card, self._brief = (self._styles[style] for style in StoryStyle)
        self._has_slots = any(True for _ in blocks.slots(BlockKind.HEADING, BlockKind.STORY))
        self._more_octets, self._missed_octets = _joined(self.more), _joined(self._missed)

    def slots(self) -> Iterator[int]:
        """Yield the slots of all blocks that stand in a mail."""
        yield from (piece for piece in (*self.head, *self.foot) if isinstance(piece, int))
        yield from self._blocks_by_place.slots(BlockKind.HEADING, BlockKind.STORY)

    def regular(self, style: StoryStyle) -> Sequence[Pieces]:
        """Return the stories in a style, but none that is told once more."""
        return self._styles[style].part(0, self._missed_from)

    def told_again(self) -> Sequence[Pieces]:
        """Return what is told once more, with its heading; nothing when nothing is."""
        briefs = self._brief.part(self._missed_from)
        return [self._missed, *briefs] if briefs else []

    def stories(self, ranks: Sequence[int]) -> Template | Plain:
        """Return the stories of a digest, laid out as ``layout.arrange`` does it."""
        # What is told once more stands last, and with nothing before it, it is told like all others.
        cut = bisect_left(ranks, self._missed_from) or len(ranks)
        end = layout.cards_end(cut)
        if self._has_slots:
            return Template(chain.from_iterable(self._blocks(ranks, end, cut)))
        out = [*map(self._lead.__getitem__, ranks[:1]), *map(self._card.__getitem__, ranks[1:end])]
        if end < cut:
            out.append(self._more_octets)
            out += map(self._brief.__getitem__, ranks[end:cut])
        if cut < len(ranks):
            out.append(self._missed_octets)
            out += map(self._brief.__getitem__, ranks[cut:])
        return Plain(out)

    def _blocks(self, ranks: Sequence[int], end: int, cut: int) -> Iterator[Pieces]:
        yield from map(self._lead.pieces, ranks[:1])
        yield from map(self._card.pieces, ranks[1:end])
        if end < cut:
            yield self.more
        yield from map(self._brief.pieces, ranks[end:cut])
        if cut < len(ranks):
            yield self._missed
        yield from map(self._brief.pieces, ranks[cut:])


def _joined(block: Pieces) -> bytes:
    return b"".join(piece for piece in block if isinstance(piece, bytes))


class _Encoder:
    """Cut blocks at their marks and encode what stands between."""

    def __init__(self, nonce: str, links: Links) -> None:
        self._marks = rendered.marks(nonce)
        self._stories = rendered.story_marks(nonce)
        self._links = links

    def is_marked(self, block: str) -> bool:
        """Say whether a block has marks, or links that end with one."""
        if self._marks.search(block) is not None:
            return True
        link = self._stories.search(block)
        if link is None or self._links.story is None:
            return False
        return self._marks.search(self._links.story(int(link[1]))) is not None

    def text(self, block: str) -> Pieces:
        """Encode a block of the plain text."""
        block = self._linked(block, str)
        return self._pieces(block, ((mark, None) for mark in self._marks.finditer(block)))

    def page(self, block: str) -> Pieces:
        """Encode a block of the HTML."""
        block = self._linked(block, escape)
        return self._pieces(block, ((one.mark, one.place) for one in places.find(block, self._marks)))

    def _linked(self, block: str, written: Callable[[str], str]) -> str:
        """Return a block with the counted links of its articles, which end with a mark where subjects are tested."""
        story = self._links.story
        if story is None:
            return block
        return self._stories.sub(lambda found: written(story(int(found[1]))), block)

    def _pieces(self, block: str, marks: Iterable[tuple[re.Match[str], Place | None]]) -> Pieces:
        out: list[Piece] = []
        open_text, at = "", 0
        for mark, place in marks:
            found = ReaderField(mark[1])
            kind = kind_of(found, place)
            shared = self._links.whole.get(found, self._links.beginnings.get(found, ""))
            open_text += block[at : mark.start()] + (shared if place is None else str(escape(shared)))
            at = mark.end()
            if found not in self._links.whole:
                out += [quoted_printable.block(open_text), int(_SLOTS[kind][found])]
                open_text = ""
        return tuple(
            piece for piece in [*out, quoted_printable.block(open_text + block[at:])] if piece != b""
        )


def _checked(link: str) -> str:
    if not _LINK.fullmatch(link):
        raise ValueError("This is no address that can stand in a mail.")
    return link


def _misplaced(mark: ReaderField, fault: str) -> TemplateError:
    return TemplateError(
        f"A block of the issue cannot be mailed: the reader's {mark} {fault}.",
        template="",
        line=None,
        hint="Mend the template, and build the issue again.",
    )
