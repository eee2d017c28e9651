"""Decide about issues by hand: approve, hold, cancel; say what is ready."""

from __future__ import annotations

from datetime import datetime

from newsletter.domain.errors import Conflict
from newsletter.domain.issues import IssueStatus
from newsletter.store import Session, issues
from newsletter.store.tables import Issue

_OPEN = (IssueStatus.PLANNED, IssueStatus.BUILT, IssueStatus.HELD)


def approve(session: Session, issue_id: int, *, by: str, now: datetime) -> Issue:
    """Stamp an issue as it stands, before or after its build; a held one is ready again."""
    issue = issues.get(session, issue_id)
    if issue.status not in _OPEN:
        why = f" ({issue.reason.replace('_', ' ')})" if issue.reason else ""
        raise Conflict(
            f"Issue {issue_id} is {issue.status}{why}: there is nothing to approve.",
            hint="Plan another one with: newsletter issues plan",
            reason="not_open",
        )
    if issue.status is IssueStatus.HELD:
        issues.require_move(session, issue_id, IssueStatus.BUILT, only_from=IssueStatus.HELD)
    issue.approved_at, issue.approved_by, issue.approved_revision = now, by, issue.revision
    session.flush()
    return issue


def hold(session: Session, issue_id: int) -> Issue:
    """Keep a built issue from being mailed until it is approved."""
    issues.require_move(session, issue_id, IssueStatus.HELD)
    return issues.get(session, issue_id)


def cancel(session: Session, issue_id: int) -> Issue:
    """Give an issue up that has not been mailed; what it would have carried is in the next one."""
    issues.require_move(session, issue_id, IssueStatus.CANCELLED)
    return issues.get(session, issue_id)


def due_builds(session: Session, *, now: datetime) -> list[int]:
    """Return the planned issues whose cut-off has come."""
    return issues.due_builds(session, now=now)


def ready(session: Session) -> list[int]:
    """Return the built issues that may be mailed now: approved, or nobody's approval is asked for."""
    return issues.ready(session)
