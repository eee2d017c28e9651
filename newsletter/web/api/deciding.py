"""Do on issues what editors do at the desk: each step in one transaction, with who did it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any  # JSON objects

from fastapi import APIRouter, BackgroundTasks

from newsletter.digest import arranging, desk, plan
from newsletter.domain import schedules
from newsletter.domain.editors import Actor
from newsletter.store import audit
from newsletter.store.tables import Issue
from newsletter.web.api import access, records
from newsletter.web.api.access import ActorDep
from newsletter.web.api.fields import (
    AT_ONCE,
    NOTHING,
    Approval,
    ArticleId,
    Articles,
    Cut,
    Note,
    Pin,
    Revision,
    Step,
    Subjects,
    Title,
)
from newsletter.web.deps import AppDep, Number, Slug
from newsletter.wiring import App

router = APIRouter()


@router.post("/newsletters/{slug}/issues", status_code=201)
def plan_issue(slug: Slug, app: AppDep, actor: ActorDep, body: Cut = AT_ONCE) -> dict[str, Any]:
    """Plan an issue with what is new up to now, or to ``cut_off``; it is mailed when somebody approves it."""
    now = app.clock.now()
    with app.transaction() as session:
        found = access.newsletter(session, actor, slug)
        cut_off_at = schedules.instant(body.cut_off, found.zone) if body.cut_off else None
        issue = plan.plan_now(session, found.id, now=now, cut_off_at=cut_off_at)
        audit.append(session, actor, "plan", now=now, newsletter_id=found.id, issue_id=issue.id)
        return records.issue(session, issue)


@router.put("/issues/{issue_id}/pins")
def reorder(issue_id: Number, body: Articles, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Put these articles first, in this order; all others stand where they rank."""
    return _step(app, actor, arranging.reorder, issue_id, body.articles, revision=body.revision)


@router.put("/issues/{issue_id}/pins/{article_id}")
def pin(issue_id: Number, article_id: ArticleId, body: Pin, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Put an article in a place from the top."""
    return _step(app, actor, arranging.pin, issue_id, article_id, place=body.place, revision=body.revision)


@router.delete("/issues/{issue_id}/pins/{article_id}")
def unpin(
    issue_id: Number, article_id: ArticleId, app: AppDep, actor: ActorDep, revision: Revision = None
) -> dict[str, Any]:
    """Let an article stand where it ranks."""
    return _step(app, actor, arranging.unpin, issue_id, article_id, revision=revision)


@router.put("/issues/{issue_id}/bans/{article_id}")
def ban(
    issue_id: Number, article_id: ArticleId, app: AppDep, actor: ActorDep, body: Step = NOTHING
) -> dict[str, Any]:
    """Keep an article out of this issue."""
    return _step(app, actor, arranging.ban, issue_id, article_id, revision=body.revision)


@router.delete("/issues/{issue_id}/bans/{article_id}")
def unban(
    issue_id: Number, article_id: ArticleId, app: AppDep, actor: ActorDep, revision: Revision = None
) -> dict[str, Any]:
    """Let an article into the issue again."""
    return _step(app, actor, arranging.unban, issue_id, article_id, revision=revision)


@router.put("/issues/{issue_id}/titles/{article_id}")
def retitle(
    issue_id: Number, article_id: ArticleId, body: Title, app: AppDep, actor: ActorDep
) -> dict[str, Any]:
    """Give an article another headline in this mail alone; "" = its own again."""
    return _step(app, actor, arranging.retitle, issue_id, article_id, body.title, revision=body.revision)


@router.put("/issues/{issue_id}/note")
def annotate(issue_id: Number, body: Note, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Write a note on top of the mail; "" = none."""
    return _step(app, actor, arranging.annotate, issue_id, body.note, revision=body.revision)


@router.put("/issues/{issue_id}/subjects")
def name(issue_id: Number, body: Subjects, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Choose the subject; two to four are tested; none = the top story's headline."""
    return _step(app, actor, arranging.name, issue_id, body.subjects, revision=body.revision)


@router.put("/issues/{issue_id}/missed")
def miss(issue_id: Number, body: Articles, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Tell these articles once more, under "you may have missed", and no others."""
    return _step(app, actor, arranging.miss, issue_id, body.articles, revision=body.revision)


@router.post("/issues/{issue_id}/approve")
def approve(
    issue_id: Number, body: Approval, app: AppDep, actor: ActorDep, background: BackgroundTasks
) -> dict[str, Any]:
    """Approve an issue as it stood at a revision."""
    answer = _step(app, actor, desk.approve, issue_id, revision=body.revision)
    background.add_task(app.bell.ring, "newsletter.sweep")
    return answer


@router.post("/issues/{issue_id}/hold")
def hold(issue_id: Number, app: AppDep, actor: ActorDep, body: Step = NOTHING) -> dict[str, Any]:
    """Keep an issue from being mailed until it is approved."""
    return _step(app, actor, desk.hold, issue_id, revision=body.revision)


@router.post("/issues/{issue_id}/veto")
def veto(issue_id: Number, app: AppDep, actor: ActorDep, body: Step = NOTHING) -> dict[str, Any]:
    """Give an issue up before it is mailed; its articles are in the next one."""
    return _step(app, actor, desk.veto, issue_id, revision=body.revision)


def _step(
    app: App,
    actor: Actor,
    step: Callable[..., Issue],
    issue_id: int,
    *given: object,
    revision: int | None,
    **more: object,
) -> dict[str, Any]:
    with app.transaction() as session:
        step(session, issue_id, *given, actor=actor, now=app.clock.now(), revision=revision, **more)
        return records.changed(session, issue_id)
