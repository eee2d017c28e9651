"""Join two articles that turn out to be one: the id of one of them came with the address of the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.domain import articles as rules
from newsletter.domain.articles import BacklogReason, RetractedBy
from newsletter.store import articles
from newsletter.store.article_pieces import Piece
from newsletter.store.tables import Article, ArticleKey, DeskItem, NewsletterArticle, Source, StoryLink


def mergeable(piece: Piece, source: Source | None) -> tuple[Article, ...]:
    """Return the articles that a draft shows to be one; fewer than two when its word does not reach so far.

    A stranger's feed may point its own ids at anybody's pages. So its word counts only when the source brought one of
    the articles, and all have the same source or the same host.
    """
    found = piece.matches
    source_id = source.id if source else None
    is_theirs = any(article.source_id == source_id for article in found)
    sources = {article.source_id for article in found}
    hosts = {rules.host(article.canonical_url) for article in found}
    return found if is_theirs and (len(sources) == 1 or len(hosts) == 1) else ()


def merge(session: Session, found: Sequence[Article], *, now: datetime) -> Article:
    """Make one article of several and return it: the one that was in an issue, else the oldest.

    The others keep their numbers, which histories count in, but are told no more; they become one story with it, so
    that who had one of them has had it. A retraction of one counts for all, and for what they were joined with before.
    """
    stays, *others = sorted(found, key=lambda article: (article.frozen_at is None, article.number))
    for gone in others:
        session.execute(
            update(ArticleKey).where(ArticleKey.article_id == gone.id).values(article_id=stays.id)
        )
        _move_places(session, gone, stays)
        _move_desk_items(session, gone, stays)
        _link(session, gone, stays, now=now)
        gone.updated_at = now
    session.flush()
    retracted = [article.retracted_by for article in found if article.retracted_at is not None]
    if retracted:
        by = RetractedBy.EDITOR if RetractedBy.EDITOR in retracted else RetractedBy.WEBSITE
        articles.mark_retracted(session, stays.id, now=now, by=by)
    return stays


def _move_places(session: Session, gone: Article, stays: Article) -> None:
    """Offer the article that stays wherever the other was offered."""
    theirs = {place.newsletter_id: place for place in _places(session, gone)}
    ours = {place.newsletter_id for place in _places(session, stays)}
    for newsletter_id, place in theirs.items():
        if newsletter_id not in ours:
            session.add(
                NewsletterArticle(
                    newsletter_id=newsletter_id,
                    article_id=stays.id,
                    topics=place.topics,
                    section=place.section,
                    weight=place.weight,
                    seen_at=place.seen_at,
                    is_backlog=place.is_backlog,
                    reason=place.reason,
                )
            )
        place.is_backlog, place.reason = True, BacklogReason.MERGED


def _move_desk_items(session: Session, gone: Article, stays: Article) -> None:
    """Let what editors decided hold for the article that stays, unless they decided on it too."""
    decided = select(DeskItem.issue_id).where(DeskItem.article_id == stays.id)
    session.execute(
        update(DeskItem)
        .where(DeskItem.article_id == gone.id, DeskItem.issue_id.not_in(decided))
        .values(article_id=stays.id)
        .execution_options(synchronize_session=False)
    )


def _link(session: Session, gone: Article, stays: Article, *, now: datetime) -> None:
    first, second = sorted((gone.id, stays.id))
    link = session.get(StoryLink, (first, second))
    if link is None:
        session.add(StoryLink(first_id=first, second_id=second, is_same=True, by=articles.IDENTITY, at=now))
    else:
        link.is_same, link.by, link.at = True, articles.IDENTITY, now


def _places(session: Session, article: Article) -> Sequence[NewsletterArticle]:
    return session.scalars(select(NewsletterArticle).where(NewsletterArticle.article_id == article.id)).all()
