"""Take articles that the website pushes."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from newsletter.ingest import articles
from newsletter.web import bodies
from newsletter.web.bodies import Body
from newsletter.web.deps import AppDep
from newsletter.web.hooks import signed

router = APIRouter()


@router.post("/hooks/articles")
def push(request: Request, app: AppDep, body: Body) -> JSONResponse:
    """Keep, refresh or retract articles; all of one call or none."""
    delivery_id = signed.verify(request, app, body)
    payload = bodies.parse_object(body)
    answer, _ = signed.once(
        app,
        "articles",
        delivery_id,
        lambda session: articles.push(session, payload, now=app.clock.now()),
    )
    return JSONResponse(answer, headers={"Cache-Control": "no-store"})
