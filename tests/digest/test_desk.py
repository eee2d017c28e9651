"""How editors arrange an issue and decide about it, two at once and after its build too."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier
from typing import Any, TypeVar

import pytest

from newsletter.digest import arranging, build, desk, plan
from newsletter.digest import newsletters as publishing
from newsletter.domain.editors import Actor, Role, Way
from newsletter.domain.errors import Conflict, Forbidden, InvalidInput, NewsletterError, NotFound
from newsletter.domain.issues import IssueStatus, OnSilence
from newsletter.rendering.environment import Environment
from newsletter.sending import expand
from newsletter.store import Database, Session, articles, audit, blocks, issues, mailings, newsletters
from newsletter.store import desk as kept
from newsletter.store.tables import Issue
from tests.builders import EDITOR, add_article, add_newsletter, add_reader
from tests.clocks import NOON

ENVIRONMENT = Environment()
HOUR = timedelta(hours=1)
ACT: dict[str, Any] = {"actor": EDITOR, "now": NOON}
T = TypeVar("T")


@dataclass
class Desk:
    """Hold an issue of four articles, and build it."""

    database: Database
    issue_id: int
    article_ids: list[int]

    def do(self, step: Callable[..., Issue], *given: object, **over: object) -> Issue:
        with self.database.transaction() as session:
            return step(session, self.issue_id, *given, **(ACT | over))

    def build(self) -> IssueStatus:
        return build.build(self.database.transaction, self.issue_id, environment=ENVIRONMENT, now=NOON + HOUR)

    @property
    def issue(self) -> Issue:
        with self.database.reading() as session:
            return issues.get(session, self.issue_id)

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Return who did what, the oldest first."""
        with self.database.reading() as session:
            return [(e.by, e.action) for e in reversed(audit.listing(session, issue_id=self.issue_id))]

    @property
    def pins(self) -> list[tuple[int, int]]:
        with self.database.reading() as session:
            return [(p, self.article_ids.index(a)) for p, a in kept.pinned(session, self.issue_id)]


@pytest.fixture
def at_desk(database: Database) -> Desk:
    """Plan an issue for noon."""
    with database.transaction() as session:
        newsletter = add_newsletter(session, on_silence=OnSilence.HOLD)
        found = [
            add_article(session, newsletter, title=f"Title {n}", seen_at=NOON - HOUR).id for n in range(4)
        ]
        issue_id = plan.plan_now(session, newsletter.id, now=NOON).id
    return Desk(database, issue_id, found)


def test_every_step_counts_the_revision_voids_the_approval_and_is_written_down(at_desk: Desk) -> None:
    first, second, third, _ = at_desk.article_ids
    at_desk.do(desk.approve, revision=1)

    at_desk.do(arranging.pin, first)
    at_desk.do(arranging.pin, second)
    at_desk.do(arranging.ban, third)
    at_desk.do(arranging.retitle, first, "  Another\x00 headline ")
    at_desk.do(arranging.annotate, "Good morning.\n\nAda")
    named = at_desk.do(arranging.name, ["One", "Two"])

    assert (named.revision, named.approved_revision) == (7, 1)
    assert (named.note, named.subjects) == ("Good morning.\n\nAda", ["One", "Two"])
    assert at_desk.pins == [(1, 1), (2, 0)]
    assert [action for _, action in at_desk.steps] == [
        *("approve", "pin", "pin", "ban", "retitle", "note", "subjects")
    ]
    with at_desk.database.reading() as session:
        decided = {item.article_id: item for item in kept.items(session, at_desk.issue_id)}
        assert decided[first].title == "Another headline"
        assert decided[third].is_banned
        assert audit.listing(session, search="another HEADLINE")[0].article_id == first
        assert audit.listing(session, search="nobody") == []


def test_the_last_word_on_an_article_holds(at_desk: Desk) -> None:
    first, second, third, fourth = at_desk.article_ids

    at_desk.do(arranging.reorder, [third, first, second])
    at_desk.do(arranging.ban, third)
    at_desk.do(arranging.pin, fourth, place=2)
    at_desk.do(arranging.unpin, second)
    at_desk.do(arranging.unban, third)

    assert at_desk.pins == [(2, 3), (3, 0)]
    with at_desk.database.reading() as session:
        assert {item.article_id for item in kept.items(session, at_desk.issue_id)} == {first, fourth}


