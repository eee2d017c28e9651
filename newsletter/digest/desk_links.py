"""Decide about an issue by a link of a mail: once, and only as the issue stood when the mail was written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any  # what is shown is a JSON object

from newsletter.digest import desk, telling
from newsletter.digest import editors as people
from newsletter.domain.editors import DeskAction, Role, require
from newsletter.domain.errors import InvalidToken
from newsletter.domain.issues import OPEN
from newsletter.domain.tokens import LinkPurpose, read_link
from newsletter.store import Session, editors, issues, keys, newsletters
from newsletter.store import desk as kept
from newsletter.store.tables import DeskLink, Editor, Issue, KeyPurpose, Newsletter


class LinkState(StrEnum):
    """Say what a link can still do."""

    OPEN = "open"
    DONE = "done"  # just now
    USED = "used"
    CHANGED = "changed"  # the issue is not what the mail showed
    CLOSED = "closed"  # the issue is out of the desk's hands
    EXPIRED = "expired"
    ASKED = "asked"  # new links are on their way


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Hold what the page of a link shows; ``shown`` is the issue as it stands now."""

    state: LinkState
    action: DeskAction
    issue: Issue
    newsletter: Newsletter
    shown: dict[str, Any]


def describe(session: Session, text: str, *, now: datetime) -> Decision:
    """Say what a link would decide, changing nothing; raise InvalidToken for one that is not ours."""
    link, editor, issue = _read(session, text, now=now)
    require(people.actor_by_mail(editor), Role.SEND, newsletter_id=issue.newsletter_id)
    return _decision(session, link, issue, _state(link, issue, now=now))


def decide(session: Session, text: str, *, now: datetime) -> Decision:
    """Do what a link is for; when it can do nothing any more, say so and change nothing.

    Of two that press at once, one decides.
    """
    link, editor, issue = _read(session, text, now=now)
    actor = people.actor_by_mail(editor)
    require(actor, Role.SEND, newsletter_id=issue.newsletter_id)
    issue = issues.lock(session, issue.id)
    state = _state(link, issue, now=now)
    if state is not LinkState.OPEN:
        return _decision(session, link, issue, state)
    if not kept.use_link(session, link.id, now=now):
        return _decision(session, link, issue, LinkState.USED)
    step = desk.approve if link.action is DeskAction.APPROVE else desk.veto
    issue = step(session, issue.id, actor=actor, now=now, revision=link.revision)
    return _decision(session, link, issue, LinkState.DONE)


def ask_again(session: Session, text: str, *, now: datetime) -> Decision:
    """Mail new links for an issue that has changed, or whose links have expired; once for each old link."""
    link, editor, issue = _read(session, text, now=now)
    require(people.actor_by_mail(editor), Role.SEND, newsletter_id=issue.newsletter_id)
    state = _state(link, issue, now=now)
    if state not in (LinkState.CHANGED, LinkState.EXPIRED):
        return _decision(session, link, issue, state)
    if kept.use_link(session, link.id, now=now):
        telling.tell_one(session, issue, editor, now=now)
    return _decision(session, link, issue, LinkState.ASKED)


def _read(session: Session, text: str, *, now: datetime) -> tuple[DeskLink, Editor, Issue]:
    token = read_link(text, LinkPurpose.DESK, keys.ring(session, KeyPurpose.LINKS), now=now)
    link = kept.link(session, token.object_id)
    if link is None:
        raise InvalidToken(
            "What this link was about is not kept any more.",
            hint="Look at the issue with: newsletter issues list",
            reason="gone_token",
        )
    return link, editors.get(session, link.editor_id), issues.get(session, link.issue_id)


def _state(link: DeskLink, issue: Issue, *, now: datetime) -> LinkState:
    if link.used_at is not None:
        return LinkState.USED
    if issue.status not in OPEN:
        return LinkState.CLOSED
    if issue.revision != link.revision:
        return LinkState.CHANGED
    return LinkState.EXPIRED if now > link.expires_at else LinkState.OPEN


def _decision(session: Session, link: DeskLink, issue: Issue, state: LinkState) -> Decision:
    newsletter = newsletters.get(session, issue.newsletter_id)
    is_looked_at = state in (LinkState.OPEN, LinkState.CHANGED)
    return Decision(
        state=state,
        action=link.action,
        issue=issue,
        newsletter=newsletter,
        shown=telling.shown(session, issue, newsletter) if is_looked_at else {},
    )
