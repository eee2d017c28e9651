"""Take what mail providers tell about messages: proven, kept as it came, read later by a worker."""

from __future__ import annotations

from fastapi import APIRouter, BackgroundTasks, HTTPException, Request
from starlette.responses import JSONResponse

from newsletter.domain.errors import FetchError, InvalidInput
from newsletter.domain.relays import RelayKind
from newsletter.providers.base import Call
from newsletter.runtime import logs
from newsletter.store import arrivals
from newsletter.web import clients, deps, errors
from newsletter.web.bodies import Body
from newsletter.web.deps import AppDep, FeedsDep

router = APIRouter()

_KEPT_HEADERS = ("content-type", "svix-id", "user-agent")  # what readers need; never what proved the call
_HEADER_CHARS = 300
_log = logs.get(__name__)


@router.post("/hooks/providers/{provider}")
def take(
    provider: RelayKind,
    request: Request,
    app: AppDep,
    feeds: FeedsDep,
    body: Body,
    background: BackgroundTasks,
) -> JSONResponse:
    """Keep one call; the same call again changes nothing and is answered alike."""
    feed = feeds.get(provider)
    if feed is None:
        deps.require_allowed(request, deps.FORGERIES)
        _log.warning("provider_not_set_up", provider=provider.value, hint="See docs/operations/providers.md.")
        raise HTTPException(404)
    now = app.clock.now()
    secrets = [secret.get_secret_value() for secret in app.settings.providers[provider]]
    try:
        key = feed.authenticate(Call(request.headers, body), secrets, now=now)
    except InvalidInput as error:
        deps.require_allowed(request, deps.FORGERIES)
        _log.warning("provider_call_refused", provider=provider.value, reason=error.reason)
        return errors.error_json(401, reason="refused", message="The call is not accepted.", hint="")
    except FetchError as error:
        _log.warning("provider_call_undecided", provider=provider.value, reason=error.reason)
        return errors.error_json(
            503, reason="unavailable", message="The call cannot be checked now.", hint=""
        )
    with app.transaction() as session:
        is_new = arrivals.keep(
            session,
            way=provider,
            raw=body,
            now=now,
            key=key,
            peer=clients.address_of(request),
            headers={
                name: request.headers[name][:_HEADER_CHARS]
                for name in _KEPT_HEADERS
                if name in request.headers
            },
        )
    if is_new:
        background.add_task(app.bell.ring, "newsletter.feedback")
    return JSONResponse({"accepted": True}, headers={"Cache-Control": "no-store"})
