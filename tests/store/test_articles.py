"""Check that one piece is one article, whoever brings it and however often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from newsletter.domain.articles import ArticleDraft
from newsletter.store import Database, Session, article_drafts, articles
from newsletter.store.article_drafts import Change, UpsertReport
from newsletter.store.tables import Article, Newsletter, NewsletterArticle, Source
from tests import builders
from tests.clocks import NOON

_numbers = count(1)
HOUR = timedelta(hours=1)


def draft(**over: Any) -> ArticleDraft:
    number = next(_numbers)
    values: dict[str, Any] = {
        "url": f"https://post.example.com/story-{number}",
        "title": f"Story {number}",
        "guid": f"guid-{number}",
        "published_at": NOON - HOUR,
    }
    return ArticleDraft(**(values | over))


def add_source(session: Session, newsletter: Newsletter, name: str = "feed") -> Source:
    source = Source(
        newsletter_id=newsletter.id,
        url=f"https://post.example.com/{name}",
        next_poll_at=NOON,
        created_at=NOON,
    )
    session.add(source)
    session.flush()
    return source


def changes(report: UpsertReport) -> list[Change]:
    return [result.change for result in report.results]


def test_an_article_that_comes_again_is_not_new(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    source = add_source(session, newsletter)
    story = draft()

    first = article_drafts.upsert(session, [story], source=source, newsletter=newsletter, now=NOON)
    second = article_drafts.upsert(session, [story], source=source, newsletter=newsletter, now=NOON + HOUR)

    assert (changes(first), changes(second)) == ([Change.NEW], [Change.UNCHANGED])
    assert first.results[0].article_id == second.results[0].article_id


@pytest.mark.parametrize(
    "again",
    [
        {"guid": "other", "url": "http://www.post.example.com/a/?utm_source=rss#top"},
        {"guid": "g", "url": "https://post.example.com/moved"},
        {"guid": None},
    ],
)
def test_the_same_id_or_the_same_address_is_the_same_article(session: Session, again: dict[str, Any]) -> None:
    newsletter = builders.add_newsletter(session)
    source = add_source(session, newsletter)
    story: dict[str, Any] = {"guid": "g", "url": "https://post.example.com/a", "title": "T"}

    article_drafts.upsert(session, [draft(**story)], source=source, newsletter=newsletter, now=NOON)
    report = article_drafts.upsert(
        session, [draft(**(story | again))], source=source, newsletter=newsletter, now=NOON
    )

    assert report.new == 0


def test_an_article_is_found_under_every_id_that_it_ever_had(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    source = add_source(session, newsletter)
    url = "https://post.example.com/a"

    for guid, address in [("one", url), ("two", url), ("two", "https://post.example.com/b")]:
        article_drafts.upsert(
            session, [draft(guid=guid, url=address)], source=source, newsletter=newsletter, now=NOON
        )

    assert session.query(Article).count() == 1
    found = articles.by_url(session, "https://post.example.com/b?utm_campaign=x")
    assert found == articles.by_url(session, url) is not None


def test_a_document_that_holds_an_item_twice_makes_one_article_of_the_first(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    story = draft(title="First")
    twin = draft(title="Second", url=story.url)

    report = article_drafts.upsert(session, [story, twin], source=None, newsletter=newsletter, now=NOON)

    assert changes(report) == [Change.NEW, Change.UNCHANGED]
    assert session.query(Article).one().title == "First"


def test_items_that_all_link_to_the_front_page_stay_apart(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    drafts = [draft(url="https://post.example.com/"), draft(url="https://post.example.com/")]

    report = article_drafts.upsert(session, drafts, source=None, newsletter=newsletter, now=NOON)

    assert report.new == 2


def test_numbers_are_dense_and_grow_from_the_oldest_to_the_newest(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    drafts = [draft(published_at=NOON - step * HOUR) for step in (3, 1, 2)]

    report = article_drafts.upsert(session, drafts, source=None, newsletter=newsletter, now=NOON)

    assert [result.number for result in report.results] == [1, 3, 2]


def test_the_first_item_of_an_undated_feed_is_the_newest(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    drafts = [draft(published_at=None), draft(published_at=None)]

    report = article_drafts.upsert(session, drafts, source=None, newsletter=newsletter, now=NOON)

    assert [result.number for result in report.results] == [2, 1]


def test_a_text_is_refreshed_until_it_is_in_a_built_issue(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    source = add_source(session, newsletter)
    story = draft(title="Before")
    (result,) = article_drafts.upsert(
        session, [story], source=source, newsletter=newsletter, now=NOON
    ).results

    def again(title: str) -> Change:
        changed = draft(title=title, url=story.url, guid=story.guid)
        report = article_drafts.upsert(session, [changed], source=source, newsletter=newsletter, now=NOON)
        return report.results[0].change

    assert again("Corrected") is Change.UPDATED
    articles.freeze(session, [result.article_id], now=NOON)
    assert again("Too late") is Change.UNCHANGED
    assert session.query(Article).one().title == "Corrected"


def test_two_sources_with_one_article_do_not_take_turns(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    one, two = add_source(session, newsletter, "one"), add_source(session, newsletter, "two")
    url = "https://post.example.com/a"
    article_drafts.upsert(session, [draft(url=url, title="One")], source=one, newsletter=newsletter, now=NOON)

    report = article_drafts.upsert(
        session, [draft(url=url, title="Two")], source=two, newsletter=newsletter, now=NOON
    )

    assert changes(report) == [Change.UNCHANGED]
    assert session.query(Article).one().title == "One"


def test_categories_become_the_topics_of_the_newsletter(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    builders.add_topic(session, newsletter, "local-news", number=3)
    builders.add_topic(session, newsletter, "sport", number=5)
    drafts = [draft(categories=("LOCAL NEWS", "Sport")), draft(categories=("Weather",))]

    article_drafts.upsert(session, drafts, source=None, newsletter=newsletter, now=NOON)

    rows = articles.search(session, newsletter.id)
    assert {row.article.title: row.topics for row in rows} == {
        drafts[0].title: 1 << 3 | 1 << 5,
        drafts[1].title: 0,
    }


def test_an_article_may_be_in_two_newsletters(session: Session) -> None:
    daily, weekly = builders.add_newsletter(session), builders.add_newsletter(session, slug="weekly")
    story = draft()

    article_drafts.upsert(session, [story], source=None, newsletter=daily, now=NOON)
    report = article_drafts.upsert(session, [story], source=None, newsletter=weekly, now=NOON + HOUR)

    assert changes(report) == [Change.UNCHANGED]
    assert len(builders.offered(session, weekly.id, since=NOON, until=NOON + HOUR)) == 1


def test_backlog_retracted_and_early_articles_are_no_candidates(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    article_drafts.upsert(session, [draft()], source=None, newsletter=newsletter, now=NOON, backlog=True)
    late = draft(published_at=NOON + 2 * HOUR)
    old = draft(published_at=NOON - timedelta(days=8))
    gone, good = draft(), draft()
    report = article_drafts.upsert(
        session, [late, old, gone, good], source=None, newsletter=newsletter, now=NOON
    )

    taken_out = articles.mark_retracted(session, report.results[2].article_id, now=NOON)

    assert taken_out
    assert not articles.mark_retracted(session, report.results[2].article_id, now=NOON)
    assert titles(session, newsletter, hours=1) == [good.title]
    assert titles(session, newsletter, hours=2) == [late.title, good.title]


def test_a_held_article_comes_sooner_when_its_date_is_moved(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    held = draft(published_at=NOON + 9 * HOUR)
    moved = draft(url=held.url, guid=held.guid, published_at=NOON)
    article_drafts.upsert(session, [held], source=None, newsletter=newsletter, now=NOON)

    article_drafts.upsert(session, [moved], source=None, newsletter=newsletter, now=NOON + HOUR)

    assert titles(session, newsletter, hours=1) == [moved.title]


def test_a_source_that_keeps_old_articles_offers_them_all(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    old = draft(published_at=NOON - timedelta(days=400))

    article_drafts.upsert(session, [old], source=None, newsletter=newsletter, now=NOON, keep_old=True)

    assert titles(session, newsletter, hours=0) == [old.title]


def test_an_article_that_the_website_puts_back_is_a_candidate_again(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    story = draft()
    (result,) = article_drafts.upsert(session, [story], source=None, newsletter=newsletter, now=NOON).results
    articles.mark_retracted(session, result.article_id, now=NOON)

    article_drafts.upsert(session, [story], source=None, newsletter=newsletter, now=NOON)

    assert titles(session, newsletter, hours=0) == [story.title]


def test_search_finds_every_word_in_any_case_and_pages(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    drafts = [draft(title=title) for title in ("Harbour opens", "100% harbour", "Night sky")]
    article_drafts.upsert(session, drafts, source=None, newsletter=newsletter, now=NOON)

    found = articles.search(session, newsletter.id, "HARBOUR", limit=1)
    after = articles.search(session, newsletter.id, "harbour", before=found[0].article.number)

    assert [row.article.title for row in found + after] == ["Harbour opens", "100% harbour"]
    assert [row.article.title for row in articles.search(session, newsletter.id, "100% harb")] == [
        "100% harbour"
    ]


def test_long_ids_and_addresses_fit_the_index(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    story = draft(guid="語" * 2000, url="https://post.example.com/" + "x" * 1900)

    article_drafts.upsert(session, [story], source=None, newsletter=newsletter, now=NOON)
    report = article_drafts.upsert(session, [story], source=None, newsletter=newsletter, now=NOON)

    assert changes(report) == [Change.UNCHANGED]


def test_workers_that_add_the_same_articles_at_once_make_each_once(database: Database) -> None:
    drafts = [draft() for _ in range(20)]
    with database.transaction() as session:
        newsletter = builders.add_newsletter(session)

    def work(_worker: int) -> None:
        with database.transaction() as session:
            article_drafts.upsert(session, drafts, source=None, newsletter=newsletter, now=NOON)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))

    with database.reading() as session:
        assert sorted(article.number for article in session.query(Article)) == list(range(1, 21))
        assert session.query(NewsletterArticle).count() == 20


def titles(session: Session, newsletter: Newsletter, *, hours: int) -> list[str]:
    rows = builders.offered(session, newsletter.id, since=NOON - HOUR, until=NOON + hours * HOUR)
    return [row.title for row in rows]
