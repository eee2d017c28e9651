"""Freeze what an issue is made of: the newsletter as it is now, and its stories in their order."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from newsletter.digest import candidates
from newsletter.digest.candidates import Question
from newsletter.domain import schedules
from newsletter.domain.issues import IssueKind
from newsletter.domain.rendered import FrozenIssue, FrozenStory, FrozenTopic
from newsletter.domain.rules import Rules
from newsletter.domain.subscriptions import REACH, Cadence
from newsletter.store import Session, clicks, desk, newsletters, rules, stories, verdicts
from newsletter.store.stories import Found
from newsletter.store.tables import DeskItem, Issue, Newsletter
from newsletter.store.verdicts import Judged

LONGEST_REACH = max(reach for reach in (REACH[cadence] for cadence in Cadence) if reach is not None)


class Content(NamedTuple):
    """Hold an issue, what became of every article that was looked at for it, and the articles that it names.

    ``members`` are its stories as they were put together: who tells each, with each of its other articles.
    """

    frozen: FrozenIssue
    judged: tuple[Judged, ...]
    named_ids: tuple[int, ...]
    members: tuple[tuple[int, int], ...]


def freeze(
    session: Session,
    newsletter: Newsletter,
    *,
    number: int,
    since: datetime,
    cut_off_at: datetime,
    nonce: str,
    issue: Issue | None = None,
) -> Content:
    """Return the content of an issue as of now; it changes nothing.

    Articles seen after ``since`` are fresh. Older ones are left-overs for readers who have not had them, as far back as
    any cadence reaches, and parts of stories as much further as those reach. Without ``issue`` it is one that is
    looked at only.
    """
    found = rules.of(newsletter)
    items = {item.article_id: item for item in desk.items(session, issue.id)} if issue is not None else {}
    if issue is not None and issue.kind is IssueKind.BREAKING:
        question = _breaking(session, newsletter, found, items, cut_off_at=cut_off_at)
    else:
        question = _question(session, newsletter, found, items, since=since, cut_off_at=cut_off_at)
    answer = candidates.choose(question)
    frozen = assemble(
        session, newsletter, answer.stories, number=number, cut_off_at=cut_off_at, nonce=nonce, issue=issue
    )
    return Content(frozen, answer.judged, answer.named_ids, answer.members)


def recent(
    session: Session, newsletter: Newsletter, *, number: int, cut_off_at: datetime, nonce: str
) -> FrozenIssue:
    """Return a sample of the newest articles, whether they were mailed or not: for looking at, never for readers."""
    rows = stories.newest(session, newsletter.id, limit=newsletter.story_maximum)
    sample = tuple(candidates.frozen_story(row, is_fresh=True) for row in rows)
    return assemble(session, newsletter, sample, number=number, cut_off_at=cut_off_at, nonce=nonce)


def assemble(
    session: Session,
    newsletter: Newsletter,
    told: tuple[FrozenStory, ...],
    *,
    number: int,
    cut_off_at: datetime,
    nonce: str,
    issue: Issue | None = None,
) -> FrozenIssue:
    """Put an issue together from a newsletter, its rules and its stories, given in the order of the mail."""
    topics = newsletters.topics(session, newsletter.id, with_retired=True)
    found = rules.of(newsletter)
    subjects = tuple(issue.subjects) if issue is not None else ()
    is_tested = len(subjects) > 1 and found.clicks  # without clicks nothing could be decided
    return FrozenIssue(
        issue_id=issue.id if issue is not None else 0,
        number=number,
        issued_on=cut_off_at.astimezone(schedules.zone(newsletter.zone)).date(),
        nonce=nonce,
        identity=newsletters.identity(newsletter),
        topics=tuple(FrozenTopic(number=each.number, slug=each.slug, name=each.name) for each in topics),
        stories=told,
        highest=max((number for story in told for number in (story.number, *story.members)), default=0),
        story_maximum=newsletter.story_maximum,
        cut_off_at=cut_off_at,
        kind=issue.kind if issue is not None else IssueKind.DIGEST,
        story_minimum=_minimum(newsletter, issue),
        reach_hours=found.selection.reach_hours,
        section_maximum=found.selection.section_maximum,
        author_maximum=found.selection.author_maximum,
        top_count=found.selection.top_count,
        outside_percent=found.selection.outside_percent,
        note=issue.note if issue is not None else "",
        subjects=subjects,
        sample_percent=found.subject_test.sample_percent if is_tested else 0,
        test_minutes=found.subject_test.minutes if is_tested else 0,
        has_clicks=found.clicks,
        is_flash=issue.is_flash if issue is not None else False,
        is_fallback=issue.is_fallback if issue is not None else False,
    )


def _minimum(newsletter: Newsletter, issue: Issue | None) -> int:
    is_breaking = issue is not None and issue.kind is IssueKind.BREAKING
    return 1 if is_breaking else newsletter.story_minimum


def _question(
    session: Session,
    newsletter: Newsletter,
    found: Rules,
    items: dict[int, DeskItem],
    *,
    since: datetime,
    cut_off_at: datetime,
) -> Question:
    reach = cut_off_at - max(LONGEST_REACH, found.selection.reach)
    start = min(reach, since - candidates.LATE_ARRIVAL) - timedelta(hours=found.stories.window_hours)
    rows = stories.placed(session, newsletter.id, since=start, until=cut_off_at)
    rows += _older(session, newsletter, rows, items)
    others = stories.told_elsewhere(session, newsletter.id, since=start)
    known = {row.id for row in (*rows, *others)}
    together = stories.told_together(session, since=reach, article_ids=items.keys())
    tied = _with_tied(known, together)
    rulings = stories.rulings(session, tied)
    ruled = {each for ruling in rulings for each in (ruling.first_id, ruling.second_id)}
    others += stories.named(session, newsletter.id, (tied | ruled) - known)
    return Question(
        rows=rows,
        others=others,
        rulings=rulings,
        together=together,
        items=items,
        rules=found,
        since=since,
        reach=reach,
        cut_off_at=cut_off_at,
        known=verdicts.looked_at(session, newsletter.id, cut_off_at=since),
        section_weights=_section_weights(session, newsletter, found),
        clicks=clicks.decayed(session, [row.id for row in rows], cut_off_at) if found.clicks else {},
    )


def _breaking(
    session: Session,
    newsletter: Newsletter,
    found: Rules,
    items: dict[int, DeskItem],
    *,
    cut_off_at: datetime,
) -> Question:
    """Ask for nothing but what is pinned."""
    return Question(
        rows=_older(session, newsletter, [], items),
        items=items,
        rules=found,
        since=cut_off_at,
        reach=cut_off_at,
        cut_off_at=cut_off_at,
        is_breaking=True,
    )


def _older(
    session: Session, newsletter: Newsletter, rows: list[Found], items: dict[int, DeskItem]
) -> list[Found]:
    """Return the articles that editors decided about and that are not looked at anyway."""
    return stories.named(session, newsletter.id, items.keys() - {row.id for row in rows})


def _with_tied(known: set[int], together: Collection[tuple[int, int]]) -> set[int]:
    """Return known articles with all that stories tie to them, however old: who had one of those has had the story."""
    tied, size = set(known), -1
    while len(tied) > size:
        size = len(tied)
        for pair in together:
            if not tied.isdisjoint(pair):
                tied.update(pair)
    return tied


def _section_weights(session: Session, newsletter: Newsletter, found: Rules) -> dict[int, int]:
    weights = found.selection.section_weights
    if not weights:
        return {}
    topics = newsletters.topics(session, newsletter.id, with_retired=True)
    return {topic.number: weights[topic.slug] for topic in topics if topic.slug in weights}
