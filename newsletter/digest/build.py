"""Build issues: freeze the content at the cut-off, render it once, keep the blocks."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from newsletter.digest import content, plan, sizes
from newsletter.domain import issues as rules
from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.issues import IssueStatus
from newsletter.domain.rendered import FrozenIssue, RenderedBlock
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.runtime import ids
from newsletter.store import Session, Transactions, articles, blocks, counters, issues, newsletters
from newsletter.store.tables import Issue


class Preview(NamedTuple):
    """Hold an issue and its blocks; nothing of it need be kept."""

    frozen: FrozenIssue
    blocks: list[RenderedBlock]


def build(
    transactions: Transactions,
    issue_id: int,
    *,
    environment: Environment,
    now: datetime,
    message_max_bytes: int = sizes.MESSAGE_MAX_BYTES,
) -> IssueStatus:
    """Build a planned issue whose cut-off has come, or skip it with a reason; return where it stands then.

    A fault in a template leaves the issue planned, with ``fault`` naming file and line: mend it and build again. So
    does a digest that would be too large.
    Building twice, or in two places at once, builds once.
    """
    with transactions() as session:
        issue = issues.get(session, issue_id)
        if issue.status is not IssueStatus.PLANNED or issue.cut_off_at > now:
            return issue.status
        if plan.skip_stale(session, issue, now=now):
            return IssueStatus.SKIPPED
        frozen, since = _freeze(session, issue)
        revision = issue.revision
        if _is_skipped(session, frozen, issue_id):
            return issues.get(session, issue_id).status
    try:
        rendered = _rendered(environment, frozen, message_max_bytes)
    except InvalidInput as error:
        with transactions() as session:
            issues.record_fault(session, issue_id, str(error))
            return issues.get(session, issue_id).status
    with transactions() as session:
        return _keep(session, frozen, rendered, revision=revision, since=since, now=now)


def preview(
    session: Session,
    newsletter_id: int,
    *,
    environment: Environment,
    now: datetime,
    message_max_bytes: int = sizes.MESSAGE_MAX_BYTES,
) -> Preview:
    """Return the next issue as it would be if it were built now, without moving any state.

    When there is nothing new, the newest articles stand in, so that there is something to look at; raise Conflict
    when the newsletter has no article at all.
    """
    newsletter = newsletters.get(session, newsletter_id)
    number = counters.last(session, f"issue:{newsletter_id}") + 1
    frozen = content.freeze(
        session,
        newsletter,
        issue_id=0,
        number=number,
        since=plan.fresh_since(session, newsletter, cut_off_at=now),
        cut_off_at=now,
        nonce=ids.nonce(),
    )
    if not any(story.is_fresh for story in frozen.stories):
        frozen = content.recent(session, newsletter, number=number, cut_off_at=now, nonce=ids.nonce())
    if not frozen.stories:
        raise _nothing_to_show()
    return Preview(frozen, _rendered(environment, frozen, message_max_bytes))


def preview_issue(
    session: Session,
    issue_id: int,
    *,
    environment: Environment,
    message_max_bytes: int = sizes.MESSAGE_MAX_BYTES,
) -> Preview:
    """Return an issue that is built as it is, and any other as it would be built; no state is moved."""
    issue = issues.get(session, issue_id)
    if issue.frozen is not None:
        frozen = issues.frozen(issue)
        return Preview(frozen, blocks.of_issue(session, issue_id, frozen.identity.language))
    frozen, _ = _freeze(session, issue)
    if not any(story.is_fresh for story in frozen.stories):
        raise _nothing_to_show()
    return Preview(frozen, _rendered(environment, frozen, message_max_bytes))


def look(session: Session, issue: Issue) -> FrozenIssue:
    """Return what an issue holds: as it was built, else as it would be built now; no state is moved."""
    return issues.frozen(issue) if issue.frozen is not None else _freeze(session, issue)[0]


def _rendered(environment: Environment, frozen: FrozenIssue, message_max_bytes: int) -> list[RenderedBlock]:
    blocks = rendering.render(environment, frozen)
    sizes.check(frozen, blocks, maximum_bytes=message_max_bytes)
    return blocks


def _freeze(session: Session, issue: Issue) -> tuple[FrozenIssue, datetime]:
    newsletter = newsletters.get(session, issue.newsletter_id)
    since = plan.fresh_since(session, newsletter, cut_off_at=issue.cut_off_at, except_id=issue.id)
    frozen = content.freeze(
        session,
        newsletter,
        issue_id=issue.id,
        number=issue.number,
        since=since,
        cut_off_at=issue.cut_off_at,
        nonce=ids.nonce(),
    )
    return frozen, since


def _is_skipped(session: Session, frozen: FrozenIssue, issue_id: int) -> bool:
    fresh_count = sum(story.is_fresh for story in frozen.stories)
    minimum = newsletters.get(session, frozen.identity.newsletter_id).story_minimum
    reason = rules.skip_reason(available=fresh_count, minimum=minimum)
    if reason is None:
        return False
    issues.move(session, issue_id, IssueStatus.SKIPPED, only_from=IssueStatus.PLANNED, reason=reason.value)
    return True


def _keep(
    session: Session,
    frozen: FrozenIssue,
    rendered: list[RenderedBlock],
    *,
    revision: int,
    since: datetime,
    now: datetime,
) -> IssueStatus:
    """Keep what was built, unless the desk has changed the issue meanwhile: then it is built again."""
    is_ours = issues.move(
        session,
        frozen.issue_id,
        IssueStatus.BUILT,
        only_from=IssueStatus.PLANNED,
        only_revision=revision,
        frozen=frozen.as_dict(),
        nonce=frozen.nonce,
        since=since,
        built_at=now,
        fault=None,
    )
    if is_ours:
        blocks.add(session, frozen.issue_id, frozen.identity.language, rendered)
        articles.freeze(session, [story.article_id for story in frozen.stories], now=now)
    return issues.get(session, frozen.issue_id).status


def _nothing_to_show() -> Conflict:
    return Conflict(
        "There is no article to show.",
        hint="Add a source and poll it with: newsletter sources add, newsletter sources poll",
        reason="no_articles",
    )
