"""Send breaking news, and take articles back."""

from __future__ import annotations

from typing import Any  # JSON objects

from fastapi import APIRouter, BackgroundTasks

from newsletter.digest import breaking, retracting
from newsletter.domain.editors import Role
from newsletter.domain.errors import NotFound
from newsletter.store import articles
from newsletter.web.api import access, records
from newsletter.web.api.access import ActorDep
from newsletter.web.api.fields import ArticleId, Breaking
from newsletter.web.deps import AppDep

router = APIRouter()


@router.post("/breaking", status_code=201)
def send(body: Breaking, app: AppDep, actor: ActorDep, background: BackgroundTasks) -> dict[str, Any]:
    """Send one article at once; without ``approve`` editors are asked by mail."""
    with app.transaction() as session:
        found = access.newsletter(session, actor, body.newsletter)
        issue = breaking.send(
            session,
            found.id,
            body.article,
            actor=actor,
            now=app.clock.now(),
            subject=body.subject,
            is_flash=body.flash,
            is_again=body.again,
            is_approved=body.approve,
        )
        answer = records.issue(session, issue)
    background.add_task(app.bell.ring, "newsletter.build", answer["id"])
    background.add_task(app.bell.ring, "newsletter.notices")
    return answer


@router.post("/articles/{article_id}/retract")
def retract(article_id: ArticleId, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Take an article out of every issue that has not gone out, and out of the archive; again changes nothing."""
    with app.transaction() as session:
        found = articles.get(session, article_id)
        if found is None:
            raise NotFound(f"There is no article {article_id}.", reason="unknown_article")
        access.require_for_article(session, actor, article_id, Role.SEND)
        retracting.retract(session, article_id, actor=actor, now=app.clock.now())
        session.refresh(found)
        return records.article(found)
