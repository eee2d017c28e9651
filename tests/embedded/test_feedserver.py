"""Check that the sample paper is read by the real fetcher, as a publisher's feeds are."""

from __future__ import annotations

import html
import socket
import struct
from collections.abc import Iterator
from datetime import timedelta

import pytest

from newsletter.embedded import feedserver
from newsletter.embedded.feedserver import FeedServer
from newsletter.feeds.fetch import Fetcher
from newsletter.feeds.parse import ParsedFeed, parse
from tests.clocks import NOON

TOPICS = {"Politics", "Culture", "Sport", "Science", "Business"}


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer(now=NOON) as running:
        yield running


@pytest.fixture
def fetcher(server: FeedServer) -> Fetcher:
    return Fetcher(frozenset({(feedserver.HOST, server.port)}), "newsletter-tests")


def read(fetcher: Fetcher, url: str) -> ParsedFeed:
    answer = fetcher.fetch(url)
    return parse(answer.body, answer.content_type, answer.final_url)


def test_every_article_comes_through_its_feed_as_it_was_written(server: FeedServer, fetcher: Fetcher) -> None:
    feeds = [read(fetcher, url) for url in server.feed_urls]

    drafts = {draft.title: draft for feed in feeds for draft in feed.items}
    assert [feed.skipped for feed in feeds] == [(), (), ()]
    assert len(drafts) == len(server.stories) == 18
    for story in server.stories:
        draft = drafts[story.title]
        assert (draft.summary, draft.author, draft.categories) == (
            story.summary,
            story.author,
            (story.topic,),
        )
        assert draft.published_at == story.published_at
        assert draft.url.split("?")[0] == server.story_url(story.slug)
        assert draft.image_alt == story.alt
        assert draft.image_url == (f"{server.base_url}/images/{story.image}" if story.image else "")


def test_the_paper_covers_its_topics_with_and_without_pictures(server: FeedServer) -> None:
    stories = server.stories

    assert {story.topic for story in stories} == TOPICS
    assert {bool(story.image) for story in stories} == {True, False}
    assert all(NOON - timedelta(days=2) < story.published_at < NOON for story in stories)


def test_pages_and_pictures_of_all_articles_are_there(server: FeedServer, fetcher: Fetcher) -> None:
    for story in server.stories:
        page = fetcher.fetch(server.story_url(story.slug))
        assert (page.status, page.content_type) == (200, "text/html; charset=utf-8")
        assert story.body[0] in html.unescape(page.body.decode())
        if story.image:
            picture = fetcher.fetch(f"{server.base_url}/images/{story.image}")
            assert picture.body.startswith(b"\xff\xd8")
            assert len(picture.body) < 60_000
    assert fetcher.fetch(server.logo_url).body.startswith(b"\x89PNG")
    assert fetcher.fetch(server.base_url + "/").status == 200


@pytest.mark.parametrize(
    "path", ["/images/../articles.json", "/images/none.jpg", "/stories/none", "/etc/passwd"]
)
def test_nothing_else_is_served(server: FeedServer, fetcher: Fetcher, path: str) -> None:
    assert fetcher.fetch(server.base_url + path).status == 404


def test_a_feed_changes_when_an_article_is_added_and_only_then(server: FeedServer, fetcher: Fetcher) -> None:
    url = server.feed_urls[0]
    before = fetcher.fetch(url)

    unchanged = fetcher.fetch(url, etag=before.etag)
    server.add(slug="extra", title="Extra: the bridge opens", summary="At noon.", now=NOON)
    changed = fetcher.fetch(url, etag=before.etag)

    assert (unchanged.status, changed.status) == (304, 200)
    assert parse(changed.body, changed.content_type, url).items[0].title == "Extra: the bridge opens"
    assert fetcher.fetch(server.story_url("extra")).status == 200


def test_the_port_is_free_again_afterwards() -> None:
    with FeedServer(now=NOON) as first:
        port = first.port

    with FeedServer(now=NOON, port=port) as second:
        assert second.port == port


def test_a_browser_that_goes_away_is_no_fault(
    server: FeedServer, fetcher: Fetcher, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        connection = socket.create_connection((feedserver.HOST, server.port))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing resets
        connection.send(b"GET /")
        connection.close()

    assert fetcher.fetch(server.feed_urls[0]).status == 200
    server.__exit__(None, None, None)
    assert "Traceback" not in capfd.readouterr().err
