"""Send one article at once, ahead of every digest."""

from __future__ import annotations

from datetime import datetime

from newsletter.digest import arranging, desk, telling
from newsletter.domain.editors import Actor, Role, require
from newsletter.domain.errors import Conflict
from newsletter.domain.issues import IssueKind
from newsletter.store import Session, audit, issues
from newsletter.store import desk as kept
from newsletter.store.tables import Issue


def send(
    session: Session,
    newsletter_id: int,
    article_id: int,
    *,
    actor: Actor,
    now: datetime,
    subject: str = "",
    is_flash: bool = False,
    is_again: bool = False,
    is_approved: bool = False,
) -> Issue:
    """Plan an issue of one article, due at once, and ask the desk by mail; ``is_approved``: the actor answers for it.

    ``is_flash``: no quiet hours and no cap holds it back. An article is breaking news of a newsletter once, unless
    ``is_again``; who has had it does not get it again in any case. Raise Conflict for an article that was, that is
    retracted, or that the newsletter does not have.
    """
    require(actor, Role.SEND if is_approved or is_flash else Role.DRAFT, newsletter_id=newsletter_id)
    arranging.require_tellable(session, newsletter_id, article_id)
    # Numbering waits for whoever plans at the same time, so that the look below sees what that one did.
    issue = issues.add(
        session,
        newsletter_id,
        since=now,
        cut_off_at=now,
        now=now,
        kind=IssueKind.BREAKING,
        is_flash=is_flash,
        subjects=[],
    )
    assert issue is not None  # only a schedule's slot can be taken
    if not is_again and kept.was_breaking(session, newsletter_id, article_id):
        raise Conflict(
            f"Article {article_id} is breaking news of this newsletter already.",
            hint="See it with: newsletter issues list. To send it to those who have not had it, say --again.",
            reason="breaking_before",
        )
    kept.put(session, issue.id, article_id, pin=1)
    audit.append(
        session,
        actor,
        "breaking",
        now=now,
        newsletter_id=newsletter_id,
        issue_id=issue.id,
        article_id=article_id,
        flash=is_flash,
    )
    if subject:
        arranging.name(session, issue.id, [subject], actor=actor, now=now)
    issue = issues.get(session, issue.id)
    if is_approved:
        return desk.approve(session, issue.id, actor=actor, now=now, revision=issue.revision)
    telling.tell(session, issue, now=now)
    return issue
