"""Tell the desk about issues, by mail with links that decide; do by itself what silence and retractions mean."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any  # payloads are JSON objects

from newsletter.digest import arranging, build, desk
from newsletter.domain.editors import Actor, DeskAction, Role, Way, may
from newsletter.domain.issues import OnSilence
from newsletter.store import (
    Session,
    Transactions,
    alerts,
    articles,
    audit,
    editors,
    issues,
    newsletters,
    notices,
    rules,
)
from newsletter.store import desk as kept
from newsletter.store.tables import Editor, Issue, Newsletter, NoticeKind

LINK_LIFETIME = timedelta(days=3)  # after its cut-off: an issue that waited over a weekend is old
HEADLINES_MAX = 12  # what fits a phone's screen or two; the page and the preview have all
_STEPS_READ = 50  # of the desk, to find what made an approval void
_TITLES_MAX = 3  # of retracted articles in a sentence
_STILL_OF_USE = timedelta(hours=1)  # after the cut-off, a mail about it may still go out


def look_after(transactions: Transactions, *, now: datetime) -> int:
    """Rebuild what lost an article, hold what nobody approved, tell the desk; return how many mails were queued.

    Each issue is told of once, however many workers look, and once more when its approval is void and it waits.
    """
    with transactions() as session:
        desk.rebuild_retracted(session, now=now)
        count = sum(_tell_waiting(session, issue, now=now) for issue in desk.hold_silent(session, now=now))
        for issue in kept.void(session):
            if kept.claim_telling(session, issue.id, now=now, since=issue.approved_at):
                count += _tell_waiting(session, issue, now=now)
        waiting = [issue.id for issue in kept.untold(session, now=now) if _wants_mail(session, issue)]
    for issue_id in waiting:
        with transactions() as session:
            if kept.claim_telling(session, issue_id, now=now):
                count += tell(session, issues.get(session, issue_id), now=now)
    return count


def tell(session: Session, issue: Issue, *, now: datetime) -> int:
    """Queue a mail about an issue to each editor who may decide about it; return how many."""
    return sum(tell_one(session, issue, editor, now=now) for editor in deciders(session, issue))


def tell_one(session: Session, issue: Issue, editor: Editor, *, now: datetime) -> bool:
    """Queue a mail about an issue as it stands to one editor, with a link for each decision."""
    newsletter = newsletters.get(session, issue.newsletter_id)
    until = max(issue.cut_off_at, now)
    links = {
        action: kept.add_link(
            session,
            issue_id=issue.id,
            revision=issue.revision,
            action=action,
            editor_id=editor.id,
            expires_at=until + LINK_LIFETIME,
        ).id
        for action in DeskAction
    }
    notices.add_for_desk(
        session,
        NoticeKind.DESK,
        editor.address,
        newsletter.id,
        {
            "issue": issue.id,
            "editor": editor.id,
            "links": {action.value: number for action, number in links.items()},
            **shown(session, issue, newsletter),
        },
        now=now,
        expires_at=until + _STILL_OF_USE,
    )
    return True


def shown(session: Session, issue: Issue, newsletter: Newsletter) -> dict[str, Any]:
    """Return what mails and pages of the desk show of an issue as it stands now."""
    frozen = build.look(session, issue)
    titles = [story.title for story in frozen.stories if story.is_fresh and not story.is_missed]
    subjects = issue.subjects or titles[:1]
    is_silent = newsletter.on_silence is OnSilence.SEND and issue.schedule_id is not None
    return {
        "number": issue.number,
        "kind": issue.kind.value,
        "status": issue.status.value,
        "cut_off_at": issue.cut_off_at.isoformat(),
        "subjects": list(subjects),
        "headlines": titles[:HEADLINES_MAX],
        "note": issue.note or "",
        "more_count": max(0, len(titles) - HEADLINES_MAX),
        "is_sent_by_silence": is_silent and not issue.is_held,
        "void": void(session, issue),
    }


def void(session: Session, issue: Issue) -> dict[str, str]:
    """Say why an issue's approval does not count any more: a reason, and what it is about; empty when it counts."""
    if issue.approved_revision in (None, issue.revision):
        return {}
    by = desk.SERVICE.name
    for event in audit.listing(session, issue_id=issue.id, limit=_STEPS_READ):
        if event.action == "approve":
            break
        if event.action == "rebuild":
            titles = [row.title for row in articles.among(session, event.detail["retracted"][:_TITLES_MAX])]
            return {"reason": "retracted", "articles": "; ".join(titles)}
        if event.action in arranging.STEPS and by == desk.SERVICE.name:
            by = event.by
    return {"reason": "changed", "by": by}


def deciders(session: Session, issue: Issue) -> list[Editor]:
    """Return the editors who may decide about an issue."""
    return [
        editor
        for editor in editors.active(session)
        if may(_as_actor(editor), Role.SEND, newsletter_id=issue.newsletter_id)
    ]


def _tell_waiting(session: Session, issue: Issue, *, now: datetime) -> int:
    newsletter = newsletters.get(session, issue.newsletter_id)
    match void(session, issue):
        case {"reason": "retracted", "articles": titles}:
            why = f", because an article was retracted after {issue.approved_by} had approved it ({titles})"
        case {"by": by}:
            why = f", because {by} changed it after {issue.approved_by} had approved it"
        case _:
            why = ""
    alerts.note(
        session,
        desk.HELD,
        desk.alert_subject(session, issue),
        f"Issue {issue.number} of {newsletter.slug} waits for an approval{why}. Look at it and let it go with: "
        f"newsletter issues approve {issue.id}; give it up with: newsletter issues veto {issue.id}",
        now=now,
        newsletter_id=newsletter.id,
    )
    return tell(session, issue, now=now) if _wants_mail(session, issue) else 0


def _wants_mail(session: Session, issue: Issue) -> bool:
    return rules.of(newsletters.get(session, issue.newsletter_id)).desk.mail


def _as_actor(editor: Editor) -> Actor:
    return Actor(name=editor.name, way=Way.MAIL, role=editor.role, newsletters=frozenset(editor.newsletters))
