"""Where the marks of readers' fields stand in a document."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import places
from newsletter.domain.places import LINKS, Place
from newsletter.domain.rendered import ReaderField

MARK = re.compile("@")


def found(document: str) -> list[Place]:
    return [standing.place for standing in places.find(document, MARK)]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("@", Place.TEXT),
        ("<p>@</p>", Place.TEXT),
        ("<title>@</title>", Place.TEXT),
        ("<textarea>@</textarea>", Place.TEXT),
        ("a < b @", Place.TEXT),
        ("<!-- x --> @", Place.TEXT),
        ("<!--[if !mso]><!--> @ <!--<![endif]-->", Place.TEXT),
        ("<style></style>@", Place.TEXT),
        ("<script>'<p>'</script >@", Place.TEXT),
        ('<p title="@">', Place.ATTRIBUTE),
        ("<p title='@'>", Place.ATTRIBUTE),
        ("<p title = '@'>", Place.ATTRIBUTE),
        ('<p title=">" lang="@">', Place.ATTRIBUTE),
        ('<a href="@">', Place.ADDRESS),
        ('<a HREF="https://example.com/?@">', Place.ADDRESS),
        ('<td background="@">', Place.ADDRESS),
        ('<v:image xlink:href="@">', Place.ADDRESS),
        ("<p title=@>", Place.UNQUOTED),
        ("<p title=a@b>", Place.UNQUOTED),
        ('<p style="@">', Place.CSS),
        ('<p STYLE="@">', Place.CSS),
        ('<p onclick="@">', Place.HANDLER),
        ('<iframe srcdoc="@">', Place.HANDLER),
        ("<p @>", Place.TAG),
        ("<@>", Place.TEXT),  # no tag begins so
        ("<p@>", Place.TAG),
        ("</p @>", Place.TAG),
        ('<p title="x"@>', Place.TAG),
        ("<img alt=it's @>", Place.TAG),
        ("<p title='@", Place.TAG),
        ("<style>@</style>", Place.RAW),
        ("<STYLE type='text/css'>@</STYLE>", Place.RAW),
        ("<script>if (a < b) '@'</script>", Place.RAW),
        ("<script>@", Place.RAW),
        ("<noscript>@</noscript>", Place.RAW),
        ("<!-- @ -->", Place.COMMENT),
        ("<!-- @", Place.COMMENT),
        ("<!--[if mso]><p>@</p><![endif]-->", Place.COMMENT),
        ("<!DOCTYPE @>", Place.COMMENT),
        ("<?xml @?>", Place.COMMENT),
    ],
)
def test_a_place_is_told(document: str, expected: Place) -> None:
    assert found(document) == [expected]


def test_marks_are_found_in_the_order_of_the_document() -> None:
    standings = places.find('@<p title="@">@<!-- @ --></p>@', MARK)

    assert [standing.start for standing in standings] == [0, 11, 14, 20, 29]
    assert [standing.place for standing in standings] == [
        Place.TEXT,
        Place.ATTRIBUTE,
        Place.TEXT,
        Place.COMMENT,
        Place.TEXT,
    ]


@pytest.mark.parametrize("place", list(Place))
@pytest.mark.parametrize("field", list(ReaderField))
def test_a_field_may_stand_where_its_value_changes_nothing(field: ReaderField, place: Place) -> None:
    is_fine = place in {Place.TEXT, Place.ATTRIBUTE} or (place is Place.ADDRESS and field in LINKS)

    assert (places.fault(field, place) is None) == is_fine


class Reader(HTMLParser):
    """Tell the places of marks by the parser of the standard library."""

    def __init__(self, document: str) -> None:
        super().__init__(convert_charrefs=False)
        self.in_text = self.in_values = 0
        self.feed(document)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_values += sum((value or "").count("@") for _, value in attrs)

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:
            self.in_text += data.count("@")


PIECES = st.lists(
    st.sampled_from(
        [
            "@",
            "x",
            "<p>",
            "</p>",
            '<p title="@">',
            "<i lang='@' id=x>",
            "<br/>",
            "<!-- @ -->",
            "<style>@</style>",
            "\n",
        ]
    ),
    max_size=20,
).map("".join)


@given(PIECES)
def test_a_document_is_read_as_others_read_it(document: str) -> None:
    told = found(document)

    other = Reader(document)
    assert len(told) == document.count("@")
    assert told.count(Place.TEXT) == other.in_text
    assert told.count(Place.ATTRIBUTE) == other.in_values


@given(st.text("<>!-/@='\" atyle", max_size=60))
def test_every_mark_of_any_text_is_told(document: str) -> None:
    assert len(found(document)) == document.count("@")
