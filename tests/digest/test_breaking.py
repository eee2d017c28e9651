"""Breaking news: one article at once, approved by somebody, once, and out of the next digest's way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from newsletter.digest import arranging, breaking, build, desk, editors, plan
from newsletter.domain.editors import Actor, Role, Way
from newsletter.domain.errors import Conflict, Forbidden, InvalidInput
from newsletter.domain.issues import IssueKind, IssueStatus
from newsletter.domain.mailings import Lane
from newsletter.rendering.environment import Environment
from newsletter.sending import expand
from newsletter.store import Database, articles, issues, mailings, notices
from newsletter.store.tables import NewsletterArticle
from tests.builders import EDITOR, add_article, add_newsletter, add_reader
from tests.clocks import NOON

ENVIRONMENT = Environment()
HOUR = timedelta(hours=1)
ACT: dict[str, Any] = {"actor": EDITOR, "now": NOON}


@pytest.fixture
def article_ids(database: Database) -> list[int]:
    """Give the daily a reader, three articles, and a story minimum that one article does not reach."""
    with database.transaction() as session:
        daily = add_newsletter(session, story_minimum=3)
        add_reader(session, daily, "ana@reader.example")
        return [add_article(session, daily, title=f"Title {n}", seen_at=NOON - HOUR).id for n in range(3)]


def built(database: Database, issue_id: int) -> IssueStatus:
    return build.build(database.transaction, issue_id, environment=ENVIRONMENT, now=NOON)


def test_breaking_news_tells_one_article_at_once_in_the_urgent_lane(
    database: Database, article_ids: list[int]
) -> None:
    with database.transaction() as session:
        issue_id = breaking.send(
            session, 1, article_ids[1], **ACT, subject="Now", is_flash=True, is_approved=True
        ).id

    assert built(database, issue_id) is IssueStatus.BUILT
    mailing_id = expand.expand(database.transaction, issue_id, now=NOON)

    with database.reading() as session:
        frozen = issues.frozen(issues.get(session, issue_id))
        assert [story.article_id for story in frozen.stories] == [article_ids[1]]
        assert (frozen.kind, frozen.is_flash, frozen.subjects) == (IssueKind.BREAKING, True, ("Now",))
        assert mailing_id is not None
        assert mailings.get(session, mailing_id).lane == Lane.URGENT


def test_breaking_news_does_not_move_the_window_of_the_next_digest(
    database: Database, article_ids: list[int]
) -> None:
    with database.transaction() as session:
        issue_id = breaking.send(session, 1, article_ids[0], **ACT, is_approved=True).id
    built(database, issue_id)
    with database.transaction() as session:
        digest_id = plan.plan_now(session, 1, now=NOON + HOUR).id

    build.build(database.transaction, digest_id, environment=ENVIRONMENT, now=NOON + HOUR)

    with database.reading() as session:
        frozen = issues.frozen(issues.get(session, digest_id))
        assert {story.article_id for story in frozen.stories if story.is_fresh} == set(article_ids)


def test_without_an_approval_the_desk_is_asked_and_nothing_goes_out(
    database: Database, article_ids: list[int]
) -> None:
    drafting = Actor(name="Dora", way=Way.API, role=Role.DRAFT)
    with database.transaction() as session:
        editors.add(session, name="Ada", address="ada@post.example.com", role=Role.SEND, **ACT)
        with pytest.raises(Forbidden):
            breaking.send(session, 1, article_ids[0], actor=drafting, now=NOON, is_approved=True)
        with pytest.raises(Forbidden):
            breaking.send(session, 1, article_ids[0], actor=drafting, now=NOON, is_flash=True)
        issue_id = breaking.send(session, 1, article_ids[0], actor=drafting, now=NOON).id

    built(database, issue_id)

    with database.reading() as session:
        assert notices.waiting(session) == 1
        assert notices.get(session, 1).payload["headlines"] == ["Title 0"]  # type: ignore[union-attr]
        assert desk.ready(session) == []


def test_what_cannot_be_breaking_news_is_refused(database: Database, article_ids: list[int]) -> None:
    first, second, third = article_ids
    with database.transaction() as session:
        issue_id = breaking.send(session, 1, first, **ACT).id
        articles.mark_retracted(session, second, now=NOON)
        other = add_newsletter(session, slug="weekly").id
    refused = {
        "breaking_before": (1, first),
        "retracted": (1, second),
        "not_in_newsletter": (other, third),
    }

    for reason, (newsletter_id, article_id) in refused.items():
        with pytest.raises(Conflict) as caught, database.transaction() as session:
            breaking.send(session, newsletter_id, article_id, **ACT)
        assert caught.value.reason == reason

    with database.transaction() as session:
        assert [issue.id for issue in issues.listing(session)] == [issue_id]
        assert breaking.send(session, 1, first, **ACT, is_again=True).id != issue_id
        with pytest.raises(Conflict):
            arranging.pin(session, issue_id, third, **ACT)


def test_a_retraction_stops_breaking_news_that_has_not_begun(
    database: Database, article_ids: list[int]
) -> None:
    with database.transaction() as session:
        issue_id = breaking.send(session, 1, article_ids[0], **ACT, is_approved=True).id
    built(database, issue_id)

    with database.transaction() as session:
        articles.mark_retracted(session, article_ids[0], now=NOON)
        desk.rebuild_retracted(session, now=NOON)

    with database.reading() as session:
        issue = issues.get(session, issue_id)
        assert (issue.status, issue.reason) == (IssueStatus.CANCELLED, "retracted")
        assert desk.ready(session) == []


def test_an_article_of_several_newsletters_needs_a_word(database: Database, article_ids: list[int]) -> None:
    with database.transaction() as session:
        weekly = add_newsletter(session, slug="weekly")
        session.add(NewsletterArticle(newsletter_id=weekly.id, article_id=article_ids[1], seen_at=NOON))
        session.flush()

        assert breaking.home(session, article_ids[0]) != weekly.id
        with pytest.raises(InvalidInput, match="daily, weekly"):
            breaking.home(session, article_ids[1])
        with pytest.raises(InvalidInput, match="No newsletter"):
            breaking.home(session, 4711)
