"""Hand the parts of the service to the routes, and ask the questions that all of them ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, HTTPException, Path, Request

from newsletter.broker.limiter import Limit
from newsletter.domain import networks
from newsletter.domain.consent import ConsentChannel, ConsentEvidence
from newsletter.providers.base import EventFeed
from newsletter.web import clients
from newsletter.web.pages import Pages
from newsletter.wiring import App

_USER_AGENT_MAX = 300  # characters kept as evidence

# Strangers can cause mail only with these.
SIGNUPS = Limit("signups", per_minute=5, per_hour=20)
# Readers' own pages: far above what a person does.
CHANGES = Limit("changes", per_minute=60, per_hour=600)
# Webhooks whose signature does not fit.
FORGERIES = Limit("forgeries", per_minute=30, per_hour=300)
# Keys to the API that open nothing.
GUESSES = Limit("guesses", per_minute=30, per_hour=300)


def get_app(request: Request) -> App:
    """Return the parts of this process."""
    app: App = request.app.state.app
    return app


def get_pages(request: Request) -> Pages:
    """Return what renders pages."""
    pages: Pages = request.app.state.pages
    return pages


def get_feeds(request: Request) -> Mapping[str, EventFeed]:
    """Return what understands the providers that are set up."""
    feeds: Mapping[str, EventFeed] = request.app.state.feeds
    return feeds


AppDep = Annotated[App, Depends(get_app)]
PagesDep = Annotated[Pages, Depends(get_pages)]
FeedsDep = Annotated[Mapping[str, EventFeed], Depends(get_feeds)]
Slug = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,60}$")]
Number = Annotated[int, Path(ge=1, le=1_000_000_000)]


def require_allowed(request: Request, limit: Limit) -> None:
    """Count one more request of this client; refuse it with 429 when there were too many."""
    app: App = request.app.state.app
    if not app.limiter.allows(limit, networks.limit_key(clients.address_of(request))):
        raise HTTPException(429, headers={"Retry-After": "60"})


def evidence_of(
    request: Request,
    channel: ConsentChannel,
    *,
    form_text: str = "",
    form_version: str = "",
    page_url: str = "",
) -> ConsentEvidence:
    """Return what is kept of a request as proof of what its sender wanted."""
    return ConsentEvidence(
        channel=channel,
        form_text=form_text,
        form_version=form_version,
        client_ip=clients.address_of(request),
        user_agent=request.headers.get("user-agent", "")[:_USER_AGENT_MAX],
        page_url=page_url,
    )
