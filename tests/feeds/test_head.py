"""Check what is understood of a feed's wishes, and that both readers of XML see the same."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from newsletter.domain.errors import InvalidInput
from newsletter.feeds import head, lenient, strict
from newsletter.feeds.head import Head
from newsletter.feeds.item import Item
from newsletter.feeds.parse import parse
from tests.feeds.test_parse import DATA, URL

RSS = b"""<rss version="2.0" xmlns:a="http://www.w3.org/2005/Atom"><channel><title>F</title><ttl>30</ttl>
<a:link rel="hub" href="https://hub.example/"/><a:link rel="self" href="https://post.example.com/feed"/>
<skipHours><hour>2</hour><hour>24</hour><hour>soon</hour></skipHours></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">
<title>F</title><link rel="hub" href="https://hub.example/"/><link rel="self" href="https://post.example.com/feed"/>
<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>48</sy:updateFrequency></feed>"""
JSON = b"""{"version": "https://jsonfeed.org/version/1.1", "title": "F", "feed_url": "https://post.example.com/feed",
"hubs": [{"type": "WebSub", "url": "https://hub.example/"}], "items": []}"""
HUB = Head(title="F", hub="https://hub.example/", self_url="https://post.example.com/feed")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (RSS, replace(HUB, floor=timedelta(minutes=30), skip_hours=0b101)),
        (ATOM, replace(HUB, floor=timedelta(minutes=30))),
        (JSON, HUB),
    ],
)
def test_a_feed_says_where_its_hub_is_and_how_often_it_wants_to_be_asked(body: bytes, expected: Head) -> None:
    assert parse(body, "", URL).head == expected


@pytest.mark.parametrize(
    ("ttl", "period", "frequency", "minutes"),
    [
        ("", "", "", 0),
        ("60", "", "", 60),
        ("-1", "yesterday", "often", 0),
        ("", "hourly", "1", 0),  # what WordPress writes by itself
        ("", "hourly", "4", 15),
        ("10", "Daily", "", 1440),
        ("99999999", "", "0", 0),
    ],
)
def test_wishes_are_read_as_minutes(ttl: str, period: str, frequency: str, minutes: int) -> None:
    assert head.floor_of(ttl, period, frequency) == timedelta(minutes=minutes)


@pytest.mark.parametrize("name", ["wordpress.xml", "media.xml", "atom.xml"])
def test_the_strict_reader_sees_what_the_lenient_one_sees(name: str) -> None:
    text = (DATA / name).read_text(encoding="utf-8").partition("?>")[2].lstrip()

    strictly, leniently = strict.read(text, URL), lenient.read(text, URL)

    assert strictly[0].title == leniently[0].title
    assert seen(strictly[1]) == seen(leniently[1])


def seen(items: list[Item]) -> list[object]:
    """Return what a reader saw; ids alone may differ, where they are relative addresses."""
    found: list[object] = []
    for item in items:
        with suppress(InvalidInput):
            found.append(replace(item.draft(), guid=None))
    assert found
    return found
