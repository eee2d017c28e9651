"""Check what a website may push, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from newsletter.domain.errors import InvalidInput
from newsletter.ingest import articles
from newsletter.store import Session
from newsletter.store import articles as rows
from newsletter.store.tables import Article
from tests import builders
from tests.clocks import NOON

STORY: dict[str, Any] = {
    "id": "cms-17",
    "url": "https://post.example.com/storks",
    "title": "Storks return",
    "summary": "Eleven pairs <counted> & more.",
    "author": "Ada Reed",
    "image": {"url": "https://post.example.com/storks.jpg", "width": 1200, "height": 675, "alt": "A stork"},
    "topics": ["science", "Weather"],
    "published_at": "2026-11-24T12:30:00+01:00",
}


def push(session: Session, *entries: dict[str, Any], now: datetime = NOON, **over: Any) -> dict[str, Any]:
    payload: dict[str, Any] = {"newsletters": ["daily"], "articles": list(entries)}
    return articles.push(session, payload | over, now=now)


def test_an_article_is_kept_as_it_was_given(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    builders.add_topic(session, newsletter, "science", number=4)

    answer = push(session, STORY)

    assert answer == {
        "articles": [{"url": STORY["url"], "number": 1, "status": "new"}],
        "unknown_topics": ["Weather"],
    }
    (row,) = builders.offered(session, newsletter.id, since=NOON - timedelta(hours=1), until=NOON)
    article = row
    assert (article.title, article.summary, article.author) == (
        "Storks return",
        "Eleven pairs <counted> & more.",
        "Ada Reed",
    )
    assert (article.image_url, article.image_width, article.image_height, article.image_alt) == (
        "https://post.example.com/storks.jpg",
        1200,
        675,
        "A stork",
    )
    assert article.published_at == datetime(2026, 11, 24, 11, 30, tzinfo=UTC)
    assert row.topics == 1 << 4


def test_an_article_that_is_pushed_again_is_refreshed(session: Session) -> None:
    builders.add_newsletter(session)
    push(session, STORY)

    again = push(session, STORY)
    corrected = push(session, STORY | {"title": "Storks are back"})

    assert [answer["articles"][0]["status"] for answer in (again, corrected)] == ["unchanged", "updated"]
    assert session.query(Article).one().title == "Storks are back"


def test_one_article_may_be_pushed_to_two_newsletters(session: Session) -> None:
    builders.add_newsletter(session)
    weekly = builders.add_newsletter(session, slug="weekly")

    answer = articles.push(session, {"newsletters": ["daily", "weekly"], "article": STORY}, now=NOON)

    assert answer["articles"] == [{"url": STORY["url"], "number": 1, "status": "new"}]
    assert len(rows.search(session, weekly.id)) == 1


@pytest.mark.parametrize(
    "named", [{"id": "cms-17"}, {"url": "http://www.post.example.com/storks/?utm_source=x"}]
)
def test_an_article_is_retracted_by_its_id_or_address(session: Session, named: dict[str, Any]) -> None:
    newsletter = builders.add_newsletter(session)
    push(session, STORY)

    answer = push(session, named | {"deleted": True})

    assert answer["articles"] == [{"url": STORY["url"], "number": 1, "status": "retracted"}]
    assert builders.offered(session, newsletter.id, since=NOON - timedelta(hours=1), until=NOON) == []


def test_to_retract_what_is_not_known_does_no_harm(session: Session) -> None:
    builders.add_newsletter(session)

    answer = push(session, {"id": "x", "deleted": True}, STORY)

    assert [entry["status"] for entry in answer["articles"]] == ["unknown", "new"]


def test_an_article_known_from_a_feed_is_the_same_article(session: Session) -> None:
    newsletter = builders.add_newsletter(session)
    builders.add_article(session, newsletter, title="From the feed", seen_at=NOON)

    answer = push(session, STORY | {"url": "https://post.example.com/1?utm_source=push"})

    assert answer["articles"][0]["status"] == "updated"


def test_long_texts_are_cut_at_a_word(session: Session) -> None:
    newsletter = builders.add_newsletter(session)

    push(session, STORY | {"title": "word " * 100, "summary": "word " * 900})

    (row,) = rows.search(session, newsletter.id)
    assert row.article.title.endswith("word…")
    assert (len(row.article.title), len(row.article.summary)) == (300, 600)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, r"articles\[1\].title"),
        ({"title": None}, r"articles\[1\].title"),
        ({"title": "\u0000 \n"}, r"articles\[1\].title"),
        ({"url": "post.example.com"}, r"articles\[1\].url"),
        ({"url": "javascript:alert(1)"}, r"articles\[1\].url"),
        ({"url": None}, r"articles\[1\].url"),
        ({"url": "https://post.example.com/" + "x" * 2000}, r"articles\[1\].url"),
        ({"summary": ["x"]}, r"articles\[1\].summary"),
        ({"summary": "x" * 20_001}, r"articles\[1\].summary"),
        ({"id": 17}, r"articles\[1\].id"),
        ({"image": 1}, r"articles\[1\].image"),
        ({"image": "data:image/png;base64,xx"}, r"articles\[1\].image"),
        ({"image": {"url": "https://x.example.com/", "width": "1"}}, r"articles\[1\].image.width"),
        ({"image": {"url": "https://x.example.com/", "height": True}}, r"articles\[1\].image.height"),
        ({"topics": "science"}, r"articles\[1\].topics"),
        ({"topics": ["x"] * 21}, r"articles\[1\].topics"),
        ({"published_at": "2026-11-24T12:00:00"}, r"articles\[1\].published_at"),
        ({"published_at": "yesterday"}, r"articles\[1\].published_at"),
        ({"published_at": 1_790_000_000}, r"articles\[1\].published_at"),
        ({"deleted": "yes"}, r"articles\[1\].deleted"),
    ],
)
def test_a_fault_names_the_field_and_nothing_is_kept(
    session: Session, change: dict[str, Any], field: str
) -> None:
    builders.add_newsletter(session)

    with pytest.raises(InvalidInput, match=field) as caught:
        push(session, STORY, STORY | change)

    assert (caught.value.reason, bool(caught.value.hint)) == ("bad_field", True)
    assert session.query(Article).count() == 0


@pytest.mark.parametrize(
    ("over", "match"),
    [
        ({"newsletters": ["nightly"]}, "no newsletter 'nightly'"),
        ({"newsletters": []}, "newsletters"),
        ({"newsletters": "daily"}, "newsletters"),
        ({"newsletters": [1]}, "newsletters"),
        ({"articles": []}, "articles"),
        ({"articles": None}, "articles"),
        ({"articles": [STORY] * 101}, "articles"),
        ({"articles": ["x"]}, r"articles\[0\]"),
        ({"article": []}, "article"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(session: Session, over: dict[str, Any], match: str) -> None:
    builders.add_newsletter(session)

    with pytest.raises(InvalidInput, match=match):
        push(session, STORY, **over)


def test_importance_and_story_are_kept_until_they_are_given_anew(session: Session) -> None:
    builders.add_newsletter(session)

    push(session, STORY | {"importance": 3, "story": " flood-2026 "})
    push(session, STORY | {"title": "Storks are back"})
    article = session.query(Article).one()
    kept = (article.importance, article.story_key, article.feed_position)
    push(session, STORY | {"importance": -1})

    assert kept == (3, "flood-2026", None)
    assert session.query(Article).one().importance == -1


@pytest.mark.parametrize(
    "over",
    [{"importance": 10}, {"importance": "high"}, {"importance": True}, {"story": 7}, {"story": "x" * 201}],
)
def test_importance_and_story_are_checked(session: Session, over: dict[str, Any]) -> None:
    builders.add_newsletter(session)

    with pytest.raises(InvalidInput, match="The field articles"):
        push(session, STORY | over)
