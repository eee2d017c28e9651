"""What an issue is made of, from the database and back into it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any  # columns of a row

import pytest

from newsletter.digest import build, plan
from newsletter.domain.issues import IssueKind, IssueStatus, SkipReason, Verdict
from newsletter.domain.rendered import FrozenIssue
from newsletter.rendering.environment import Environment
from newsletter.reporting import articles as reporting
from newsletter.store import Database, alerts, desk, issues, newsletters, stories, verdicts
from newsletter.store.tables import Article, Issue, IssueArticle, NewsletterArticle
from tests.builders import add_article, add_newsletter
from tests.clocks import NOON

ENVIRONMENT = Environment()
HOUR = timedelta(hours=1)


@pytest.fixture
def issue_id(database: Database) -> int:
    """Plan an issue with four articles; the first two have the website's id of one story."""
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        for minutes, title in enumerate(("Ferry burns", "Four dead on ferry", "Choir wins", "Tunnel opens")):
            key = "fire" if "erry" in title else None
            seen_at = NOON - HOUR + timedelta(minutes=minutes)
            add_article(session, newsletter, title=title, seen_at=seen_at, story_key=key)
        return plan.plan_now(session, newsletter.id, now=NOON).id


def built(database: Database, issue_id: int, **over: Any) -> IssueStatus:
    values: dict[str, Any] = {"environment": ENVIRONMENT, "now": NOON + 6 * HOUR} | over
    return build.build(database.transaction, issue_id, **values)


def frozen(database: Database, issue_id: int) -> FrozenIssue:
    with database.reading() as session:
        return issues.frozen(issues.get(session, issue_id))


def judged(database: Database, issue_id: int) -> dict[str, Verdict]:
    with database.reading() as session:
        rows = session.query(IssueArticle, Article).join(Article, Article.id == IssueArticle.article_id)
        return {article.title: row.verdict for row, article in rows.filter(IssueArticle.issue_id == issue_id)}


def test_a_build_keeps_stories_and_a_verdict_for_each_article(database: Database, issue_id: int) -> None:
    built(database, issue_id)

    found = frozen(database, issue_id)
    assert [story.title for story in found.stories] == ["Tunnel opens", "Choir wins", "Four dead on ferry"]
    lead = found.stories[-1]
    assert (lead.members, [link.title for link in lead.more]) == ((1,), ["Ferry burns"])
    assert judged(database, issue_id) == {
        "Ferry burns": Verdict.SAME_STORY,
        "Four dead on ferry": Verdict.CANDIDATE,
        "Choir wins": Verdict.CANDIDATE,
        "Tunnel opens": Verdict.CANDIDATE,
    }
    with database.reading() as session:
        assert all(article.frozen_at for article in session.query(Article))
        (issue, row), *_ = verdicts.of_article(session, 1, limit=5)
        assert (issue.id, row.lead_id, row.rank) == (issue_id, 2, None)
        assert row.detail["links"] == [[2, "the website gives both the story id fire"]]


def test_the_desk_decides_and_the_preview_shows_it(database: Database, issue_id: int) -> None:
    with database.transaction() as session:
        old = add_article(
            session, newsletters.by_slug(session, "daily"), title="Evergreen", seen_at=NOON - 99 * 24 * HOUR
        )
        desk.put(session, issue_id, old.id, pin=1)
        desk.put(session, issue_id, 3, title="Choir wins again")
        desk.put(session, issue_id, 4, is_banned=True)
        issue = issues.get(session, issue_id)
        issue.note, issue.subjects = "Good morning.", ["One", "Two"]
        newsletters.get(
            session, issue.newsletter_id
        ).rules = "selection: {top_count: 2}\nsubject_test: {sample_percent: 10}"
        shown = build.preview_issue(session, issue_id, environment=ENVIRONMENT).frozen

    built(database, issue_id)

    found = frozen(database, issue_id)
    titles = [story.title for story in found.stories]
    assert titles == ["Evergreen", "Choir wins again", "Four dead on ferry"]
    assert [story.title for story in shown.stories] == titles
    assert (found.note, found.subjects, found.sample_percent) == ("Good morning.", ("One", "Two"), 10)
    assert (found.top_count, found.has_clicks, found.reach_hours) == (2, True, 48)
    assert found.highest == max(
        number for story in found.stories for number in (story.number, *story.members)
    )
    assert judged(database, issue_id)["Tunnel opens"] is Verdict.BANNED


