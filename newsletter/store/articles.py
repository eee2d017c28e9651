"""Keep articles: one row for one piece, whoever brings it and however often."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, func, literal, or_, select, union, update
from sqlalchemy.orm import Session

from newsletter.domain import articles as rules
from newsletter.domain.articles import RetractedBy
from newsletter.domain.issues import KEPT
from newsletter.store import driver, lists
from newsletter.store.tables import (
    Article,
    ArticleKey,
    Issue,
    IssueArticle,
    Newsletter,
    NewsletterArticle,
    StoryLink,
    StoryMember,
)
from newsletter.store.types import UtcDateTime

IDENTITY = "identity"  # who says so, in story_links, when two articles turned out to be one
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


def among(session: Session, article_ids: Collection[int]) -> Sequence[Article]:
    """Return articles by their ids, the oldest first."""
    return session.scalars(
        select(Article).where(lists.among(session, Article.id, article_ids)).order_by(Article.number)
    ).all()


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


def same_ids(session: Session, article_id: int) -> set[int]:
    """Return an article's id and those of the articles that turned out to be the same as it."""
    found, new = set[int](), {article_id}
    while new:
        found |= new
        links = session.execute(
            select(StoryLink.first_id, StoryLink.second_id).where(
                StoryLink.is_same,
                StoryLink.by == IDENTITY,
                or_(StoryLink.first_id.in_(new), StoryLink.second_id.in_(new)),
            )
        )
        new = {each for link in links for each in link} - found
    return found


def freeze(session: Session, article_ids: Iterable[int], *, now: datetime) -> None:
    """Mark articles as being in a built issue: from now on their text is not refreshed.

    Those that are marked are written too, so that a ``thaw`` at the same time either waits or is undone.
    """
    session.execute(
        update(Article)
        .where(lists.among(session, Article.id, list(article_ids)))
        .values(frozen_at=func.coalesce(Article.frozen_at, literal(now, UtcDateTime())))
        .execution_options(synchronize_session="fetch")
    )


def thaw(session: Session, issue_id: int) -> None:
    """Let the texts of an issue's articles be refreshed again: it is given up, or built anew.

    But for those that are in another issue that readers get, or got, and those that are being written just now.
    """
    named = union(
        select(IssueArticle.article_id).where(
            IssueArticle.issue_id == issue_id, IssueArticle.rank.is_not(None)
        ),
        select(StoryMember.article_id).where(StoryMember.issue_id == issue_id),
    )
    ids = session.scalars(
        select(Article.id)
        .where(Article.id.in_(named.scalar_subquery()), Article.frozen_at.is_not(None))
        .with_for_update(skip_locked=True)
    ).all()
    if ids:
        session.execute(
            update(Article)
            .where(
                lists.among(session, Article.id, ids),
                ~_is_in_another(IssueArticle, issue_id, IssueArticle.rank.is_not(None)),
                ~_is_in_another(StoryMember, issue_id),
            )
            .values(frozen_at=None)
            .execution_options(synchronize_session="fetch")
        )


def _is_in_another(
    table: type[IssueArticle | StoryMember], issue_id: int, *further: ColumnElement[bool]
) -> ColumnElement[bool]:
    kept = select(Issue.id).where(Issue.id == table.issue_id, Issue.status.in_(KEPT))
    return exists().where(table.article_id == Article.id, table.issue_id != issue_id, *further, kept.exists())


def mark_retracted(
    session: Session, article_id: int, *, now: datetime, by: RetractedBy = RetractedBy.WEBSITE
) -> bool:
    """Take an article out of every issue, with all that turned out to be the same; False when that changes nothing.

    An editor's word takes the place of the website's, and not the other way round.
    """
    is_new: ColumnElement[bool] = Article.retracted_at.is_(None)
    if by is RetractedBy.EDITOR:
        is_new = or_(is_new, Article.retracted_by.is_distinct_from(by))
    taken = session.scalars(
        update(Article)
        .where(Article.id.in_(same_ids(session, article_id)), is_new)
        .values(
            retracted_at=func.coalesce(Article.retracted_at, literal(now, UtcDateTime())),
            retracted_by=by,
            updated_at=now,
        )
        .returning(Article.id)
        .execution_options(synchronize_session="fetch")
    )
    return bool(taken.all())


def put_back(session: Session, article_id: int, *, now: datetime) -> None:
    """Let issues tell an article again, and all that turned out to be the same, whoever retracted them."""
    session.execute(
        update(Article)
        .where(Article.id.in_(same_ids(session, article_id)), Article.retracted_at.is_not(None))
        .values(retracted_at=None, retracted_by=None, updated_at=now)
        .execution_options(synchronize_session="fetch")
    )


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
