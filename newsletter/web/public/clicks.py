"""Lead readers from the links of mails to the articles, and have it counted."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import RedirectResponse, Response

from newsletter.domain import networks
from newsletter.feedback.clicks import Followed
from newsletter.store import newsletters
from newsletter.web import clients
from newsletter.web.deps import AppDep, PagesDep
from newsletter.web.pages import Pages
from newsletter.wiring import App

router = APIRouter()

# The next click counts again, and the article's site learns nothing of the mail program that the reader came from.
_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "X-Content-Type-Options": "nosniff",
}


@router.api_route("/r/{token}", methods=["GET", "HEAD"])
@router.api_route("/r/{token}/{end}", methods=["GET", "HEAD"])
def follow(request: Request, token: str, app: AppDep, pages: PagesDep, end: str = "") -> Response:
    """Redirect to an article; the click is counted when the answer is on its way, and HEAD never is."""
    found = app.clicks.follow(token, end)
    if not found.url:
        return _withdrawn(request, app, pages, found)
    counting = None
    if request.method == "GET":
        counting = BackgroundTask(
            app.clicks.count,
            found,
            client=networks.limit_key(clients.address_of(request)),
            headers=dict(request.headers),
        )
    return RedirectResponse(found.url, 302, headers=_HEADERS, background=counting)


def _withdrawn(request: Request, app: App, pages: Pages, found: Followed) -> Response:
    with app.reading() as session:
        newsletter = newsletters.get(session, found.newsletter_id)
    words = pages.words(request, newsletter)
    return pages.page(
        request,
        "web/message.html",
        newsletter=newsletter,
        status=410,
        title=words("web.withdrawn.title"),
        paragraphs=[words("web.withdrawn.lead")],
        link={"url": f"/archive/{newsletter.slug}", "text": words("email.archive")},
    )
