"""Measure reading: how many feeds of 50 items a core parses in a second, beside feedparser alone in the same run."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence

import feedparser

from newsletter.feeds.parse import parse

TARGET = 50.0  # feeds a second and core
ITEM_COUNT = 50
RUN_COUNT = 7
FEEDS_OF_RUN = 10
URL = "https://post.example.com/feed.xml"
_BODY = (
    '<p>The <a href="/2026/harbour?utm_source=rss">harbour</a> opens at dawn &amp; closes at dusk, the '
    "council said on <em>Tuesday</em>. Ferries sail again after two winters, and the market is back.</p>"
    '<img src="/images/{number}.jpg" width="1200" height="675" alt="A ferry"/>'
    '<p>{number} people came. &#8220;We waited long,&#8221; said a fisher.</p><img src="/pixel.gif" width="1"/>'
)


def feeds_per_second() -> float:
    """Return how many feeds of 50 items are parsed in a second, as the median of several runs."""
    kinds = documents()
    return _rate(lambda: [parse(body, kind, URL) for body, kind in kinds], len(kinds))


def main() -> None:
    """Print the figures; the runs of both ways alternate, so that a busy machine slows both."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true", help="print JSON alone")
    is_json = options.parse_args().json
    kinds = documents()
    assert all(len(parse(body, kind, URL).items) == ITEM_COUNT for body, kind in kinds)
    ours, theirs = interleaved(kinds)
    figures = {
        "feeds_per_second": round(1 / ours, 1),
        "feedparser_per_second": round(1 / theirs, 1),
        "ratio": round(theirs / ours, 2),
        "items": ITEM_COUNT,
        "kilobytes": round(statistics.mean(len(body) for body, _ in kinds) / 1000),
    }
    if is_json:
        print(json.dumps(figures))
        return
    print(f"feeds of {ITEM_COUNT} items, {figures['kilobytes']} kB, median of {RUN_COUNT} interleaved runs")
    print(
        f"parse, RSS and Atom    {figures['feeds_per_second']:8.1f} feeds/s each core  (target {TARGET:.0f})"
    )
    print(
        f"feedparser by itself   {figures['feedparser_per_second']:8.1f} feeds/s  ({figures['ratio']} times as long)"
    )


def interleaved(kinds: Sequence[tuple[bytes, str]]) -> tuple[float, float]:
    """Return the seconds of a core for one feed: ours and feedparser's, medians of alternating runs."""
    ours, theirs = [], []
    for _ in range(RUN_COUNT):
        ours.append(_seconds(lambda: [parse(body, kind, URL) for body, kind in kinds]) / len(kinds))
        theirs.append(
            _seconds(
                lambda: [
                    feedparser.parse(body, response_headers={"content-type": kind}) for body, kind in kinds
                ]
            )
            / len(kinds)
        )
    return statistics.median(ours), statistics.median(theirs)


def documents() -> list[tuple[bytes, str]]:
    """Return feeds with their content types: RSS with whole stories, and Atom."""
    pair = [(_rss(), "application/rss+xml; charset=utf-8"), (_atom(), "application/atom+xml; charset=utf-8")]
    return pair * (FEEDS_OF_RUN // 2)


def _rss() -> bytes:
    items = "".join(
        f"<item><title>Harbour &amp;amp; market: story {number}</title><guid>post-{number}</guid>"
        f"<link>https://post.example.com/2026/story-{number}?utm_source=rss</link><dc:creator>Ada Reed</dc:creator>"
        f"<category>Harbour</category><category>Local news</category>"
        f"<pubDate>Tue, 24 Nov 2026 10:{number:02}:00 +0100</pubDate>"
        f"<description>Ferries sail again, part {number}.</description>"
        f"<content:encoded><![CDATA[{_BODY.format(number=number) * 3}]]></content:encoded></item>"
        for number in range(ITEM_COUNT)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Post</title>'
        f"<link>https://post.example.com/</link>{items}</channel></rss>"
    ).encode()


def _atom() -> bytes:
    entries = "".join(
        f"<entry><title>Harbour and market: story {number}</title><id>tag:post.example.com,2026:{number}</id>"
        f'<link rel="alternate" href="https://post.example.com/2026/story-{number}"/>'
        f"<author><name>Ada Reed</name></author><category term='harbour' label='Harbour'/>"
        f"<published>2026-11-24T10:{number:02}:00+01:00</published><updated>2026-11-24T11:00:00Z</updated>"
        f'<summary type="html"><![CDATA[{_BODY.format(number=number)}]]></summary></entry>'
        for number in range(ITEM_COUNT)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Post</title>'
        f'<link href="https://post.example.com/"/>{entries}</feed>'
    ).encode()


def _rate(work: Callable[[], object], count: int) -> float:
    return count / statistics.median(_seconds(work) for _ in range(RUN_COUNT))


def _seconds(work: Callable[[], object]) -> float:
    """Return the seconds that a core was busy with a piece of work."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
