"""Show issues on the web: the ones that readers got, and the public archive."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from newsletter.domain.tokens import LinkPurpose, read_link
from newsletter.reporting import archive
from newsletter.store import keys, newsletters
from newsletter.store.tables import KeyPurpose
from newsletter.web.deps import AppDep, Number, PagesDep, Slug

router = APIRouter()

_PAGE = 20  # issues on one page of the list
_PAGES_MAX = 10_000
_TEXT_MAX = 100


@router.api_route("/v/{token}", methods=["GET", "HEAD"])
@router.api_route("/v/{token}/{language}", methods=["GET", "HEAD"])
def view(token: str, app: AppDep, pages: PagesDep, language: str = "") -> HTMLResponse:
    """Show the stories of one reader's message in its language, without anything that says whose it was."""
    with app.reading() as session:
        ring = keys.ring(session, KeyPurpose.LINKS)
        found = read_link(token, LinkPurpose.VIEW, ring, now=app.clock.now())
        issue = archive.view(
            session,
            found.object_id,
            found.payload,
            public_url=pages.public_url,
            environment=app.environment,
            language=language,
        )
    return pages.issue(issue.html, is_private=True)


@router.api_route("/archive/{slug}", methods=["GET", "HEAD"])
def listing(
    request: Request, slug: Slug, app: AppDep, pages: PagesDep, q: str = "", page: str = "1"
) -> HTMLResponse:
    """List the issues of a newsletter, the newest first."""
    text = " ".join(q.replace("\0", "").split())[:_TEXT_MAX]
    number = min(int(page), _PAGES_MAX) if page.isascii() and page.isdigit() and len(page) < 9 else 1
    number = max(number, 1)
    with app.reading() as session:
        newsletter = newsletters.by_slug(session, slug)
        found = archive.listing(session, slug, search=text, limit=_PAGE, offset=(number - 1) * _PAGE)
    words = pages.words(request, newsletter)
    return pages.page(
        request,
        "web/archive.html",
        newsletter=newsletter,
        is_private=False,
        title=words("web.archive.title", newsletter=newsletter.name),
        description=newsletter.description,
        text=text,
        issues=[
            {
                "url": f"/archive/{slug}/{entry.number}",
                "subject": entry.title,
                "summary": entry.summary,
                "number": entry.number,
                "date": words.long_date(entry.issued_on),
            }
            for entry in found.entries
        ],
        subscribe_url=f"/subscribe/{slug}",
        newer_url=_page_url(slug, text, number - 1) if number > 1 else "",
        older_url=_page_url(slug, text, number + 1) if number * _PAGE < found.total else "",
    )


@router.api_route("/archive/{slug}/{number}", methods=["GET", "HEAD"])
def issue(slug: Slug, number: Number, app: AppDep, pages: PagesDep) -> HTMLResponse:
    """Show one issue with the top stories of all topics."""
    with app.reading() as session:
        found = archive.page(session, slug, number, public_url=pages.public_url, environment=app.environment)
    return pages.issue(found.html, is_private=False)


def _page_url(slug: str, text: str, page: int) -> str:
    query = {"q": text} if text else {}
    return f"/archive/{slug}?" + urlencode(query | {"page": str(page)})