def test_building_again_replaces_the_verdicts(database: Database, issue_id: int) -> None:
    built(database, issue_id)
    with database.transaction() as session:
        desk.revise(session, issue_id)
        desk.put(session, issue_id, 3, is_banned=True)

    assert judged(database, issue_id) == {}
    built(database, issue_id)

    assert judged(database, issue_id)["Choir wins"] is Verdict.BANNED


def test_an_article_that_was_being_stored_while_the_last_issue_was_built_is_new_in_the_next(
    database: Database, issue_id: int
) -> None:
    built(database, issue_id)
    with database.transaction() as session:
        newsletter = newsletters.by_slug(session, "daily")
        add_article(session, newsletter, title="Late", seen_at=NOON - timedelta(minutes=5))
        second = plan.plan_now(session, newsletter.id, now=NOON + HOUR).id

    built(database, second)

    assert [story.title for story in frozen(database, second).stories if story.is_fresh] == ["Late"]


def test_an_article_that_comes_before_the_cut_off_enters_a_planned_issue(
    database: Database, issue_id: int
) -> None:
    with database.transaction() as session:
        add_article(session, newsletters.by_slug(session, "daily"), title="Flash", seen_at=NOON)

    built(database, issue_id)

    assert frozen(database, issue_id).stories[0].title == "Flash"


def test_what_another_newsletter_told_is_part_of_the_story(database: Database, issue_id: int) -> None:
    with database.transaction() as session:
        weekly = add_newsletter(session, slug="weekly")
        other = add_article(session, weekly, title="Fire at sea", seen_at=NOON - HOUR, story_key="fire")
        other.frozen_at = NOON - HOUR
        add_article(session, weekly, title="Untold", seen_at=NOON - HOUR, story_key="fire")

    built(database, issue_id)

    story = next(s for s in frozen(database, issue_id).stories if s.title == "Four dead on ferry")
    assert story.members == (5, 1)
    assert [link.title for link in story.more] == ["Ferry burns"]
    assert "Fire at sea" not in judged(database, issue_id)


def test_a_later_issue_keeps_the_stories_of_those_before_it(database: Database, issue_id: int) -> None:
    def second(slug: str = "daily", hours: int = 1) -> dict[str, tuple[int, ...]]:
        with database.transaction() as session:
            newsletter = newsletters.by_slug(session, slug)
            add_article(session, newsletter, title=f"New {slug} {hours}", seen_at=NOON + hours * HOUR / 2)
            second_id = plan.plan_now(session, newsletter.id, now=NOON + hours * HOUR).id
        built(database, second_id)
        return {story.title: story.members for story in frozen(database, second_id).stories}

    with database.transaction() as session:
        newsletters.by_slug(session, "daily").rules = "stories: {more_maximum: 0, window_hours: 0}"
        weekly = add_newsletter(session, slug="weekly", rules="stories: {window_hours: 0}")
        other = add_article(session, weekly, title="Fire at sea", seen_at=NOON - HOUR)
        other.story_key, other.frozen_at = "fire", NOON
    built(database, issue_id)
    with database.transaction() as session:
        for article_id, key in ((1, None), (2, None), (other.id, "sea")):
            session.get_one(Article, article_id).story_key = key

    assert second()["Four dead on ferry"] == (other.number, 1)
    assert second("weekly", 2)["Fire at sea"] == (2, 1)
    with database.transaction() as session:
        stories.rule(session, 1, 2, is_same=False, by="Ada", now=NOON)
    told = second(hours=3)
    assert 1 not in told["Four dead on ferry"]
    assert 2 not in told["Ferry burns"]


def test_what_an_issue_that_was_given_up_had_as_one_story_ties_nothing(
    database: Database, issue_id: int
) -> None:
    built(database, issue_id)
    with database.transaction() as session:
        newsletters.by_slug(session, "daily").rules = "stories: {window_hours: 0}"
        session.get_one(Article, 1).story_key = None
        newsletter_id = issues.get(session, issue_id).newsletter_id
        issues.require_move(session, issue_id, IssueStatus.CANCELLED)
        second_id = plan.plan_now(session, newsletter_id, now=NOON).id

    built(database, second_id)

    assert [story.members for story in frozen(database, second_id).stories] == [()] * 4