def test_what_cannot_be_in_an_issue_is_refused_and_changes_nothing(at_desk: Desk) -> None:
    first, second, *_ = at_desk.article_ids
    with at_desk.database.transaction() as session:
        articles.mark_retracted(session, first, now=NOON)
        other = add_newsletter(session, slug="weekly")
        foreign = add_article(session, other, title="Foreign", seen_at=NOON).id
    bound = Actor(name="Ben", way=Way.API, role=Role.SEND, newsletters=frozenset({99}))
    refused: list[tuple[type[NewsletterError], str, Callable[[], object]]] = [
        (Conflict, "retracted", lambda: at_desk.do(arranging.pin, first)),
        (Conflict, "retracted", lambda: at_desk.do(arranging.miss, [first])),
        (Conflict, "not_in_newsletter", lambda: at_desk.do(arranging.reorder, [second, foreign])),
        (NotFound, "unknown_article", lambda: at_desk.do(arranging.ban, 999)),
        (InvalidInput, "bad_place", lambda: at_desk.do(arranging.pin, second, place=0)),
        (InvalidInput, "bad_articles", lambda: at_desk.do(arranging.reorder, [second, second])),
        (InvalidInput, "bad_subjects", lambda: at_desk.do(arranging.name, ["One", "One"])),
        (InvalidInput, "too_long", lambda: at_desk.do(arranging.retitle, second, "x" * 301)),
        (Forbidden, "role_missing", lambda: at_desk.do(arranging.ban, second, actor=bound)),
        (Conflict, "changed", lambda: at_desk.do(arranging.ban, second, revision=7)),
    ]

    for kind, reason, step in refused:
        with pytest.raises(kind) as caught:
            step()
        assert caught.value.reason == reason

    assert (at_desk.issue.revision, at_desk.steps) == (1, [])


def test_an_article_is_told_as_missed_once(at_desk: Desk) -> None:
    first, second, *_ = at_desk.article_ids
    with at_desk.database.transaction() as session:
        newsletter_id = issues.get(session, at_desk.issue_id).newsletter_id
        next_id = plan.plan_now(session, newsletter_id, now=NOON + HOUR).id

    for order in ([first, second], [second, first]):
        at_desk.do(arranging.miss, order)
        with at_desk.database.reading() as session:
            assert [item.article_id for item in kept.items(session, at_desk.issue_id)] == order
    at_desk.do(arranging.miss, [first])

    with at_desk.database.transaction() as session:
        with pytest.raises(Conflict) as caught:
            arranging.miss(session, next_id, [first], **ACT)
        arranging.miss(session, next_id, [second], **ACT)
    assert caught.value.reason == "missed_before"


def test_a_draft_editor_arranges_and_does_not_send(at_desk: Desk) -> None:
    drafting = Actor(name="Dora", way=Way.API, role=Role.DRAFT)

    at_desk.do(arranging.pin, at_desk.article_ids[0], actor=drafting)
    for step in (desk.approve, desk.hold, desk.veto):
        with pytest.raises(Forbidden):
            at_desk.do(step, actor=drafting)

    assert at_desk.steps == [("Dora", "pin")]


def test_what_has_changed_since_it_was_looked_at_is_not_approved(at_desk: Desk) -> None:
    at_desk.do(arranging.pin, at_desk.article_ids[0])

    with pytest.raises(Conflict) as caught:
        at_desk.do(desk.approve, revision=1)

    assert caught.value.reason == "changed"
    assert at_desk.do(desk.approve, revision=2).approved_by == "editor"


def test_two_who_approve_at_once_both_have_what_they_want(at_desk: Desk) -> None:
    at_desk.build()
    barrier = Barrier(2)

    def approve(name: str) -> str | None:
        barrier.wait()
        actor = Actor(name=name, way=Way.API, role=Role.SEND)
        return at_desk.do(desk.approve, actor=actor, revision=1).approved_by

    with ThreadPoolExecutor(2) as pool:
        names = set(pool.map(approve, ("Ada", "Ben")))

    assert names == {at_desk.issue.approved_by}
    assert {name for name, _ in at_desk.steps} == {"Ada", "Ben"}


