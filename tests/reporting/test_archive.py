"""Issues on the web."""

from __future__ import annotations

from datetime import timedelta
from typing import Any  # arguments of any type

import pytest

from newsletter.digest import build, plan
from newsletter.domain.errors import NotFound
from newsletter.domain.issues import IssueStatus
from newsletter.domain.selection import encode_picks
from newsletter.rendering.environment import Environment
from newsletter.reporting import archive
from newsletter.store import Database, issues
from newsletter.store.tables import Article
from tests.builders import add_article, add_newsletter
from tests.clocks import NOON

URL = "https://news.example.com"
WEB: dict[str, Any] = {"public_url": URL, "environment": Environment()}


@pytest.fixture
def issue_id(database: Database) -> int:
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        for minutes, title in enumerate(("Lighthouse lit", "Herring <b>back</b>", "Ferry stays"), -3):
            add_article(session, newsletter, title=title, seen_at=NOON + timedelta(minutes=minutes))
        planned = plan.plan_now(session, newsletter.id, now=NOON).id
    build.build(database.transaction, planned, environment=Environment(), now=NOON)
    with database.transaction() as session:
        issues.require_move(session, planned, IssueStatus.MAILED)
    return planned


def test_a_page_shows_the_top_stories_and_no_reader(database: Database, issue_id: int) -> None:
    with database.reading() as session:
        page = archive.page(session, "daily", 1, **WEB)

    assert page.title == "Ferry stays"
    assert "<title>Ferry stays</title>" in page.html
    assert page.html.startswith("<!DOCTYPE html>")
    assert page.html.rstrip().endswith("</html>")
    assert all(title in page.html for title in ("Ferry stays", "Lighthouse lit", "&lt;b&gt;back&lt;/b&gt;"))
    assert f'href="{URL}/subscribe/daily"' in page.html
    assert f"{URL}/u/" not in page.html
    assert "zq" not in page.html


def test_a_view_shows_the_stories_of_one_message(database: Database, issue_id: int) -> None:
    with database.reading() as session:
        frozen = issues.frozen(issues.get(session, issue_id))
        last = frozen.stories[-1]

        view = archive.view(session, issue_id, encode_picks([last.number], highest=frozen.highest), **WEB)

    assert view.title == last.title
    assert "Ferry stays" not in view.html


def test_what_is_not_mailed_is_not_shown(database: Database) -> None:
    with database.transaction() as session:
        planned = plan.plan_now(session, add_newsletter(session).id, now=NOON)

        for look in (
            lambda: archive.page(session, "daily", planned.number, **WEB),
            lambda: archive.view(session, planned.id, b"\x01", **WEB),
            lambda: archive.view(session, 999, b"\x01", **WEB),
            lambda: archive.page(session, "other", 1, **WEB),
            lambda: archive.listing(session, "other"),
        ):
            with pytest.raises(NotFound):
                look()


def test_a_retracted_story_is_not_shown_any_more(database: Database, issue_id: int) -> None:
    with database.transaction() as session:
        session.query(Article).filter(Article.title == "Ferry stays").one().retracted_at = NOON

    with database.reading() as session:
        page = archive.page(session, "daily", 1, **WEB)
        listed = archive.listing(session, "daily")

    assert "Ferry stays" not in page.html
    assert "Withdrawn since by the newsroom: 1" in page.html
    assert "Lighthouse lit" in page.html
    assert listed.entries[0].title == "Herring <b>back</b>"


def test_a_story_that_names_what_was_retracted_is_withdrawn_too(database: Database) -> None:
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        add_article(session, newsletter, title="Choir wins", seen_at=NOON)
        for title in ("Ferry burns", "Fire on the ship"):
            add_article(session, newsletter, title=title, seen_at=NOON, story_key="fire")
        planned = plan.plan_now(session, newsletter.id, now=NOON).id
    build.build(database.transaction, planned, environment=Environment(), now=NOON)
    with database.transaction() as session:
        issues.require_move(session, planned, IssueStatus.MAILED)
        whole = archive.page(session, "daily", 1, **WEB)
        session.query(Article).filter(Article.title == "Ferry burns").one().retracted_at = NOON

    with database.reading() as session:
        page = archive.page(session, "daily", 1, **WEB)

    assert "Ferry burns" in whole.html
    assert "Fire on the ship" in whole.html
    assert "Withdrawn" not in whole.html
    assert "Ferry burns" not in page.html
    assert "Fire on the ship" not in page.html
    assert "Choir wins" in page.html


@pytest.mark.parametrize(
    ("search", "total"), [("", 1), ("LIGHTHOUSE", 1), ("ferry lit", 1), ("tunnel", 0), ("100%", 0)]
)
def test_the_list_is_searched_by_the_words_of_the_stories(
    database: Database, issue_id: int, search: str, total: int
) -> None:
    with database.reading() as session:
        found = archive.listing(session, "daily", search=search)

    assert found.total == len(found.entries) == total
    if found.entries:
        assert found.entries[0].number == 1
        assert found.entries[0].title == "Ferry stays"
