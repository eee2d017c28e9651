"""What previews and test mails show: the mail of a reader who got the issues before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from newsletter.digest import build, plan
from newsletter.domain.issues import IssueStatus
from newsletter.rendering.environment import Environment
from newsletter.sending import sample
from newsletter.store import Database, issues, newsletters
from tests.builders import add_article, add_newsletter, add_topic
from tests.clocks import NOON

ENVIRONMENT = Environment()
HOUR = timedelta(hours=1)


def shown(database: Database, *, hours: int, topics: Sequence[str] = ()) -> list[str]:
    """Return the titles of a preview of the next issue, some hours after noon."""
    with database.reading() as session:
        newsletter = newsletters.by_slug(session, "daily")
        frozen, *_ = build.preview(session, newsletter.id, environment=ENVIRONMENT, now=NOON + hours * HOUR)
        titles = {story.number: story.title for story in frozen.stories}
        picks = sample.of_topics(session, frozen, topics)
    return [titles[number] for number in frozen.chooser().in_order(picks)]


def mail_an_issue(database: Database) -> None:
    """Build an issue at noon and let it stand as mailed."""
    with database.transaction() as session:
        issue_id = plan.plan_now(session, newsletters.by_slug(session, "daily").id, now=NOON).id
    build.build(database.transaction, issue_id, environment=ENVIRONMENT, now=NOON)
    with database.transaction() as session:
        issues.require_move(session, issue_id, IssueStatus.MAILED, only_from=IssueStatus.BUILT)


def test_a_preview_shows_what_a_reader_of_the_issues_before_would_get(database: Database) -> None:
    with database.transaction() as session:
        newsletter = add_newsletter(session, story_maximum=2)
        add_topic(session, newsletter, "sport", number=0)
        add_topic(session, newsletter, "culture", number=1)
        for hours, title in (
            (4, "Old match"),
            (3, "Old play"),
            (2, "Tide turns early"),
            (1, "Bridge reopens"),
        ):
            topics = 0b01 if "match" in title else 0b10
            add_article(session, newsletter, title=title, seen_at=NOON - hours * HOUR, topics=topics)
    before = shown(database, hours=0)
    mail_an_issue(database)
    with database.transaction() as session:
        newsletter = newsletters.by_slug(session, "daily")
        add_article(session, newsletter, title="New", seen_at=NOON + HOUR)

    assert before == ["Bridge reopens", "Tide turns early"]
    assert shown(database, hours=2) == ["New", "Old play"]  # the best that the first issue had no room for
    assert shown(database, hours=2, topics=["sport"]) == ["New"]  # who had the match


def test_with_nothing_left_it_shows_what_a_new_reader_would_get(database: Database) -> None:
    with database.transaction() as session:
        add_article(session, add_newsletter(session), title="Old", seen_at=NOON - HOUR)
    mail_an_issue(database)

    assert shown(database, hours=1) == ["Old"]
