"""Send breaking news."""

from __future__ import annotations

from typing import Any  # JSON objects

from fastapi import APIRouter, BackgroundTasks

from newsletter.digest import breaking
from newsletter.web.api import access, records
from newsletter.web.api.access import ActorDep
from newsletter.web.api.fields import Breaking
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
