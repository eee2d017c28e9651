"""What becomes of the articles of an issue that is given up, or built anew."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from newsletter.digest import arranging, desk, plan
from newsletter.domain.articles import ArticleDraft
from newsletter.domain.issues import IssueStatus
from newsletter.store import Database, Session, article_drafts, issues, newsletters
from newsletter.store.tables import Article
from tests.builders import EDITOR, add_article, add_newsletter
from tests.clocks import NOON
from tests.digest.test_freeze import HOUR, built

WAYS: dict[str, Callable[[Session, int], object]] = {
    "veto": lambda session, issue_id: desk.veto(session, issue_id, actor=EDITOR, now=NOON),
    "cancel": lambda session, issue_id: desk.cancel(session, issue_id, actor=EDITOR, now=NOON),
    "skip": lambda session, issue_id: issues.require_move(session, issue_id, IssueStatus.SKIPPED),
    "change": lambda session, issue_id: arranging.ban(session, issue_id, 1, actor=EDITOR, now=NOON),
}


@pytest.fixture
def issue_id(database: Database) -> int:
    """Build an issue whose one story has two articles, and another story."""
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        for title, key in (("Ferry burns", "fire"), ("Four dead on ferry", "fire"), ("Choir wins", None)):
            add_article(session, newsletter, title=title, seen_at=NOON - HOUR, story_key=key)
        issue_id = plan.plan_now(session, newsletter.id, now=NOON).id
    assert built(database, issue_id) is IssueStatus.BUILT
    return issue_id


def titles_after_a_push(database: Database) -> list[str]:
    """Push all articles with new headlines; return what they are called then."""
    with database.transaction() as session:
        rows = session.query(Article).order_by(Article.number).all()
        drafts = [ArticleDraft(url=row.url, title=f"New {row.number}", guid=None) for row in rows]
        newsletter = newsletters.by_slug(session, "daily")
        article_drafts.upsert(session, drafts, source=None, newsletter=newsletter, now=NOON)
        session.flush()
        return [row.title for row in rows]


@pytest.mark.parametrize("way", WAYS)
def test_its_articles_are_refreshed_again(database: Database, issue_id: int, way: str) -> None:
    with database.transaction() as session:
        WAYS[way](session, issue_id)

    assert titles_after_a_push(database) == ["New 1", "New 2", "New 3"]


@pytest.mark.parametrize("way", WAYS)
def test_what_another_issue_has_stays_as_it_is(database: Database, issue_id: int, way: str) -> None:
    with database.transaction() as session:
        newsletter_id = issues.get(session, issue_id).newsletter_id
        add_article(session, newsletters.by_slug(session, "daily"), title="Tunnel", seen_at=NOON + HOUR)
        other_id = plan.plan_now(session, newsletter_id, now=NOON + 2 * HOUR).id
        arranging.ban(session, other_id, 3, actor=EDITOR, now=NOON)
    assert built(database, other_id) is IssueStatus.BUILT

    with database.transaction() as session:
        WAYS[way](session, issue_id)

    assert titles_after_a_push(database) == ["Ferry burns", "Four dead on ferry", "New 3", "Tunnel"]


def test_an_issue_that_is_built_again_freezes_them_anew(database: Database, issue_id: int) -> None:
    with database.transaction() as session:
        arranging.annotate(session, issue_id, "Good morning", actor=EDITOR, now=NOON)
    assert built(database, issue_id) is IssueStatus.BUILT

    assert titles_after_a_push(database) == ["Ferry burns", "Four dead on ferry", "Choir wins"]
