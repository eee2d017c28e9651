"""Tell where in a document the marks of a reader's fields stand: what a value must be written like, or may not.

Not a parser of HTML: it knows tags, attributes, comments and the elements whose content is no HTML, and calls whatever
it cannot tell apart a place inside a tag, where no value may stand.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from newsletter.domain.rendered import ReaderField

LINKS = frozenset(
    {
        ReaderField.UNSUBSCRIBE_URL,
        ReaderField.PREFERENCES_URL,
        ReaderField.VIEW_URL,
        ReaderField.SUBSCRIBE_URL,
        ReaderField.ARCHIVE_URL,
        ReaderField.ARM,
    }
)

# Attributes whose value is an address (HTML Living Standard, index of attributes: "valid URL", and those of old).
_ADDRESSES = frozenset(
    "action archive background cite classid code codebase data dynsrc formaction href icon imagesrcset itemid longdesc "
    "lowsrc manifest ping poster profile src srcset usemap xlink:href xml:base".split()
)
# Elements whose content is not read as HTML (HTML Living Standard §13.1.2). What stands in title and textarea is read
# as text, with its entities.
_RAW = frozenset("iframe noembed noframes noscript plaintext script style xmp".split())

_TOKEN = re.compile(
    r"<!--(?P<comment>.*?(?:--!?>|\Z))"
    r"|<(?P<declaration>[!?][^>]*(?:>|\Z))"
    r"|<(?P<closing>/?)(?P<name>[A-Za-z][^\s/>]*)(?P<inside>(?:\"[^\"]*\"|'[^']*'|[^\"'>])*)(?:>|\Z)"
    r"|<(?P<odd>/?[A-Za-z][^>]*(?:>|\Z))",  # its quotes do not match
    re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"(?P<name>[^\s\"'<>/=]+)\s*=\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>[^\s\"'>]+))"
)


class Place(Enum):
    """Say where a mark stands; the value says it to a person."""

    TEXT = "in text"
    ATTRIBUTE = "in an attribute"
    ADDRESS = "in an attribute that holds an address"
    TAG = "inside a tag, where no text belongs"
    UNQUOTED = "in an attribute without quotes"
    CSS = "in a style attribute"
    HANDLER = "in an attribute that holds a program"
    RAW = "in an element whose content is no text, such as style or script"
    COMMENT = "in a comment"


@dataclass(frozen=True)
class Standing:
    """Say of one mark what it is and where it stands; ``start`` counts characters of the document."""

    mark: re.Match[str]
    place: Place

    @property
    def start(self) -> int:
        """Return where the mark begins."""
        return self.mark.start()


def find(document: str, marks: re.Pattern[str]) -> list[Standing]:
    """Return all marks of a document, or of a piece of one that begins between tags, in their order."""
    spots = [mark.start() for mark in marks.finditer(document)]
    if not spots:  # most stories
        return []
    found = [
        Standing(mark, place)
        for start, end, place in _stretches(document, spots)
        for mark in marks.finditer(document, start, end)
    ]
    return sorted(found, key=lambda standing: standing.start)


def fault(field: ReaderField, place: Place) -> str | None:
    """Say why a field cannot be written into a place; None when it can."""
    if place in {Place.TEXT, Place.ATTRIBUTE}:
        return None
    if place is Place.ADDRESS:
        return None if field in LINKS else "would become part of an address"
    return f"stands {place.value}"


def _stretches(document: str, spots: Sequence[int]) -> Iterator[tuple[int, int, Place]]:
    """Yield the stretches of a document that are of one kind, from start to end: those with a spot in them.

    A document has thousands of tags and a few marks, so what is inside a tag is looked at for these alone.
    """
    at, place = 0, 0
    while place < len(spots) and (token := _TOKEN.search(document, at)):
        if spots[place] < token.start():
            yield at, token.start(), Place.TEXT
        begins, at = token.start(), token.end()
        is_marked = bisect_left(spots, begins) != (place := bisect_left(spots, at))
        if token["name"] is None:
            if is_marked:
                yield begins, at, Place.COMMENT if token["odd"] is None else Place.TAG
            continue
        if is_marked:
            yield from _in_tag(token)
        if not token["closing"] and (name := token["name"].lower()) in _RAW:
            end = _end_of(name, document, at)
            yield at, end, Place.RAW
            at = end
            place = bisect_left(spots, at)
    yield at, len(document), Place.TEXT


def _in_tag(tag: re.Match[str]) -> Iterator[tuple[int, int, Place]]:
    at, end = tag.span("inside")
    yield tag.start(), at, Place.TAG
    for attribute in _ATTRIBUTE.finditer(tag.string, at, end):
        value = next(name for name in ("double", "single", "bare") if attribute[name] is not None)
        yield at, attribute.start(value), Place.TAG
        yield *attribute.span(value), _place_of_value(attribute["name"].lower(), is_bare=value == "bare")
        at = attribute.end(value)
    yield at, tag.end(), Place.TAG


def _place_of_value(name: str, *, is_bare: bool) -> Place:
    if is_bare:
        return Place.UNQUOTED
    if name == "style":
        return Place.CSS
    if name.startswith("on") or name == "srcdoc":
        return Place.HANDLER
    return Place.ADDRESS if name in _ADDRESSES else Place.ATTRIBUTE


def _end_of(name: str, document: str, start: int) -> int:
    closing = re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE).search(document, start)
    return len(document) if closing is None else closing.start()
