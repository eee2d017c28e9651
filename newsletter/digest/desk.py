"""Decide about issues: approve, hold, veto, cancel; say what is ready, and what silence means."""

from __future__ import annotations

from datetime import datetime
from typing import Any  # details are what JSON holds

from newsletter.domain.editors import Actor, Role, Way, require
from newsletter.domain.errors import Conflict
from newsletter.domain.issues import OPEN, IssueKind, IssueStatus, OnSilence, SkipReason
from newsletter.store import Session, alerts, audit, issues, newsletters
from newsletter.store import desk as kept
from newsletter.store.tables import Issue

HELD = "issue_held"  # the alert about an issue that waits
SERVICE = Actor(name="service", way=Way.SERVICE, role=Role.ADMIN)


def approve(
    session: Session, issue_id: int, *, actor: Actor, now: datetime, revision: int | None = None
) -> Issue:
    """Stamp an issue as it stands, before or after its build; a held one is ready again.

    ``revision`` is the one that the editor has seen: raise Conflict when the issue has changed since. Of two editors
    who approve at once, both have what they want; the first one's stamp stays.
    """
    issue = issues.lock(session, issue_id)
    require(actor, Role.SEND, newsletter_id=issue.newsletter_id)
    require_open(issue, "approve")
    require_unchanged(issue, revision)
    seen = issue.revision
    is_first = issue.approved_revision != seen or issue.is_held or issue.status is IssueStatus.HELD
    if issue.status is IssueStatus.HELD:
        issues.require_move(session, issue_id, IssueStatus.BUILT, only_from=IssueStatus.HELD)
    if is_first and not kept.approve(session, issue_id, revision=seen, by=actor.name, now=now):
        raise changed(issue_id)
    _write(session, actor, "approve", issue, now=now, revision=seen, first=is_first)
    alerts.resolve(session, HELD, alert_subject(session, issue), now=now)
    return issues.get(session, issue_id)


def hold(
    session: Session, issue_id: int, *, actor: Actor, now: datetime, revision: int | None = None
) -> Issue:
    """Keep an issue from being mailed until it is approved, before or after its build."""
    issue = issues.lock(session, issue_id)
    require(actor, Role.SEND, newsletter_id=issue.newsletter_id)
    require_open(issue, "hold")
    require_unchanged(issue, revision)
    if issue.status is IssueStatus.BUILT:
        issues.require_move(session, issue_id, IssueStatus.HELD)
    issue = issues.get(session, issue_id)
    # An approval of before the hold must not let it go.
    issue.is_held, issue.approved_revision, issue.approved_at, issue.approved_by = True, None, None, None
    _write(session, actor, "hold", issue, now=now, revision=issue.revision)
    return issue


def veto(
    session: Session, issue_id: int, *, actor: Actor, now: datetime, revision: int | None = None
) -> Issue:
    """Give an issue up before it is mailed, as an editor's word against it; its articles are in the next one."""
    return _give_up(
        session, issue_id, "veto", actor=actor, now=now, revision=revision, reason=SkipReason.VETOED
    )


def cancel(
    session: Session, issue_id: int, *, actor: Actor, now: datetime, revision: int | None = None
) -> Issue:
    """Give an issue up that has not been mailed; what it would have carried is in the next one."""
    return _give_up(session, issue_id, "cancel", actor=actor, now=now, revision=revision, reason=None)


def hold_silent(session: Session, *, now: datetime) -> list[Issue]:
    """Hold the built issues that nobody approved and that silence does not send; return them, to tell the desk."""
    found = []
    for issue_id in [issue.id for issue in kept.silent(session)]:
        issue = issues.lock(session, issue_id)
        if issue.approved_revision == issue.revision:  # just now
            continue
        wants_word = newsletters.get(session, issue.newsletter_id).on_silence is OnSilence.HOLD
        if (wants_word or issue.is_held) and issues.move(session, issue.id, IssueStatus.HELD):
            _write(session, SERVICE, "hold", issue, now=now, revision=issue.revision, reason="silence")
            found.append(issues.get(session, issue.id))
    return found


