"""Keep articles: one row for one piece, whoever brings it and however often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, or_, select, update
from sqlalchemy.orm import Session

from newsletter.domain import articles as rules
from newsletter.store import driver, lists
from newsletter.store.tables import Article, ArticleKey, Newsletter, NewsletterArticle

_RETRACTED = (
    "SELECT number FROM articles WHERE number BETWEEN :lowest AND :highest AND retracted_at IS NOT NULL"
)


@dataclass(frozen=True)
class ArticleRow:
    """Hold an article with its place in one newsletter."""

    article: Article
    topics: int
    seen_at: datetime
    is_backlog: bool


def search(
    session: Session, newsletter_id: int, text: str = "", *, limit: int = 50, before: int | None = None
) -> list[ArticleRow]:
    """Return articles of a newsletter whose title, author or address holds every word of ``text``.

    Newest first; ``before`` is the article number at which the page before ended.
    """
    query = _placed(newsletter_id).limit(limit)
    for word in text.split():
        query = query.where(_holds(word))
    if before is not None:
        query = query.where(Article.number < before)
    return _rows(session, query.order_by(None).order_by(Article.number.desc()))


def listing(
    session: Session, text: str = "", *, newsletter_id: int | None = None, limit: int = 50
) -> Sequence[Article]:
    """Return articles, of one newsletter or of all, whose title, author or address holds every word; newest first."""
    query = select(Article).order_by(Article.number.desc()).limit(limit)
    if newsletter_id is not None:
        query = query.join(NewsletterArticle, NewsletterArticle.article_id == Article.id).where(
            NewsletterArticle.newsletter_id == newsletter_id
        )
    return session.scalars(query.where(*(_holds(word) for word in text.split()))).all()


def places(session: Session, article_id: int) -> Sequence[NewsletterArticle]:
    """Return an article's places in newsletters."""
    return session.scalars(
        select(NewsletterArticle)
        # By way of the newsletters, with which the primary key begins.
        .where(
            NewsletterArticle.newsletter_id.in_(select(Newsletter.id)),
            NewsletterArticle.article_id == article_id,
        )
        .order_by(NewsletterArticle.newsletter_id)
    ).all()


def place(session: Session, newsletter_id: int, article_id: int) -> NewsletterArticle | None:
    """Return an article's place in a newsletter."""
    return session.get(NewsletterArticle, (newsletter_id, article_id))


def get(session: Session, article_id: int) -> Article | None:
    """Return an article by its id."""
    return session.get(Article, article_id)


def by_url(session: Session, url: str) -> Article | None:
    """Return the article that an address leads to, however it is written; None when it is unknown.

    Raise InvalidInput when the address is none.
    """
    key = rules.url_key(rules.canonical_url(url))
    return _by_key(session, "url", key) if key else None


def by_guid(session: Session, guid: str, *, source_id: int | None) -> Article | None:
    """Return the article that a source, or with None the website, calls by this id."""
    return _by_key(session, "guid", rules.guid_key(guid, source_id=source_id))


def _by_key(session: Session, kind: str, value: str) -> Article | None:
    return session.scalar(
        select(Article)
        .join(ArticleKey, ArticleKey.article_id == Article.id)
        .where(ArticleKey.kind == kind, ArticleKey.value == value)
    )


def freeze(session: Session, article_ids: Iterable[int], *, now: datetime) -> None:
    """Mark articles as being in a built issue: from now on their text is not refreshed."""
    session.execute(
        update(Article)
        .where(lists.among(session, Article.id, list(article_ids)), Article.frozen_at.is_(None))
        .values(frozen_at=now)
    )


def mark_retracted(session: Session, article_id: int, *, now: datetime) -> bool:
    """Take an article out of every issue that is not built yet; False when it was out already."""
    taken = session.execute(
        update(Article)
        .where(Article.id == article_id, Article.retracted_at.is_(None))
        .values(retracted_at=now, updated_at=now)
        .returning(Article.id)
    )
    return taken.first() is not None


def retracted_numbers(session: Session, lowest: int, highest: int) -> set[int]:
    """Return which articles between two numbers have been retracted: asked for at every window."""
    statement = driver.spelled(_RETRACTED, is_sqlite=driver.is_sqlite(session))
    with driver.cursor(session) as cursor:
        cursor.execute(statement, {"lowest": lowest, "highest": highest})
        return {number for (number,) in cursor.fetchall()}


def _placed(newsletter_id: int) -> Select[Article, NewsletterArticle]:
    return (
        select(Article, NewsletterArticle)
        .join(NewsletterArticle, NewsletterArticle.article_id == Article.id)
        .where(NewsletterArticle.newsletter_id == newsletter_id)
        .order_by(NewsletterArticle.seen_at.desc(), Article.number.desc())
    )


def _rows(session: Session, query: Select[Article, NewsletterArticle]) -> list[ArticleRow]:
    return [
        ArticleRow(article, place.topics, place.seen_at, place.is_backlog)
        for article, place in session.execute(query)
    ]


def _holds(word: str) -> ColumnElement[bool]:
    columns: Sequence[ColumnElement[str]] = (Article.title, Article.author, Article.url)  # type: ignore[assignment]
    return or_(*(column.icontains(word, autoescape=True) for column in columns))
