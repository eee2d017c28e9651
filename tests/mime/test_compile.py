"""Blocks are encoded once, and what stands in a slot stays in it."""

from __future__ import annotations

import email
import email.policy
import html
from collections.abc import Sequence
from html.parser import HTMLParser

import jinja2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from newsletter.domain import layout, rendered
from newsletter.domain.errors import TemplateError
from newsletter.domain.places import Place
from newsletter.domain.rendered import BlockKind, ReaderField, RenderedBlock
from newsletter.mime import compile as compiled
from newsletter.mime.compile import Library, Links, Slot, SlotKind
from newsletter.mime.pieces import Template, merged
from tests.mime.relaxed import relaxed

NONCE = "0a1b2c3d4e5f"
BOUNDARY = f"=_{NONCE}"
HEAD = b"From: <news@example.com>\r\n"
LINKS = Links(
    whole={ReaderField.ARCHIVE_URL: "https://news.example.com/archive/a&b"},
    beginnings={
        ReaderField.UNSUBSCRIBE_URL: "https://news.example.com/u/",
        ReaderField.PREFERENCES_URL: "https://news.example.com/p/",
        ReaderField.VIEW_URL: "https://news.example.com/v/",
    },
)
BODY_KINDS = {
    SlotKind.HTML_TEXT: "<p>{{ name }}</p>",
    SlotKind.HTML_ATTRIBUTE: '<p title="{{ name }}">x</p>',
    SlotKind.PLAIN_TEXT: "{{ name }}",
}
VALUES = (
    st.text(st.characters(codec="utf-8"), max_size=120)
    | st.text("a.= \t\r\n<>&\"'-/;:é🙂From", max_size=120)
    | st.sampled_from(["", "-->", "</p>", '"><script>', f"--{BOUNDARY}--", "{{ name }}", "=0D=0A", "&amp;"])
)
TOKENS = st.text("abcXYZ019-_", min_size=1, max_size=120)


def mark(field: ReaderField) -> str:
    return rendered.mark(NONCE, field)


def block(page: str, text: str = "", *, kind: BlockKind = BlockKind.PERSONAL, **over: str) -> RenderedBlock:
    values = {"key": "", "style": ""} | over
    return RenderedBlock(ordinal=0, kind=kind, html=page, text=text, **values)


def library(*blocks: RenderedBlock, order: Sequence[int] = ()) -> Library:
    return Library(blocks, nonce=NONCE, order=order, links=LINKS, boundary=BOUNDARY, head=[HEAD])


def values(**given: bytes) -> list[bytes]:
    return [given.get(slot.name, b"") for slot in Slot]


def message(made: Library, ranks: Sequence[int], filled: list[bytes]) -> bytes:
    return b"".join(octets for segment in made.digest(ranks) for octets in segment.fill(filled))


def parts(octets: bytes) -> tuple[str, str]:
    parsed = email.message_from_bytes(octets, policy=email.policy.default)
    assert parsed.keys() == ["From", "MIME-Version", "Content-Type"]
    text, page = parsed.iter_parts()
    return _lines(text.get_content()), _lines(page.get_content())


def both(field: str, value: str) -> dict[str, bytes]:
    return {
        f"{field}_PLAIN": compiled.encode(value, SlotKind.PLAIN_TEXT),
        f"{field}_HTML": compiled.encode(value, SlotKind.HTML_TEXT),
    }


def assert_prepared(octets: bytes) -> None:
    body = octets.partition(b"\r\n\r\n")[2]
    assert octets.isascii()
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert b"\r\n." not in octets
    assert octets.count(b"\n") == octets.count(b"\r") == octets.count(b"\r\n")
    assert octets.endswith(b"\r\n")
    assert relaxed(body) == body


