"""How an issue is built, skipped, previewed and decided about."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.digest import build, desk, plan
from newsletter.digest import newsletters as desk_of_newsletters
from newsletter.domain.errors import Conflict, NotFound
from newsletter.domain.issues import IssueStatus, OnSilence, SkipReason
from newsletter.domain.rendered import BlockKind
from newsletter.domain.subscriptions import Cadence
from newsletter.rendering.environment import Environment
from newsletter.store import Database, Session, blocks, counters, issues, newsletters
from newsletter.store.tables import Article, Issue, NewsletterArticle
from tests.builders import EDITOR, add_article, add_newsletter, add_topic
from tests.clocks import NOON

ENVIRONMENT = Environment()
HOUR = timedelta(hours=1)


def planned(database: Database, *titles: str, **over: object) -> int:
    """Plan an issue for noon, with these articles seen an hour before."""
    with database.transaction() as session:
        newsletter = newsletters.find(session, "daily") or add_newsletter(session, **over)
        for title in titles:
            add_article(session, newsletter, title=title, seen_at=NOON - HOUR)
        return plan.plan_now(session, newsletter.id, now=NOON).id


def built(database: Database, issue_id: int, **over: object) -> IssueStatus:
    return build.build(database.transaction, issue_id, environment=ENVIRONMENT, now=NOON + HOUR * 6)


def found(database: Database, issue_id: int) -> Issue:
    with database.reading() as session:
        return issues.get(session, issue_id)


def titles_of(database: Database, issue_id: int) -> list[str]:
    return [story.title for story in issues.frozen(found(database, issue_id)).stories if story.is_fresh]


def test_a_built_issue_holds_its_content_and_blocks(database: Database) -> None:
    issue_id = planned(database, "One", "Two")

    status = built(database, issue_id)

    issue = found(database, issue_id)
    frozen = issues.frozen(issue)
    assert status is issue.status is IssueStatus.BUILT
    assert [story.title for story in frozen.stories] == ["Two", "One"]
    assert frozen.highest == max(story.number for story in frozen.stories)
    assert issue.nonce == frozen.nonce
    with database.reading() as session:
        kept = blocks.of_issue(session, issue_id, "en")
        assert [block.kind for block in (kept[0], kept[-1])] == [BlockKind.FRAME_HEAD, BlockKind.FRAME_FOOT]
        assert len(kept) == 2 * 3 + 5
        assert all(session.get_one(Article, story.article_id).frozen_at for story in frozen.stories)


def test_building_twice_or_in_two_places_builds_once(database: Database) -> None:
    issue_id = planned(database, "One")

    with ThreadPoolExecutor(3) as pool:
        statuses = list(pool.map(lambda _: built(database, issue_id), range(3)))
    nonce = found(database, issue_id).nonce
    again = built(database, issue_id)

    assert set(statuses) == {IssueStatus.BUILT}
    assert again is IssueStatus.BUILT
    assert found(database, issue_id).nonce == nonce


def test_an_issue_is_not_built_before_its_cut_off(database: Database) -> None:
    issue_id = planned(database, "One")

    status = build.build(database.transaction, issue_id, environment=ENVIRONMENT, now=NOON - HOUR)

    assert status is IssueStatus.PLANNED


def test_an_issue_carries_what_was_seen_since_the_last_one(database: Database) -> None:
    first = planned(database, "One")
    built(database, first)
    with database.transaction() as session:
        newsletter = newsletters.by_slug(session, "daily")
        add_article(session, newsletter, title="Two", seen_at=NOON + HOUR)
        add_article(session, newsletter, title="Too new", seen_at=NOON + HOUR * 3)
        second = plan.plan_now(session, newsletter.id, now=NOON + HOUR * 2).id

    built(database, second)

    assert titles_of(database, second) == ["Two"]
    frozen = issues.frozen(found(database, second))
    assert [story.title for story in frozen.stories] == ["Two", "One"]  # One is for readers of a weekly mail


def test_an_issue_without_articles_is_skipped_with_the_reason(database: Database) -> None:
    issue_id = planned(database)
    with database.transaction() as session:
        newsletter = newsletters.by_slug(session, "daily")
        add_article(session, newsletter, title="Long ago", seen_at=NOON - timedelta(days=30))

    status = built(database, issue_id)

    assert status is IssueStatus.SKIPPED
    assert found(database, issue_id).reason == SkipReason.NO_ARTICLES


def test_what_a_skipped_issue_would_have_carried_is_in_the_next_one(database: Database) -> None:
    first = planned(database, "One", story_minimum=2)
    assert built(database, first) is IssueStatus.SKIPPED
    assert found(database, first).reason == SkipReason.TOO_FEW_ARTICLES
    with database.transaction() as session:
        newsletter = newsletters.by_slug(session, "daily")
        add_article(session, newsletter, title="Two", seen_at=NOON + HOUR)
        second = plan.plan_now(session, newsletter.id, now=NOON + HOUR * 2).id

    built(database, second)

    assert titles_of(database, second) == ["Two", "One"]


def test_what_a_cancelled_issue_would_have_carried_is_in_the_next_one(database: Database) -> None:
    first = planned(database, "One")
    built(database, first)
    with database.transaction() as session:
        desk.cancel(session, first, actor=EDITOR, now=NOON)
    second = planned(database)

    built(database, second)

    assert titles_of(database, second) == ["One"]


def test_backlog_and_retracted_articles_are_left_out(database: Database) -> None:
    issue_id = planned(database, "Old", "Wrong", "Right")
    with database.transaction() as session:
        newsletter = newsletters.by_slug(session, "daily")
        by_title = {article.title: article for article in session.query(Article)}
        by_title["Wrong"].retracted_at = NOON
        session.get_one(NewsletterArticle, (newsletter.id, by_title["Old"].id)).is_backlog = True

    built(database, issue_id)

    assert titles_of(database, issue_id) == ["Right"]


def test_a_change_after_the_build_does_not_reach_the_issue(database: Database) -> None:
    issue_id = planned(database, "One")
    built(database, issue_id)
    before = issues.frozen(found(database, issue_id))
    with database.transaction() as session:
        newsletter = newsletters.by_slug(session, "daily")
        newsletter.name, newsletter.from_address = "Other", "other@post.example.com"
        session.query(Article).one().title = "Changed"

    after = issues.frozen(found(database, issue_id))

    assert after == before
    assert after.identity.name == "The Daily"


def test_a_fault_in_a_template_leaves_the_issue_planned_and_names_file_and_line(
    database: Database, tmp_path: Path
) -> None:
    issue_id = planned(database, "One")
    (tmp_path / "email").mkdir()
    broken = tmp_path / "email" / "heading.html"
    broken.write_text("<tr><td>\n{{ no_such_thing }}</td></tr>")

    status = build.build(database.transaction, issue_id, environment=Environment(tmp_path), now=NOON)

    issue = found(database, issue_id)
    assert status is issue.status is IssueStatus.PLANNED
    assert issue.fault is not None
    assert "email/heading.html, line 2: 'no_such_thing' is undefined" in issue.fault
    broken.unlink()
    assert build.build(database.transaction, issue_id, environment=Environment(tmp_path), now=NOON) is (
        IssueStatus.BUILT
    )
    assert found(database, issue_id).fault is None


def test_topics_are_frozen_with_the_stories(database: Database) -> None:
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        add_topic(session, newsletter, "sport", number=0)
        add_topic(session, newsletter, "culture", number=1)
        add_article(session, newsletter, title="Match", seen_at=NOON, topics=0b01)
        add_article(session, newsletter, title="Film", seen_at=NOON, topics=0b10)
        issue_id = plan.plan_now(session, newsletter.id, now=NOON).id

    built(database, issue_id)

    frozen = issues.frozen(found(database, issue_id))
    chooser = frozen.chooser()
    sport = chooser.in_order(chooser.choose(topics=0b01, cadence=Cadence.EVERY_ISSUE, history=0))
    by_number = {story.number: story.title for story in frozen.stories}
    assert [by_number[number] for number in sport] == ["Match"]
    assert [topic.name for topic in frozen.topics] == ["Sport", "Culture"]


def test_a_preview_moves_nothing(database: Database) -> None:
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        add_article(session, newsletter, title="One", seen_at=NOON - HOUR)
        newsletter_id = newsletter.id

    with database.reading() as session:
        frozen, rendered, _ = build.preview(session, newsletter_id, environment=ENVIRONMENT, now=NOON)

    assert (frozen.issue_id, frozen.number) == (0, 1)
    assert [story.title for story in frozen.stories] == ["One"]
    assert len(rendered) == 3 + 5
    with database.reading() as session:
        assert issues.listing(session) == []
        assert counters.last(session, f"issue:{newsletter_id}") == 0
        assert session.query(Article).one().frozen_at is None


def test_a_preview_shows_the_newest_articles_when_nothing_is_new(session: Session) -> None:
    newsletter = add_newsletter(session)
    add_article(session, newsletter, title="Old", seen_at=NOON - timedelta(days=30))

    frozen, *_ = build.preview(session, newsletter.id, environment=ENVIRONMENT, now=NOON)

    chooser = frozen.chooser()
    assert chooser.choose(topics=0, cadence=Cadence.EVERY_ISSUE, history=0)
    assert [story.title for story in frozen.stories] == ["Old"]


def test_a_preview_of_nothing_says_what_to_do(session: Session) -> None:
    newsletter = add_newsletter(session)

    with pytest.raises(Conflict) as caught:
        build.preview(session, newsletter.id, environment=ENVIRONMENT, now=NOON)

    assert "sources" in caught.value.hint


def test_the_preview_of_a_built_issue_is_the_issue(database: Database) -> None:
    issue_id = planned(database, "One")
    with database.reading() as session:
        before = build.preview_issue(session, issue_id, environment=ENVIRONMENT)
    built(database, issue_id)

    with database.reading() as session:
        after = build.preview_issue(session, issue_id, environment=ENVIRONMENT)

    assert [story.title for story in before.frozen.stories] == ["One"]
    assert after.frozen == issues.frozen(found(database, issue_id))


def test_silence_sends_or_holds_as_the_newsletter_says(session: Session) -> None:
    speaking = add_newsletter(session)
    silent = add_newsletter(session, slug="careful", on_silence=OnSilence.HOLD)
    ids = []
    for newsletter in (speaking, silent):
        schedule = desk_of_newsletters.add_schedule(session, newsletter, cron="0 12 * * *", now=NOON - HOUR)
        issue = issues.add(
            session,
            newsletter.id,
            since=NOON - HOUR,
            cut_off_at=NOON,
            now=NOON,
            schedule_id=schedule.id,
            slot_at=NOON,
        )
        assert issue is not None
        issues.require_move(session, issue.id, IssueStatus.BUILT)
        ids.append(issue.id)

    before = desk.ready(session)
    desk.approve(session, ids[1], actor=EDITOR, now=NOON)

    assert before == ids[:1]
    assert desk.ready(session) == ids


def test_an_issue_planned_by_hand_goes_out_only_when_somebody_says_so(session: Session) -> None:
    issue = plan.plan_now(session, add_newsletter(session).id, now=NOON)
    issues.require_move(session, issue.id, IssueStatus.BUILT)

    before = desk.ready(session)
    desk.approve(session, issue.id, actor=EDITOR, now=NOON)

    assert (before, desk.ready(session)) == ([], [issue.id])


def test_an_approval_counts_for_the_revision_that_was_approved(session: Session) -> None:
    newsletter = add_newsletter(session, on_silence=OnSilence.HOLD)
    issue = plan.plan_now(session, newsletter.id, now=NOON)
    desk.approve(session, issue.id, actor=EDITOR, now=NOON)
    issues.require_move(session, issue.id, IssueStatus.BUILT)
    assert desk.ready(session) == [issue.id]

    issue.revision += 1
    session.flush()

    assert desk.ready(session) == []


def test_a_held_issue_waits_for_approval(session: Session) -> None:
    newsletter = add_newsletter(session)
    issue = plan.plan_now(session, newsletter.id, now=NOON)
    issues.require_move(session, issue.id, IssueStatus.BUILT)

    held = desk.hold(session, issue.id, actor=EDITOR, now=NOON)
    assert (held.status, desk.ready(session)) == (IssueStatus.HELD, [])
    approved = desk.approve(session, issue.id, actor=EDITOR, now=NOON)

    assert (approved.status, desk.ready(session)) == (IssueStatus.BUILT, [issue.id])


def test_what_is_over_cannot_be_decided_about(session: Session) -> None:
    newsletter = add_newsletter(session)
    issue = plan.plan_now(session, newsletter.id, now=NOON)
    desk.cancel(session, issue.id, actor=EDITOR, now=NOON)

    for decide in (desk.hold, desk.cancel):
        with pytest.raises(Conflict):
            decide(session, issue.id, actor=EDITOR, now=NOON)
    with pytest.raises(Conflict):
        desk.approve(session, issue.id, actor=EDITOR, now=NOON)
    with pytest.raises(NotFound):
        desk.hold(session, 999, actor=EDITOR, now=NOON)


def test_planned_issues_are_due_at_their_cut_off(session: Session) -> None:
    newsletter = add_newsletter(session)
    issue = plan.plan_now(session, newsletter.id, now=NOON)

    assert desk.due_builds(session, now=NOON - HOUR) == []
    assert desk.due_builds(session, now=NOON) == [issue.id]


def test_an_article_that_was_being_stored_while_an_issue_was_built_is_fresh_in_the_next(
    database: Database,
) -> None:
    built(database, planned(database, "In time"))
    with database.transaction() as session:
        newsletter = newsletters.by_slug(session, "daily")
        add_article(session, newsletter, title="Late", seen_at=NOON - timedelta(seconds=20))
        second = plan.plan_now(session, newsletter.id, now=NOON + HOUR).id

    assert built(database, second) is IssueStatus.BUILT

    assert titles_of(database, second) == ["Late"]


def test_newer_stories_stand_first_by_steps_of_half_a_day(database: Database) -> None:
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        for title, age in (("Oldest", 30), ("Newest", 1), ("Middle", 13)):
            published_at = NOON - age * HOUR
            add_article(session, newsletter, title=title, seen_at=NOON - HOUR / 2, published_at=published_at)
        issue_id = plan.plan_now(session, newsletter.id, now=NOON).id

    built(database, issue_id)

    assert titles_of(database, issue_id) == ["Newest", "Middle", "Oldest"]
