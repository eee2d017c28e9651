"""Check that broken images are left out before an issue is frozen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from newsletter.feeds.fetch import Fetcher
from newsletter.feeds.images import ImageFault
from newsletter.ingest import images
from newsletter.store import Database, Session, article_drafts, articles
from newsletter.store.tables import Article, Newsletter, Source
from tests import builders
from tests.clocks import NOON
from tests.feeds.http_server import Website
from tests.feeds.test_images import png
from tests.store.test_articles import add_source, draft

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _newsletter(database: Database) -> None:
    with database.transaction() as session:
        add_source(session, builders.add_newsletter(session))


def read(session: Session, **over: Any) -> Article:
    newsletter, source = session.query(Newsletter).one(), session.query(Source).one()
    options = {name: over.pop(name) for name in ("backlog",) if name in over}
    story = draft(**over)
    article_drafts.upsert(session, [story], source=source, newsletter=newsletter, now=NOON, **options)
    found = articles.by_url(session, story.url)
    assert found is not None
    return found


def test_images_are_measured_or_left_out_and_looked_at_once(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    good, broken = site.put("/good.png", png(800, 600)), site.put("/broken.png", status=404)
    with database.transaction() as session:
        ids = [read(session, image_url=url, image_width=1200).id for url in (good, broken)]
        read(session, image_url=good, backlog=True)
        read(session)

    left_out = images.check_due(database.transaction, fetcher=fetcher, now=NOON)
    again = images.check_due(database.transaction, fetcher=fetcher, now=NOON + HOUR)

    assert (left_out, again, len(site.requests)) == (1, 0, 2)
    with database.reading() as session:
        assert not images.is_any_due(session, now=NOON)
        found = [session.get_one(Article, each) for each in ids]
        assert [(each.image_width, each.image_height, each.image_fault) for each in found] == [
            (800, 600, None),
            (1200, None, ImageFault.MISSING),
        ]


def test_what_was_measured_stays_until_the_image_is_another(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    url = site.put("/a.png", png(800, 600))
    same: dict[str, Any] = {"guid": "a", "url": "https://post.example.com/a", "image_width": 1200}
    with database.transaction() as session:
        read(session, **same, image_url=url)
    images.check_due(database.transaction, fetcher=fetcher, now=NOON)

    with database.transaction() as session:
        kept = read(session, **same, title="Other", image_url=url)
        measured = (kept.image_width, kept.image_checked_at)
        other = read(session, **same, image_url=site.url("/b.png"))
        unmeasured = (other.image_width, other.image_checked_at)

    assert (measured, unmeasured) == ((800, NOON), (1200, None))


def test_a_server_that_does_not_answer_is_asked_again_and_a_frozen_image_stays(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    url = site.put("/a.png", status=503)
    with database.transaction() as session:
        article_id = read(session, image_url=url).id

    images.check_due(database.transaction, fetcher=fetcher, now=NOON)
    with database.reading() as session:
        soon, later = (images.is_any_due(session, now=NOON + hours * HOUR) for hours in (0.4, 0.6))
    site.put("/a.png", png(800, 600))
    images.check_due(database.transaction, fetcher=fetcher, now=NOON + HOUR)

    assert (soon, later) == (False, True)
    with database.transaction() as session:
        assert session.get_one(Article, article_id).image_fault is None
        frozen = read(session, image_url=url)
        articles.freeze(session, [frozen.id], now=NOON)
        assert not images.is_any_due(session, now=NOON)


def page(image: str, *, alt: str = "") -> bytes:
    return f'''<!doctype html><html><head><meta name="x" content="y">
        <meta property="og:image" content="{image}"><meta property="og:image:alt" content="{alt}">
        <meta property="og:image" content="/second.png"></head><body>Text</body></html>'''.encode()


def test_where_the_feed_names_no_image_the_page_does(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    site.put("/a.png", png(800, 600))
    site.put("/a", page("/a.png", alt="A &lt;ferry&gt;"), Content_Type="text/html; charset=utf-8")
    site.put("/b", b"<html><head><title>None</title></head></html>")
    with database.transaction() as session:
        ids = [read(session, guid=name, url=site.url(f"/{name}")).id for name in ("a", "b", "gone")]
        read(session, guid="old", url=site.url("/old"), backlog=True)
    images.check_due(database.transaction, fetcher=fetcher, now=NOON)
    with database.transaction() as session:
        read(session, guid="a", url=site.url("/a"), title="Another title")
        assert not images.is_any_due(session, now=NOON + HOUR)
    images.check_due(database.transaction, fetcher=fetcher, now=NOON + HOUR)

    assert sorted(path for path, _ in site.requests) == ["/a", "/a.png", "/b", "/gone"]
    with database.reading() as session:
        found = [session.get_one(Article, each) for each in ids]
        assert [(each.image_url, each.image_width, each.image_fault) for each in found] == [
            (site.url("/a.png"), 800, None),
            ("", None, ImageFault.UNNAMED),
            ("", None, ImageFault.MISSING),
        ]
        assert (found[0].title, found[0].image_alt) == ("Another title", "A <ferry>")


def test_an_image_of_the_feed_takes_the_place_of_the_page_s(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    site.put("/a", page(site.put("/a.png", png(800, 600))))
    better = site.put("/b.png", png(900, 600))
    for given in ({}, {"image_url": better}, {}):
        with database.transaction() as session:
            article_id = read(session, guid="a", url=site.url("/a"), **given).id
        images.check_due(database.transaction, fetcher=fetcher, now=NOON)
        with database.reading() as session:
            article = session.get_one(Article, article_id)
            expected = (better, 900) if given else (site.url("/a.png"), 800)
            assert (article.image_url, article.image_width) == expected


def test_a_picture_that_several_pages_name_is_the_website_s_own(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    logo = site.put("/logo.png", png(600, 600))
    for name in ("a", "b", "c"):
        site.put(f"/{name}", page(logo))
    with database.transaction() as session:
        ids = [read(session, guid=name, url=site.url(f"/{name}")).id for name in ("a", "b")]
    images.check_due(database.transaction, fetcher=fetcher, now=NOON)
    with database.transaction() as session:
        ids.append(read(session, guid="c", url=site.url("/c")).id)
    images.check_due(database.transaction, fetcher=fetcher, now=NOON + HOUR)

    with database.reading() as session:
        assert {session.get_one(Article, each).image_fault for each in ids} == {ImageFault.SHARED}
    assert "/logo.png" not in [path for path, _ in site.requests]
