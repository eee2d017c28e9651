"""Send one article at once, ahead of every digest."""

from __future__ import annotations

from datetime import datetime

from newsletter.digest import arranging, desk, telling
from newsletter.domain.editors import Actor, Role, require
from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.issues import IssueKind
from newsletter.store import Session, articles, audit, issues, newsletters
from newsletter.store import desk as kept
from newsletter.store.tables import Issue


def home(session: Session, article_id: int) -> int:
    """Return the newsletter that has an article; raise InvalidInput when none or several have it."""
    places = articles.places(session, article_id)
    if len(places) == 1:
        return places[0].newsletter_id
    slugs = ", ".join(sorted(newsletters.get(session, place.newsletter_id).slug for place in places))
    raise InvalidInput(
        f"Several newsletters have article {article_id}: {slugs}."
        if places
        else f"No newsletter has an article {article_id}.",
        hint="Say which one with --newsletter."
        if places
        else "Find its id with: newsletter articles search WORDS",
        reason="which_newsletter" if places else "unknown_article",
    )


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
