"""Put the routes, the limits and the error pages together."""

from __future__ import annotations

from fastapi import FastAPI

from newsletter.web import errors, health
from newsletter.web.bodies import BodyLimit
from newsletter.web.clients import Proxies
from newsletter.web.hooks import articles, signup
from newsletter.web.pages import Pages
from newsletter.web.public import archive, confirm, preferences, subscribe, unsubscribe
from newsletter.wiring import App

_BODY_BYTES = 64 * 1024  # a form or a signup is a few hundred octets
_ARTICLES_BYTES = 2 * 1024 * 1024  # a hundred articles with long summaries


def create_app(app: App) -> FastAPI:
    """Return the ASGI application; nothing is opened yet."""
    web = FastAPI(title="newsletter", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    web.state.app = app
    web.state.pages = Pages(app.environment, app.settings.public_url)
    web.state.proxies = Proxies(app.settings.trusted_proxies)
    for routes in (health, signup, articles, subscribe, confirm, unsubscribe, preferences, archive):
        web.include_router(routes.router)
    errors.install(web)
    web.add_middleware(BodyLimit, default=_BODY_BYTES, larger={"/hooks/articles": _ARTICLES_BYTES})
    return web
