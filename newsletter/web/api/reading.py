"""Answer what there is: newsletters, issues, articles, and what was done."""

from __future__ import annotations

from typing import Any  # JSON objects

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from newsletter.digest import build
from newsletter.domain.editors import Role, may
from newsletter.domain.errors import NotFound
from newsletter.domain.issues import IssueStatus
from newsletter.store import articles, audit, issues, newsletters
from newsletter.web import proofs
from newsletter.web.api import access, records
from newsletter.web.api.access import ActorDep
from newsletter.web.api.fields import ArticleId, Before, Language, Limit, Search
from newsletter.web.deps import AppDep, Number, PagesDep, Slug

router = APIRouter()


@router.get("/newsletters")
def list_newsletters(app: AppDep, actor: ActorDep, search: Search = "") -> dict[str, Any]:
    """List the newsletters that the key is for; every word of ``search`` stands in them."""
    with app.reading() as session:
        found = newsletters.listing(session, search=search)
        seen = [each for each in found if may(actor, Role.DRAFT, newsletter_id=each.id)]
        return {"newsletters": [records.newsletter(session, each) for each in seen]}


@router.get("/newsletters/{slug}")
def show_newsletter(slug: Slug, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Show one newsletter."""
    with app.reading() as session:
        return records.newsletter(session, access.newsletter(session, actor, slug))


@router.get("/issues")
def list_issues(
    app: AppDep,
    actor: ActorDep,
    newsletter: str = "",
    status: IssueStatus | None = None,
    search: Search = "",
    limit: Limit = 50,
    offset: int = 0,
) -> dict[str, Any]:
    """List issues, the newest first; ``search`` looks into the stories of built ones."""
    with app.reading() as session:
        bound = [access.newsletter(session, actor, newsletter).id] if newsletter else actor.newsletters
        found = issues.listing(
            session,
            newsletter_ids=bound,
            status=status,
            search=search,
            limit=limit,
            offset=min(max(offset, 0), 1_000_000),
        )
        return {"issues": [records.issue(session, each) for each in found]}


@router.get("/issues/{issue_id}")
def show_issue(issue_id: Number, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Show one issue with its ranked stories: as it was built, else as it would be built now."""
    with app.reading() as session:
        found = access.issue(session, actor, issue_id)
        return records.whole_issue(session, found, build.look(session, found))


@router.get("/issues/{issue_id}/preview", response_class=HTMLResponse)
def preview_issue(
    issue_id: Number, app: AppDep, actor: ActorDep, pages: PagesDep, language: Language = ""
) -> HTMLResponse:
    """Return the mail as a reader of all topics who got the issues before would get it; no state moves."""
    with app.reading() as session:
        found = access.issue(session, actor, issue_id)
        return pages.issue(proofs.page(app, session, found, language=language), is_private=True)


@router.get("/articles")
def list_articles(
    newsletter: str,
    app: AppDep,
    actor: ActorDep,
    search: Search = "",
    limit: Limit = 50,
    before: Before = None,
) -> dict[str, Any]:
    """List articles of a newsletter, the newest first; go on with ``before`` = the last one's number."""
    with app.reading() as session:
        found = access.newsletter(session, actor, newsletter)
        rows = articles.search(session, found.id, search, limit=limit, before=before)
        return {"articles": [records.placed(row) for row in rows]}


@router.get("/articles/{article_id}")
def show_article(article_id: ArticleId, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Show one article."""
    with app.reading() as session:
        found = articles.get(session, article_id)
        if found is None:
            raise NotFound(f"There is no article {article_id}.", reason="unknown_article")
        access.require_for_article(session, actor, article_id, Role.DRAFT)
        return records.article(found)


@router.get("/audit")
def list_steps(
    app: AppDep,
    actor: ActorDep,
    issue: int | None = None,
    search: Search = "",
    limit: Limit = 50,
    before: Before = None,
) -> dict[str, Any]:
    """List what was done, the newest first; go on with ``before`` = the last one's id."""
    with app.reading() as session:
        found = audit.listing(
            session,
            issue_id=issue,
            newsletter_ids=actor.newsletters,
            search=search,
            limit=limit,
            before=before,
        )
        return {"events": [records.event(session, each) for each in found]}
