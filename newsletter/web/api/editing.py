"""Decide about articles: take them back, weigh them, say which tell one story."""

from __future__ import annotations

from typing import Any  # JSON objects

from fastapi import APIRouter

from newsletter.digest import editing
from newsletter.domain.articles import RetractedBy
from newsletter.domain.editors import Actor, Role
from newsletter.domain.errors import NotFound
from newsletter.store import Session, articles
from newsletter.store.tables import Article
from newsletter.web.api import access, records
from newsletter.web.api.access import ActorDep
from newsletter.web.api.fields import ArticleId, Other, Weight, WorthTelling
from newsletter.web.deps import AppDep, Slug
from newsletter.wiring import App

router = APIRouter()


@router.post("/articles/{article_id}/retract")
def retract(article_id: ArticleId, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Take an article out of every issue that has not gone out, and out of the archive; again changes nothing."""
    with app.transaction() as session:
        found = _article(session, actor, article_id, Role.SEND)
        if found.retracted_by is not RetractedBy.EDITOR:
            found = editing.retract(session, article_id, actor=actor, now=app.clock.now())
        return records.article(found)


@router.post("/articles/{article_id}/restore")
def restore(article_id: ArticleId, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Let issues tell a retracted article again; again changes nothing."""
    with app.transaction() as session:
        found = _article(session, actor, article_id, Role.SEND)
        if found.retracted_at is not None:
            found = editing.restore(session, article_id, actor=actor, now=app.clock.now())
        return records.article(found)


@router.put("/newsletters/{slug}/articles/{article_id}/weight")
def weigh(slug: Slug, article_id: ArticleId, body: Weight, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Let an article stand further up in a newsletter's issues, or further down; 0 = as it ranks."""
    with app.transaction() as session:
        newsletter_id = access.newsletter(session, actor, slug).id
        editing.weigh(session, article_id, newsletter_id, body.weight, actor=actor, now=app.clock.now())
        return records.article(_article(session, actor, article_id, Role.DRAFT)) | {"weight": body.weight}


@router.put("/articles/{article_id}/worth-telling")
def mark_worth_telling(
    article_id: ArticleId, body: WorthTelling, app: AppDep, actor: ActorDep
) -> dict[str, Any]:
    """Tell an article also to readers who know its story, or no longer."""
    with app.transaction() as session:
        found = editing.mark_worth_telling(
            session,
            article_id,
            is_worth_telling=body.is_worth_telling,
            actor=actor,
            now=app.clock.now(),
        )
        return records.article(found)


@router.post("/articles/{article_id}/merge")
def merge(article_id: ArticleId, body: Other, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Say that two articles tell one story; it holds from the next freeze on."""
    return _rule(app, actor, article_id, body.article, is_same=True)


@router.post("/articles/{article_id}/split")
def split(article_id: ArticleId, body: Other, app: AppDep, actor: ActorDep) -> dict[str, Any]:
    """Say that two articles tell stories of their own; it holds from the next freeze on."""
    return _rule(app, actor, article_id, body.article, is_same=False)


def _rule(app: App, actor: Actor, article_id: int, other_id: int, *, is_same: bool) -> dict[str, Any]:
    with app.transaction() as session:
        editing.rule(session, article_id, other_id, is_same=is_same, actor=actor, now=app.clock.now())
    return {"article": article_id, "other": other_id, "is_same": is_same}


def _article(session: Session, actor: Actor, article_id: int, role: Role) -> Article:
    found = articles.get(session, article_id)
    if found is None:
        raise NotFound(f"There is no article {article_id}.", reason="unknown_article")
    access.require_for_article(session, actor, article_id, role)
    return found