def rebuild_retracted(session: Session, *, now: datetime) -> list[int]:
    """Take retracted articles out of the issues that are built and whose mailing has not begun; return their ids.

    They are planned again, with their cut-off, and any approval is void. Breaking news has nothing else to tell: it is
    given up.
    """
    changed_ids = []
    for issue_id in [issue.id for issue in kept.losing(session)]:
        issue = issues.lock(session, issue_id)
        if issue.status not in (IssueStatus.BUILT, IssueStatus.HELD):  # changed, or gone out, just now
            continue
        retracted = kept.retracted(session, _numbers(issue))
        if not retracted:
            continue
        if issue.kind is IssueKind.BREAKING:
            issues.require_move(session, issue.id, IssueStatus.CANCELLED, reason=SkipReason.RETRACTED.value)
            _write(session, SERVICE, "cancel", issue, now=now, reason=SkipReason.RETRACTED.value)
        elif kept.revise(session, issue.id, told_at=None) is not None:
            _write(session, SERVICE, "rebuild", issue, now=now, retracted=sorted(retracted))
        changed_ids.append(issue.id)
    return changed_ids


def due_builds(session: Session, *, now: datetime) -> list[int]:
    """Return the planned issues whose cut-off has come."""
    return issues.due_builds(session, now=now)


def ready(session: Session) -> list[int]:
    """Return the built issues that may be mailed now: approved, or nobody's approval is asked for."""
    return issues.ready(session)


def require_open(issue: Issue, what: str) -> None:
    """Raise Conflict unless the desk can still decide about an issue."""
    if issue.status in OPEN:
        return
    why = f" ({issue.reason.replace('_', ' ')})" if issue.reason else ""
    hint = "Plan another one with: newsletter issues plan"
    if issue.status is IssueStatus.MAILED:
        hint = f"Stop what has not gone out with: newsletter issues pause {issue.id}, or cancel {issue.id}"
    raise Conflict(
        f"Issue {issue.id} is {issue.status}{why}: there is nothing to {what}.", hint=hint, reason="not_open"
    )


def require_unchanged(issue: Issue, revision: int | None) -> None:
    """Raise Conflict when an issue is not at the revision that somebody has seen."""
    if revision is not None and revision != issue.revision:
        raise changed(issue.id)


def changed(issue_id: int) -> Conflict:
    """Return the refusal of a step that was decided on while somebody else changed the issue."""
    return Conflict(
        f"Issue {issue_id} has changed since you looked at it.",
        hint=f"Look at it again with: newsletter issues show {issue_id}",
        reason="changed",
    )


def alert_subject(session: Session, issue: Issue) -> str:
    """Return the name of an issue in alerts."""
    return f"{newsletters.get(session, issue.newsletter_id).slug} {issue.number}"


def _give_up(
    session: Session,
    issue_id: int,
    action: str,
    *,
    actor: Actor,
    now: datetime,
    revision: int | None,
    reason: SkipReason | None,
) -> Issue:
    issue = issues.lock(session, issue_id)
    require(actor, Role.SEND, newsletter_id=issue.newsletter_id)
    require_open(issue, action)
    require_unchanged(issue, revision)
    issues.require_move(
        session, issue_id, IssueStatus.CANCELLED, reason=None if reason is None else reason.value
    )
    _write(session, actor, action, issue, now=now, revision=issue.revision)
    alerts.resolve(session, HELD, alert_subject(session, issue), now=now)
    return issues.get(session, issue_id)


def _numbers(issue: Issue) -> set[int]:
    """Return the numbers of the articles that an issue names."""
    told = issues.frozen(issue).stories
    return {story.number for story in told} | {each.number for story in told for each in story.more}


def _write(
    session: Session, actor: Actor, action: str, issue: Issue, *, now: datetime, **detail: Any
) -> None:
    place: dict[str, Any] = {"newsletter_id": issue.newsletter_id, "issue_id": issue.id}
    audit.append(session, actor, action, now=now, **place, **detail)
