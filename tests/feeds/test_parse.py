"""Check that articles come out of feeds as they are, and that nothing of a stranger's markup does."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.domain.articles import ArticleDraft
from newsletter.domain.errors import FeedError
from newsletter.feeds.parse import ITEMS_KEPT, ITEMS_READ, ParsedFeed, parse

DATA = Path(__file__).parent.parent / "data" / "feeds"
URL = "https://feeds.example.com/main.xml"


def read(name: str) -> ParsedFeed:
    return parse((DATA / name).read_bytes(), "text/plain", URL)


def rss(*items: str, head: str = "") -> bytes:
    body = "".join(f"<item>{item}</item>" for item in items)
    return f'{head}<rss version="2.0"><channel><title>F</title>{body}</channel></rss>'.encode()


def item(title: str, *, link: str = "https://x.example.com/1", summary: str = "") -> str:
    return f"<title>{title}</title><link>{link}</link><description>{summary}</description>"


def only(body: bytes, content_type: str = "") -> ArticleDraft:
    (draft,) = parse(body, content_type, URL).items
    return draft


def reason(body: bytes) -> str:
    with pytest.raises(FeedError) as caught:
        parse(body, "text/xml", URL)
    assert caught.value.hint
    return caught.value.reason


def test_a_feed_of_wordpress() -> None:
    feed = read("wordpress.xml")

    assert feed.title == "Marsh & Meadow"
    assert feed.items == (
        ArticleDraft(
            url="https://meadow.example.org/2026/11/storks/?utm_source=rss&utm_medium=rss",
            title="Storks return a week early – and stay",
            guid="https://meadow.example.org/?p=4711",
            summary="Eleven pairs have been counted on the old chimneys. “We did not expect them before March,” says "
            "the warden. […]",
            author="Ada Reed",
            image_url="https://meadow.example.org/uploads/stork-1024.jpg",
            image_width=1024,
            image_height=683,
            image_alt="A stork on a chimney",
            categories=("Birds", "Climate"),
            published_at=datetime(2026, 11, 23, 7, 10, 42, tzinfo=UTC),
        ),
    )


def test_a_feed_with_media_faults_and_traps() -> None:
    feed = read("media.xml")

    first, second = feed.items
    assert first == ArticleDraft(
        url="https://www.courier.example.net/a/1.html#ref=rss",
        title="Mayor’s office: “no comment”",
        guid="courier-1",
        summary="The budget stands.",
        author="Newsdesk",
        image_url="https://img.courier.example.net/1/1200.jpg",
        image_width=1200,
        image_height=675,
        published_at=datetime(2026, 11, 24, 11, 0, tzinfo=UTC),
    )
    assert second.title == second.summary == "A short notice without a headline."
    assert (second.image_url, second.published_at) == ("https://img.courier.example.net/2.jpg", None)
    assert feed.skipped == ("no_link", "url_scheme", "no_title")


def test_the_words_under_a_picture_are_not_taken_for_the_summary() -> None:
    media = (
        '<media:content xmlns:media="http://search.yahoo.com/mrss/" url="/1.jpg" medium="image">'
        "<media:title>Photo 1</media:title><media:description>A stork</media:description></media:content>"
    )

    for body in (rss(media + item("T", summary="S")), rss(item("T", summary="S") + media)):
        draft = only(body)
        assert (draft.title, draft.summary, draft.image_alt) == ("T", "S", "A stork")


def test_the_words_for_a_picture_are_taken_from_the_body() -> None:
    picture = '&lt;img src="/1.jpg" alt="A stork"&gt;'
    enclosure = '<enclosure url="/1.jpg" type="image/jpeg" length="1"/>'

    draft = only(rss(item("T", summary=picture) + enclosure))

    assert (draft.image_url, draft.image_alt) == ("https://feeds.example.com/1.jpg", "A stork")


def test_an_atom_feed_with_relative_addresses() -> None:
    assert read("atom.xml").title == "Lab Notes"
    assert read("atom.xml").items == (
        ArticleDraft(
            url="https://lab.example.com/2026/markup?page=1&lang=en",
            title="When to write <b> and when <strong>",
            guid="urn:uuid:1225c695-cfb8-4ebb-aaaa-80da344efa6a",
            summary="Both are bold; one means it.",
            author="Ines Ortega",
            image_url="https://lab.example.com/notes/cover.png",
            categories=("Web development",),
            published_at=datetime(2026, 11, 24, 3, 15, tzinfo=UTC),
        ),
    )


def test_an_rdf_feed_that_names_the_wrong_character_set() -> None:
    assert read("rdf.xml").items == (
        ArticleDraft(
            url="https://bote.example.de/br%C3%BCcke%20eins",
            title="Brücke „gesperrt“ – bis März",
            guid="https://bote.example.de/1",
            summary="Die Stadt prüft.",
            author="Jörg Weiß",
            categories=("Verkehr",),
            published_at=datetime(2026, 11, 24, 7, 30, tzinfo=UTC),
        ),
    )


def test_a_json_feed() -> None:
    feed = read("feed.json")

    first, second = feed.items
    assert feed.title == "Quay Street Radio"
    assert first == ArticleDraft(
        url="https://radio.example.org/shows/12",
        title="Fish & <chips>: a history",
        guid="https://radio.example.org/shows/12",
        summary="Two hours about a national dish.",
        author="Mo Farrell, Lu Chen",
        image_url="https://radio.example.org/12.jpg",
        categories=("Food", "History", "food"),
        published_at=datetime(2026, 11, 24, 7, tzinfo=UTC),
    )
    assert (second.guid, second.url, second.title) == (
        "13",
        "https://elsewhere.example.org/13",
        "A note without a title.",
    )
    assert feed.skipped == ("no_link",)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (b" \r\n ", "empty"),
        (b"hello", "not_a_feed"),
        (b"%PDF-1.7 ...", "not_a_feed"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not_a_feed"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "not_a_feed"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_a_feed"),
        (b'{"version": "https://jsonfeed.org/version/1"', "bad_json"),
        (b"{" + b'"a":{' * 100_000, "bad_json"),
        (b'{"items": []}', "not_a_feed"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": {}}', "not_a_feed"),
    ],
)
def test_what_is_no_feed_is_refused_with_the_reason(body: bytes, why: str) -> None:
    assert reason(body) == why


def test_a_web_page_is_refused_and_the_feed_that_it_names_is_told() -> None:
    page = b"""<!-- x --><!doctype html><html><head><title>Post</title>
        <link rel="alternate" type="application/rss+xml" href="/rss.xml"></head></html>"""

    with pytest.raises(FeedError) as caught:
        parse(page, "application/rss+xml", "https://post.example.com/news/")

    assert caught.value.hint == "The page names a feed: https://post.example.com/rss.xml"


def test_a_feed_without_items_is_a_feed() -> None:
    assert parse(rss(), "", URL) == ParsedFeed(title="F", items=())


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE lolz [<!ENTITY l0 "lol">{LAUGHS}]>',
        f'<!DOCTYPE x [<!ENTITY a "{"a" * 100_000}">]>',
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd"> %p;]>',
        '<?x <rss> ?><!-- <rss> --><!DOCTYPE x SYSTEM "<rss>" [<!ENTITY f "x">]>',
        f'<!DOCTYPE x [{" " * 1_000_000}<!ENTITY f "x">]>',
    ],
)
@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-16-le"])
def test_an_xml_bomb_is_refused_in_any_character_set(doctype: str, charset: str) -> None:
    bomb = rss(item("&l9;&f;"), head=f'<?xml version="1.0"?>{doctype}').decode().encode(charset)
    started = time.monotonic()

    assert reason(bomb) == "entities_refused"
    assert time.monotonic() - started < 0.5


def test_a_doctype_without_entities_and_a_story_about_them_pass() -> None:
    doctype = '<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://127.0.0.1/rss.dtd">'

    assert only(rss(item("What &lt;!ENTITY does"), head=doctype)).title.startswith("What")


def test_addresses_with_endless_bases_are_refused() -> None:
    body = b'<rss version="2.0">' + b'<a xml:base="x/">' * 20_000

    assert reason(body) == "too_complex"


@pytest.mark.parametrize(
    ("charset", "content_type", "declared"),
    [
        ("utf-8", "", None),
        ("utf-8", "text/xml; charset=iso-8859-1", None),
        ("utf-8", "", "iso-8859-1"),
        ("utf-8-sig", "text/xml; charset=windows-1251", None),
        ("utf-16", "", None),
        ("utf-16-le", "", "utf-16"),
        ("iso-8859-15", "text/xml; charset=iso-8859-15", None),
        ("windows-1252", "", None),
        ("windows-1252", "text/xml; charset=utf-8", "utf-8"),
        ("windows-1252", 'text/xml; charset="no-such-thing"', "unicode_escape"),
        ("windows-1252", "", "iso-8859-1"),
        ("cp1250", "", "windows-1250"),
    ],
)
def test_letters_survive_wrong_declarations(charset: str, content_type: str, declared: str | None) -> None:
    head = f"<?xml version='1.0' encoding='{declared}'?>" if declared else ""
    body = rss(item("Füße für €5"), head=head).decode().encode(charset)

    assert only(body, content_type).title == "Füße für €5"


@pytest.mark.parametrize("charset", ["shift_jis", "euc-jp", "iso-2022-jp", "gb18030", "big5", "koi8-r"])
def test_a_declared_character_set_of_other_scripts_is_honoured(charset: str) -> None:
    title = "Привет" if charset == "koi8-r" else "日本"
    body = rss(item(title), head=f'<?xml version="1.0" encoding="{charset}"?>').decode().encode(charset)

    assert only(body).title == title


def test_control_characters_and_entities_without_declaration_do_not_end_a_feed() -> None:
    body = rss(item("Caf&eacute;&nbsp;\x0b&amp; bar\x00"), item("Next", link="https://x.example.com/2"))

    assert [draft.title for draft in parse(b"\n  " + body, "", URL).items] == ["Café & bar", "Next"]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<script>alert(1)</script>Hello", "Hello"),
        ("<img src=x onerror=alert(1)>Hello", "Hello"),
        ("<svg/onload=alert(1)>Hello", "Hello"),
        ("Hello<style>*{display:none}</style>", "Hello"),
        ('<a href="javascript:x">Hello</a>', "Hello"),
        ("<iframe src=//evil.example.com></iframe>Hello", "Hello"),
        ("Hel\u202elo", "Hello"),
        ("Hello<!-- <b>there</b> -->", "Hello"),
        ("<p>One</p><ul><li>two<li>three", "One two three"),
        ("x &lt; y and List<String> in <em>Java</em>", "x < y and List<String> in Java"),
        ("&amp;amp;#8217;", "&#8217;"),
        ("Tom &amp;amp; Jerry", "Tom & Jerry"),
    ],
)
def test_markup_becomes_text(markup: str, text: str) -> None:
    escaped = markup.replace("&", "&amp;").replace("<", "&lt;")

    for draft in (
        only(rss(item(escaped, summary=f"{escaped}."))),
        only(rss(item(f"<![CDATA[{markup}]]>", summary=f"<![CDATA[{markup}.]]>"))),
    ):
        assert (draft.title, draft.summary) == (text, f"{text}.")


def test_hostile_text_in_json_stays_text_of_bounded_length() -> None:
    entry = {"url": "https://x.example.com/", "title": "\ud800<b>T\0" + "x" * 900, "summary": "word " * 900}
    body = json.dumps({"version": "https://jsonfeed.org/version/1", "items": [entry]}).encode()

    draft = only(body)

    assert draft.title.startswith("<b>Tx")
    assert draft.title.encode()
    assert (len(draft.title), draft.summary[-5:]) == (300, "word…")


def test_of_too_many_items_the_newest_are_kept() -> None:
    days = range(ITEMS_KEPT + 5)
    items = [
        item(f"Day {day}", link=f"https://x.example.com/{day}")
        + f"<pubDate>{datetime.fromtimestamp(1_790_000_000 + day * 86_400, UTC):%Y-%m-%dT%H:%M:%SZ}</pubDate>"
        for day in days
    ]

    feed = parse(rss(*items), "", URL)

    assert [draft.title for draft in feed.items] == [f"Day {day}" for day in days[5:]]
    assert feed.skipped == ("too_many",) * 5


def test_a_feed_of_ten_megabytes_is_read_up_to_its_limit() -> None:
    body = rss(*(item(f"Item {n}", link=f"https://x.example.com/{n}") for n in range(100_000)))
    started = time.monotonic()

    feed = parse(body, "", URL)

    assert len(body) > 8_000_000
    assert [draft.title for draft in feed.items[:2]] == ["Item 0", "Item 1"]
    assert (len(feed.items), len(feed.skipped)) == (ITEMS_KEPT, ITEMS_READ - ITEMS_KEPT)
    assert time.monotonic() - started < 5


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_no_octets_do_more_than_raise_our_errors(noise: bytes) -> None:
    for body in (noise, b"<rss><channel><item>" + noise, b'{"version": "jsonfeed.org/version/1' + noise):
        with suppress(FeedError):
            parse(body, "", URL)