def test_an_editors_word_reaches_further_than_the_window(database: Database, issue_id: int) -> None:
    with database.transaction() as session:
        newsletter = newsletters.by_slug(session, "daily")
        old = add_article(session, newsletter, title="In spring", seen_at=NOON - 99 * 24 * HOUR)
        stories.rule(session, 3, old.id, is_same=False, by="Ben", now=NOON - HOUR)
        stories.rule(session, old.id, 3, is_same=True, by="Ada", now=NOON)
        stories.rule(session, 1, 2, is_same=False, by="Ada", now=NOON)

    built(database, issue_id)

    found = {story.title: story.members for story in frozen(database, issue_id).stories}
    assert found == {"Tunnel opens": (), "Choir wins": (5,), "Four dead on ferry": (), "Ferry burns": ()}


def test_stories_count_for_the_minimum_and_a_skipped_issue_is_an_alert(
    database: Database, issue_id: int
) -> None:
    with database.transaction() as session:
        newsletters.by_slug(session, "daily").story_minimum = 4

    status = built(database, issue_id)

    with database.transaction() as session:
        assert (status, issues.get(session, issue_id).reason) == (
            IssueStatus.SKIPPED,
            SkipReason.TOO_FEW_ARTICLES,
        )
        (alert,) = [a for a in alerts.recent(session, now=NOON + 6 * HOUR) if a.code == build.SKIPPED_ALERT]
        assert "3 new stories and needs 4" in alert.text
        (said,) = (each.sentence for each in reporting.why(session, 1, now=NOON).issues)
        assert said == (
            "told by article 2 of the same story; the issue was skipped (too few articles); it is left for the next one"
        )
        newsletters.by_slug(session, "daily").story_minimum = 1
        again = plan.plan_now(session, alert.newsletter_id or 0, now=NOON).id
    built(database, again)
    with database.reading() as session:
        assert alerts.recent(session, now=NOON + 6 * HOUR) == []


def test_a_newsletter_that_never_had_an_article_has_no_sources(database: Database) -> None:
    with database.transaction() as session:
        issue_id = plan.plan_now(session, add_newsletter(session).id, now=NOON).id

    built(database, issue_id)

    with database.reading() as session:
        assert issues.get(session, issue_id).reason == SkipReason.NO_SOURCES


@pytest.mark.parametrize("is_retracted", [False, True])
def test_breaking_news_is_its_article_or_nothing(
    database: Database, issue_id: int, is_retracted: bool
) -> None:
    with database.transaction() as session:
        values: dict[str, Any] = {"kind": IssueKind.BREAKING, "is_flash": True}
        newsletter_id = issues.get(session, issue_id).newsletter_id
        issue = issues.add(session, newsletter_id, since=NOON, cut_off_at=NOON, now=NOON, **values)
        assert issue is not None
        breaking_id = issue.id
        desk.put(session, breaking_id, 2, pin=1)
        session.get_one(Article, 2).retracted_at = NOON if is_retracted else None

    status = built(database, breaking_id)

    if is_retracted:
        with database.reading() as session:
            assert issues.get(session, breaking_id).reason == SkipReason.RETRACTED
        return
    found = frozen(database, breaking_id)
    assert status is IssueStatus.BUILT
    assert [(story.title, story.members) for story in found.stories] == [("Four dead on ferry", ())]
    assert (found.kind, found.is_flash, found.story_minimum) == (IssueKind.BREAKING, True, 1)
    assert judged(database, breaking_id) == {"Four dead on ferry": Verdict.PINNED}


def test_headlines_alone_are_built_whatever_is_wrong_with_the_templates(
    database: Database, issue_id: int, tmp_path: Path
) -> None:
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "story.html").write_text("{{ no_such_thing }}")
    broken = Environment(tmp_path)

    first = built(database, issue_id, environment=broken)
    second = built(database, issue_id, environment=broken, is_fallback=True)

    assert (first, second) == (IssueStatus.PLANNED, IssueStatus.BUILT)
    assert frozen(database, issue_id).is_fallback
    with database.reading() as session:
        assert session.get_one(Issue, issue_id).is_fallback


def test_backlog_is_told_apart_from_what_is_old(database: Database, issue_id: int) -> None:
    with database.transaction() as session:
        for article_id, reason in ((3, "first_import"), (4, "old")):
            place = session.get_one(NewsletterArticle, (1, article_id))
            place.is_backlog, place.reason = True, reason

    built(database, issue_id)

    assert judged(database, issue_id)["Choir wins"] is Verdict.BACKLOG
    assert judged(database, issue_id)["Tunnel opens"] is Verdict.OLD