def test_of_two_who_change_the_same_revision_one_is_told(at_desk: Desk) -> None:
    barrier = Barrier(2)

    def change(article_id: int) -> str:
        barrier.wait()
        try:
            at_desk.do(arranging.pin, article_id, revision=1)
        except Conflict as error:
            return error.reason
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(change, at_desk.article_ids[:2])) == ["changed", "done"]
    assert (at_desk.issue.revision, len(at_desk.pins)) == (2, 1)


def test_an_issue_that_is_changed_after_its_build_is_built_again(at_desk: Desk) -> None:
    assert at_desk.build() is IssueStatus.BUILT
    at_desk.do(desk.approve, revision=1)
    before = at_desk.issue

    at_desk.do(arranging.retitle, at_desk.article_ids[0], "Other")

    after = at_desk.issue
    assert (after.status, after.frozen, after.cut_off_at) == (IssueStatus.PLANNED, None, before.cut_off_at)
    with at_desk.database.reading() as session:
        assert blocks.of_issue(session, at_desk.issue_id, "en") == []
        assert desk.due_builds(session, now=NOON) == [at_desk.issue_id]
    assert at_desk.build() is IssueStatus.BUILT
    with at_desk.database.reading() as session:
        assert desk.ready(session) == []


def test_a_change_while_an_issue_is_being_built_is_not_lost(at_desk: Desk) -> None:
    class Interrupting(Environment):
        """Change the issue while its first build renders."""

        is_done = False

        def render(self, template: str, **values: object) -> str:
            if not self.is_done:
                self.is_done = True
                at_desk.do(arranging.annotate, "Wait!")
            return super().render(template, **values)

    status = build.build(
        at_desk.database.transaction, at_desk.issue_id, environment=Interrupting(), now=NOON + HOUR
    )

    assert (status, at_desk.issue.revision) == (IssueStatus.PLANNED, 2)
    assert at_desk.build() is IssueStatus.BUILT


def test_an_issue_that_goes_out_is_not_changed_any_more(at_desk: Desk) -> None:
    with at_desk.database.transaction() as session:
        add_reader(session, newsletters.by_slug(session, "daily"), "ana@reader.example")
    at_desk.build()
    at_desk.do(desk.approve)
    expand.expand(at_desk.database.transaction, at_desk.issue_id, now=NOON + HOUR)

    for step, given in ((arranging.ban, at_desk.article_ids[:1]), (desk.veto, []), (desk.hold, [])):
        with pytest.raises(Conflict) as caught:
            at_desk.do(step, *given)
        assert caught.value.reason == "not_open"


def test_a_hold_survives_changes_and_ends_with_an_approval(at_desk: Desk) -> None:
    at_desk.do(desk.approve)
    at_desk.do(desk.hold)
    at_desk.do(arranging.annotate, "Wait.")
    at_desk.build()

    with at_desk.database.transaction() as session:
        assert desk.ready(session) == []
    approved = at_desk.do(desk.approve, revision=2)

    assert (approved.is_held, approved.status) == (False, IssueStatus.BUILT)
    with at_desk.database.reading() as session:
        assert desk.ready(session) == [at_desk.issue_id]


def test_a_veto_gives_the_issue_up_and_the_next_one_has_its_articles(at_desk: Desk) -> None:
    at_desk.build()

    vetoed = at_desk.do(desk.veto, revision=1)

    assert (vetoed.status, vetoed.reason) == (IssueStatus.CANCELLED, "vetoed")
    with at_desk.database.reading() as session:
        newsletter = newsletters.get(session, vetoed.newsletter_id)
        assert plan.fresh_since(session, newsletter, cut_off_at=NOON + HOUR) < NOON - HOUR


