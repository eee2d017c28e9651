"""Keep what is known of the images of articles."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, func, or_, select, update
from sqlalchemy.orm import Session

from newsletter.store.tables import Article, NewsletterArticle

_NEWS = timedelta(days=8)  # an article is first told within a week, or not at all
_AGAIN = timedelta(minutes=30)  # a server that did not answer may do so before the issue is made


def due(session: Session, *, passing: Collection[str], now: datetime, limit: int) -> list[tuple[int, str]]:
    """Return the ids and image addresses of articles to look at, the newest first.

    Looked at is what may still be told for the first time, once; again where the fault was a ``passing`` one.
    """
    return [(row.id, row.image_url) for row in session.execute(_due(passing, now=now).limit(limit))]


def record(
    session: Session,
    article_id: int,
    looked_at: str,
    *,
    url: str,
    width: int | None,
    height: int | None,
    fault: str | None,
    now: datetime,
) -> bool:
    """Record what an article's image is; False when the article has another one by now, or is frozen."""
    sizes = {} if width is None else {"image_width": width, "image_height": height}
    changed = session.execute(
        update(Article)
        .where(Article.id == article_id, Article.image_url == looked_at, Article.frozen_at.is_(None))
        .values(image_url=url, image_fault=fault, image_checked_at=now, **sizes)
        .returning(Article.id)
        .execution_options(synchronize_session=False)
    )
    return changed.first() is not None


def pages_due(
    session: Session, *, passing: Collection[str], now: datetime, limit: int
) -> list[tuple[int, str]]:
    """Return the ids and addresses of articles whose pages may name an image, the newest first.

    The website names the images of what it pushes itself; what feeds leave out is looked for.
    """
    query = (
        _unseen(select(Article.id, Article.url), passing, now=now)
        .where(Article.image_url == "", Article.source_id.is_not(None))
        .limit(limit)
    )
    return [(row.id, row.url) for row in session.execute(query)]


def record_page(
    session: Session, article_id: int, *, url: str, alt: str, fault: str | None, now: datetime
) -> None:
    """Record what an article's page names: an image, that is to be looked at next, or why there is none."""
    session.execute(
        update(Article)
        .where(Article.id == article_id, Article.image_url == "", Article.frozen_at.is_(None))
        .values(
            image_url=url,
            image_alt=alt,
            is_image_of_page=bool(url),
            image_fault=fault,
            image_checked_at=None if url else now,
        )
        .execution_options(synchronize_session=False)
    )


def leave_out_shared(session: Session, url: str, *, fault: str, now: datetime) -> None:
    """Leave an image out that the pages of several articles name."""
    theirs = (Article.image_url == url, Article.is_image_of_page)
    count = session.scalar(select(func.count()).where(*theirs, Article.first_seen_at > now - _NEWS))
    if count is not None and count > 1:
        session.execute(
            update(Article)
            .where(*theirs, Article.frozen_at.is_(None))
            .values(image_fault=fault, image_checked_at=now)
            .execution_options(synchronize_session=False)
        )


def _due(passing: Collection[str], *, now: datetime) -> Select[int, str]:
    return _unseen(select(Article.id, Article.image_url), passing, now=now).where(Article.image_url != "")


def _unseen(query: Select[int, str], passing: Collection[str], *, now: datetime) -> Select[int, str]:
    """Narrow a question to news that is still to be looked at."""
    is_new = Article.image_checked_at.is_(None)
    is_passing = and_(Article.image_fault.in_(passing), Article.image_checked_at <= now - _AGAIN)
    is_news = (
        select(NewsletterArticle.article_id)
        .where(NewsletterArticle.article_id == Article.id, NewsletterArticle.is_backlog.is_(False))
        .exists()
    )
    return query.where(
        Article.first_seen_at > now - _NEWS,
        Article.frozen_at.is_(None),
        Article.retracted_at.is_(None),
        or_(is_new, is_passing),
        is_news,
    ).order_by(Article.first_seen_at.desc(), Article.id.desc())