class Shape(HTMLParser):
    """Collect what a client sees: tags with the names of their attributes, text and attributes' values."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[str]]] = []
        self.texts: list[str] = []
        self.attributes: list[str | None] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, [name for name, _ in attrs]))
        self.attributes += [value for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@given(VALUES, st.sampled_from(sorted(BODY_KINDS, key=lambda kind: kind.value)))
@example("one\r\n\r\ntwo", SlotKind.PLAIN_TEXT)
def test_a_value_of_the_body_reads_like_a_direct_render_and_changes_nothing_around_it(
    value: str, kind: SlotKind
) -> None:
    is_text = kind is SlotKind.PLAIN_TEXT
    source = f"before {BODY_KINDS[kind]} after\n"
    marked = source.replace("{{ name }}", mark(ReaderField.NAME))
    made = library(block("" if is_text else marked, marked if is_text else ""))

    octets = message(made, (), values(**both("NAME", value)))

    expected = jinja2.Environment(autoescape=not is_text, keep_trailing_newline=True)
    text, page = parts(octets)
    found = text if is_text else page
    assert_prepared(octets)
    assert found == _lines(expected.from_string(source).render(name=value))
    if not is_text and "\0" not in value:
        assert Shape(page).tags == [("p", ["title"] if kind is SlotKind.HTML_ATTRIBUTE else [])]


@given(TOKENS)
def test_the_end_of_a_link_reads_back_whole_wherever_it_stands(token: str) -> None:
    place = mark(ReaderField.VIEW_URL)
    made = library(block(f'<a href="{place}" title="{place}">{place}</a>', f"See {place}\n"))

    octets = message(made, (), values(VIEW_URL=compiled.encode(token, SlotKind.URL)))

    url = f"https://news.example.com/v/{token}"
    text, page = parts(octets)
    assert text == f"See {url}\n"
    assert page == f'<a href="{url}" title="{url}">{url}</a>'
    assert_prepared(octets)


def test_a_link_that_all_readers_share_is_part_of_the_block() -> None:
    place = mark(ReaderField.ARCHIVE_URL)

    made = library(block(f'<a href="{place}">x</a>\n', f"{place}\n"))

    text, page = parts(message(made, (), values()))
    assert made.slots == frozenset()
    assert text == "https://news.example.com/archive/a&b\n"
    assert page == '<a href="https://news.example.com/archive/a&amp;b">x</a>\n'


@pytest.mark.parametrize("kind", [SlotKind.HEADER_WORD, SlotKind.MAILBOX])
def test_the_kinds_of_the_header_are_no_kinds_of_the_body(kind: SlotKind) -> None:
    with pytest.raises(ValueError, match="no slot of the body"):
        compiled.encode("Ana", kind)


@pytest.mark.parametrize("token", ["a b", "a\r\nb", "<a>", "é", "a\0"])
def test_only_what_can_stand_in_an_address_ends_a_link(token: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        compiled.encode(token, SlotKind.URL)


@pytest.mark.parametrize(
    ("field", "place", "kind"),
    [
        (ReaderField.NAME, None, SlotKind.PLAIN_TEXT),
        (ReaderField.NAME, Place.TEXT, SlotKind.HTML_TEXT),
        (ReaderField.NAME, Place.ATTRIBUTE, SlotKind.HTML_ATTRIBUTE),
        (ReaderField.VIEW_URL, None, SlotKind.URL),
        (ReaderField.VIEW_URL, Place.TEXT, SlotKind.URL),
        (ReaderField.VIEW_URL, Place.ATTRIBUTE, SlotKind.URL),
        (ReaderField.VIEW_URL, Place.ADDRESS, SlotKind.URL),
    ],
)
def test_where_a_slot_stands_decides_its_kind(
    field: ReaderField, place: Place | None, kind: SlotKind
) -> None:
    assert compiled.kind_of(field, place) is kind


@pytest.mark.parametrize(
    "page",
    [
        "<style>.x { color: {} }</style>",
        "<script>var name = '{}'</script>",
        "<!-- {} -->",
        "<p title={}>x</p>",
        '<p style="color: {}">x</p>',
        '<p onclick="{}">x</p>',
        "<p {}>x</p>",
        '<a href="https://example.com/?n={}">x</a>',
    ],
)
def test_a_block_with_a_value_where_it_could_change_the_text_around_it_is_refused(page: str) -> None:
    with pytest.raises(TemplateError, match="name") as refused:
        library(block(page.replace("{}", mark(ReaderField.NAME))))

    assert refused.value.hint


@st.composite
def digests(draw: st.DrawFn) -> tuple[list[RenderedBlock], list[int], list[int]]:
    """Draw stories, some with the reader's name in them, their order in the mail, and what a reader gets of them."""
    numbers = draw(st.lists(st.integers(1, 40), min_size=1, max_size=9, unique=True))
    texts = st.text("ab .=\n-&<é", max_size=160)
    name = mark(ReaderField.NAME)
    blocks = [
        block(
            draw(st.sampled_from(["", f"<i>{name}</i>"]))
            + html.escape(draw(texts))
            + f"[{number} {style}]\n",
            draw(st.sampled_from(["", f"Dear {name}, "])) + draw(texts) + f"[{number} {style}]\n",
            kind=BlockKind.STORY,
            key=str(number),
            style=style,
        )
        for number in numbers
        for style in layout.StoryStyle
    ]
    picked = draw(st.lists(st.sampled_from(range(len(numbers))), min_size=1, unique=True))
    return blocks, numbers, sorted(picked)