def test_silence_holds_what_nobody_approved_as_it_stands(session: Session) -> None:
    newsletter = add_newsletter(session, on_silence=OnSilence.HOLD)
    schedule = publishing.add_schedule(session, newsletter, cron="0 12 * * *", now=NOON - HOUR)
    issue = issues.add(
        session,
        newsletter.id,
        since=NOON,
        cut_off_at=NOON,
        now=NOON,
        schedule_id=schedule.id,
        slot_at=NOON,
    )
    assert issue is not None
    desk.approve(session, issue.id, **ACT)
    arranging.annotate(session, issue.id, "Changed.", **ACT)
    issues.require_move(session, issue.id, IssueStatus.BUILT)

    held = desk.hold_silent(session, now=NOON)
    again = desk.hold_silent(session, now=NOON)

    assert ([each.id for each in held], again) == ([issue.id], [])
    assert issues.get(session, issue.id).status is IssueStatus.HELD
    assert audit.listing(session)[0].way == Way.SERVICE


def test_a_retraction_takes_an_article_out_of_what_is_built_and_voids_the_approval(at_desk: Desk) -> None:
    at_desk.build()
    at_desk.do(desk.approve)
    with at_desk.database.transaction() as session:
        articles.mark_retracted(session, at_desk.article_ids[0], now=NOON)
        rebuilt = desk.rebuild_retracted(session, now=NOON)
        again = desk.rebuild_retracted(session, now=NOON)

    assert (rebuilt, again) == ([at_desk.issue_id], [])
    assert at_desk.build() is IssueStatus.BUILT
    titles = {story.title for story in issues.frozen(at_desk.issue).stories}
    assert titles == {"Title 1", "Title 2", "Title 3"}
    assert at_desk.steps[-1] == ("service", "rebuild")
    with at_desk.database.reading() as session:
        assert desk.ready(session) == []


def while_uncommitted(at_desk: Desk, step: Callable[..., Issue], *given: object, other: Callable[[], T]) -> T:
    """Take a step, let another begin before it is committed, and return what came of that."""
    with ThreadPoolExecutor(1) as pool:
        with at_desk.database.transaction() as session:
            step(session, at_desk.issue_id, *given, **ACT)
            running = pool.submit(other)
            time.sleep(0.3)
        return running.result()


def test_an_issue_does_not_begin_to_go_out_while_the_desk_changes_it(at_desk: Desk) -> None:
    with at_desk.database.transaction() as session:
        add_reader(session, newsletters.get(session, at_desk.issue.newsletter_id), "ana@reader.example")
    at_desk.build()
    at_desk.do(desk.approve)

    def expanded() -> int | None:
        return expand.expand(at_desk.database.transaction, at_desk.issue_id, now=NOON + HOUR)

    assert while_uncommitted(at_desk, arranging.annotate, "Wait!", other=expanded) is None
    with at_desk.database.reading() as session:
        assert mailings.of_issue(session, at_desk.issue_id) is None


def test_silence_does_not_hold_what_is_just_being_approved(at_desk: Desk) -> None:
    at_desk.do(desk.hold)
    at_desk.do(desk.approve)
    with at_desk.database.transaction() as session:
        issue = issues.get(session, at_desk.issue_id)
        newsletter = newsletters.get(session, issue.newsletter_id)
        newsletter.on_silence = OnSilence.HOLD
        schedule = publishing.add_schedule(session, newsletter, cron="0 12 * * *", now=NOON - HOUR)
        issue.schedule_id, issue.approved_revision = schedule.id, None
    at_desk.build()

    def held() -> int:
        with at_desk.database.transaction() as session:
            return len(desk.hold_silent(session, now=NOON))

    assert while_uncommitted(at_desk, desk.approve, other=held) == 0
    with at_desk.database.reading() as session:
        assert desk.ready(session) == [at_desk.issue_id]


def test_an_issue_is_not_skipped_for_lack_of_what_the_desk_just_puts_in(at_desk: Desk) -> None:
    first, *_ = at_desk.article_ids
    for article_id in at_desk.article_ids:
        at_desk.do(arranging.ban, article_id)

    status = while_uncommitted(at_desk, arranging.unban, first, other=at_desk.build)

    assert status in (IssueStatus.PLANNED, IssueStatus.BUILT)
    assert at_desk.build() is IssueStatus.BUILT
