"""Answer the hubs that we asked to tell us of news in feeds (W3C WebSub)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, HTTPException, Path, Request
from starlette.responses import PlainTextResponse, Response

from newsletter.domain import websub
from newsletter.domain.errors import NotFound
from newsletter.ingest import hubs
from newsletter.web import deps
from newsletter.web.bodies import Body
from newsletter.web.deps import AppDep

router = APIRouter()

_Token = Annotated[str, Path(pattern=r"^[0-9a-f]{40}$")]
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@router.get("/hooks/websub/{token}")
def confirm(request: Request, app: AppDep, token: _Token) -> Response:
    """Confirm a subscription that we asked for.

    It is the one GET that records anything, because WebSub §5.3 has it so: that what we asked for was granted.
    """
    given = request.query_params
    try:
        with app.transaction() as session:
            challenge = hubs.confirm(
                session,
                token,
                mode=given.get("hub.mode", ""),
                topic=given.get("hub.topic", ""),
                challenge=given.get("hub.challenge", ""),
                lease_seconds=given.get("hub.lease_seconds", ""),
                now=app.clock.now(),
            )
    except NotFound:
        raise HTTPException(404) from None  # it says to the hub that we do not want it (WebSub §5.3.1)
    return PlainTextResponse(challenge, headers=_HEADERS)


@router.post("/hooks/websub/{token}")
def tell(request: Request, app: AppDep, token: _Token, body: Body, background: BackgroundTasks) -> Response:
    """Take a hub's word that a feed has something new; a call with a wrong signature is taken and ignored."""
    try:
        with app.transaction() as session:
            source_id = hubs.ping(
                session,
                token,
                signature=request.headers.get(websub.SIGNATURE_HEADER, ""),
                body=body,
                now=app.clock.now(),
            )
    except NotFound:
        raise HTTPException(410) from None  # a hub that hears it forgets the subscription
    if source_id is None:
        deps.require_allowed(request, deps.FORGERIES)
    else:
        background.add_task(app.bell.ring, "newsletter.poll", source_id)
    return Response(status_code=202, headers=_HEADERS)