FRAME = (
    block(f"<title>{mark(ReaderField.TITLE)}</title>\n", "Head\n", kind=BlockKind.FRAME_HEAD),
    block("<h2>More</h2>\n", "More\n", kind=BlockKind.HEADING, key="more"),
    block(f"<p>{mark(ReaderField.ADDRESS)}</p>\n", f"-- \n{mark(ReaderField.ADDRESS)}\n"),
    block("</html>\n", "Foot\n", kind=BlockKind.FRAME_FOOT),
)


@settings(max_examples=40)  # each encodes a whole issue
@given(digests(), VALUES, VALUES)
def test_any_stories_in_any_order_read_like_a_direct_render(
    drawn: tuple[list[RenderedBlock], list[int], list[int]], name: str, title: str
) -> None:
    stories, order, ranks = drawn
    blocks = [*FRAME, *stories]
    made = library(*blocks, order=order)
    filled = values(**both("NAME", name), **both("TITLE", title), **both("ADDRESS", "a=b@example.com"))

    octets = message(made, ranks, filled)

    reader = {"name": name, "title": title, "address": "a=b@example.com"}
    placed = layout.digest([order[rank] for rank in ranks], middle=BlockKind.PERSONAL)
    by_place = {layout.Placement(each.kind, each.key, each.style): each for each in blocks}
    chosen = [by_place[placement] for placement in placed]
    text, page = parts(octets)
    assert_prepared(octets)
    assert text == _lines(directly([each.text for each in chosen], reader, autoescape=False))
    assert page == _lines(directly([each.html for each in chosen], reader, autoescape=True))


@settings(max_examples=40)  # each encodes a whole issue
@given(digests(), VALUES)
def test_what_is_joined_before_is_the_same_message(
    drawn: tuple[list[RenderedBlock], list[int], list[int]], name: str
) -> None:
    stories, order, ranks = drawn
    made = library(*FRAME, *stories, order=order)
    filled = values(**both("NAME", name), **both("TITLE", "Ships"))
    known = {int(slot): filled[slot] for slot in Slot if slot >= compiled.FIRST_OF_DIGEST}

    pieces = [piece for segment in made.digest(ranks) for piece in segment.pieces]
    joined = Template(merged(pieces, known))

    assert b"".join(joined.fill(filled)) == message(made, ranks, filled)
    assert len(joined.pieces) <= 2 * sum(isinstance(piece, int) for piece in joined.pieces) + 1


@given(st.lists(st.binary(max_size=3) | st.integers(0, 3), max_size=12))
def test_a_template_fills_slots_wherever_they_stand(pieces: list[bytes | int]) -> None:
    filled = [b"zero", b"one", b"", b"three"]

    octets = b"".join(Template(pieces).fill(filled))

    assert octets == b"".join(filled[piece] if isinstance(piece, int) else piece for piece in pieces)


def test_the_octets_of_stories_are_known() -> None:
    name = mark(ReaderField.NAME)
    story = block(f"<p>é{name}</p>\n", "x\n", kind=BlockKind.STORY, key="5", style="lead")

    made = library(story, order=[5])

    octets = len("<p>=C3=A9=\r\n") + 10 + len("</p>\r\n") + len("x\r\n")
    assert made.sizes(layout.StoryStyle.LEAD, {Slot.NAME_HTML: 10}) == [octets]
    assert made.sizes(layout.StoryStyle.BRIEF, {}) == [0]
    assert made.frame_size({}) + octets == len(message(made, [0], values(NAME_HTML=b"n" * 10)))


def directly(sources: Sequence[str], reader: dict[str, str], *, autoescape: bool) -> str:
    """Render blocks by Jinja2 itself, the marks written as the template's author wrote them."""
    environment = jinja2.Environment(autoescape=autoescape, keep_trailing_newline=True)
    pieces = [rendered.marks(NONCE).split(source) for source in sources]
    fixed = [[Markup(text) if autoescape else text for text in piece[::2]] for piece in pieces]
    template = "".join(
        "".join(
            f"{{{{ fixed[{number}][{place}] }}}}"
            + (f"{{{{ reader.{piece[2 * place + 1]} }}}}" if 2 * place + 1 < len(piece) else "")
            for place in range(len(piece[::2]))
        )
        for number, piece in enumerate(pieces)
    )
    return environment.from_string(template).render(fixed=fixed, reader=reader)


def _lines(text: str) -> str:
    """Return a text with line ends of one kind; the parser gives them back as they were encoded."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
