"""Put the routes, the limits and the error pages together."""

from __future__ import annotations

from fastapi import FastAPI

from newsletter.domain.relays import RelayKind
from newsletter.web import errors, health, metrics
from newsletter.web.api import routes as api
from newsletter.web.bodies import BodyLimit
from newsletter.web.clients import Proxies
from newsletter.web.hooks import articles, providers, signup, websub
from newsletter.web.pages import Pages
from newsletter.web.public import archive, clicks, confirm, desk, preferences, subscribe, unsubscribe
from newsletter.wiring import App

_BODY_BYTES = 64 * 1024  # a form or a signup is a few hundred octets
_ARTICLES_BYTES = 2 * 1024 * 1024  # a hundred articles with long summaries
_EVENTS_BYTES = 5 * 1024 * 1024  # providers gather events for some seconds
_LARGER = {"/hooks/articles": _ARTICLES_BYTES} | {
    f"/hooks/providers/{kind}": _EVENTS_BYTES for kind in RelayKind
}
_FOLDERS = {"/hooks/websub/": _EVENTS_BYTES}  # hubs send the news along


def create_app(app: App) -> FastAPI:
    """Return the ASGI application; nothing is opened yet. Raise InvalidInput for a setting that cannot work."""
    web = FastAPI(title="newsletter", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    web.state.app = app
    web.state.pages = Pages(app.environment, app.settings.public_url)
    web.state.feeds = app.event_feeds
    web.state.proxies = Proxies(app.settings.trusted_proxies)
    hooks = (signup, articles, providers, websub)
    pages = (subscribe, confirm, unsubscribe, preferences, archive, clicks, desk)
    for routes in (health, metrics, *hooks, *pages, api):
        web.include_router(routes.router)
    errors.install(web)
    web.add_middleware(BodyLimit, default=_BODY_BYTES, larger=_LARGER, folders=_FOLDERS)
    return web
