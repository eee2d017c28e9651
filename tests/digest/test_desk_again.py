"""A step at the desk that changes nothing leaves revision, approval and build as they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from newsletter.digest import arranging, desk, plan
from newsletter.domain.errors import Conflict
from newsletter.domain.issues import IssueStatus
from newsletter.store import Database
from newsletter.store.tables import Issue
from tests.builders import add_article, add_newsletter
from tests.clocks import NOON
from tests.digest.test_desk import HOUR, Desk

Step = Callable[[Desk], Issue]


@pytest.fixture
def arranged(database: Database) -> Desk:
    """Arrange an issue in every way, approve and build it."""
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        found = [add_article(session, newsletter, title=f"T{n}", seen_at=NOON - HOUR).id for n in range(5)]
        issue_id = plan.plan_now(session, newsletter.id, now=NOON).id
    made = Desk(database, issue_id, found)
    for step in STEPS:
        step(made)
    made.do(desk.approve, revision=made.issue.revision)
    assert made.build() is IssueStatus.BUILT
    return made


STEPS: list[Step] = [
    lambda at: at.do(arranging.reorder, at.article_ids[:2]),
    lambda at: at.do(arranging.pin, at.article_ids[0]),
    lambda at: at.do(arranging.ban, at.article_ids[3]),
    lambda at: at.do(arranging.retitle, at.article_ids[1], " Another "),
    lambda at: at.do(arranging.annotate, "Good morning.\n"),
    lambda at: at.do(arranging.name, ["One", "Two"]),
    lambda at: at.do(arranging.miss, [at.article_ids[4]]),
]
MORE: list[Step] = [
    lambda at: at.do(arranging.unpin, at.article_ids[2]),
    lambda at: at.do(arranging.unban, at.article_ids[0]),
    lambda at: at.do(arranging.retitle, at.article_ids[2], ""),
]


def test_the_same_again_voids_no_approval(arranged: Desk) -> None:
    before, steps = arranged.issue, arranged.steps

    for step in (*STEPS, *MORE):
        assert step(arranged).revision == before.revision

    after = arranged.issue
    assert (after.approved_revision, after.status) == (after.revision, IssueStatus.BUILT)
    assert after.built_at == before.built_at == NOON + HOUR
    assert arranged.steps == steps
    with pytest.raises(Conflict, match="has changed"):
        arranged.do(arranging.pin, arranged.article_ids[0], revision=1)


def test_what_is_other_in_one_thing_alone_is_a_change(arranged: Desk) -> None:
    revision = arranged.issue.revision

    arranged.do(arranging.pin, arranged.article_ids[1])
    arranged.do(arranging.miss, [])
    arranged.do(arranging.name, ["Two", "One"], now=NOON + timedelta(minutes=1))

    assert arranged.issue.revision == revision + 3
    assert arranged.pins == [(1, 1), (2, 0)]
