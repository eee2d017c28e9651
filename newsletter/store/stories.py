"""Read what an issue is made of, and keep editors' words on which articles tell one story."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple  # Any: rows of many columns

from sqlalchemy import Select, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from newsletter.domain.issues import KEPT
from newsletter.domain.stories import Ruling
from newsletter.store import lists
from newsletter.store.articles import IDENTITY
from newsletter.store.tables import Article, Issue, NewsletterArticle, Source, StoryLink, StoryMember


class Found(NamedTuple):
    """Hold an article with its place in a newsletter; ``is_placed`` False: it is none of that newsletter's.

    ``importance`` is that of the article and of its source together. ``backlog`` says why it is told in no issue, ""
    when it may be. ``is_frozen``: some newsletter has told it, whatever it is in this one.
    """

    id: int
    number: int
    title: str
    summary: str
    url: str
    canonical_url: str
    author: str
    image_url: str
    image_width: int | None
    image_height: int | None
    image_alt: str
    image_fault: str | None
    published_at: datetime | None
    first_seen_at: datetime
    retracted_at: datetime | None
    feed_position: int | None
    story_key: str | None
    is_worth_telling: bool
    importance: int
    is_placed: bool
    topics: int
    seen_at: datetime
    section: int | None
    weight: int
    backlog: str
    is_frozen: bool = False


def placed(session: Session, newsletter_id: int, *, since: datetime, until: datetime) -> list[Found]:
    """Return the articles of a newsletter that count as seen later than ``since`` and were met by ``until``.

    All of them, also backlog, what was retracted and what is dated ahead.
    """
    return _found(
        session,
        _query(newsletter_id).where(NewsletterArticle.seen_at > since, Article.first_seen_at <= until),
    )


def newest(session: Session, newsletter_id: int, *, limit: int) -> list[Found]:
    """Return the newest articles of a newsletter that are not retracted."""
    query = _query(newsletter_id).where(
        NewsletterArticle.article_id.is_not(None), Article.retracted_at.is_(None)
    )
    return _found(session, query.order_by(None).order_by(Article.number.desc()).limit(limit))


def told_elsewhere(session: Session, newsletter_id: int, *, since: datetime) -> list[Found]:
    """Return the articles first seen later than ``since`` that other newsletters told, and this one does not have.

    Who had one of them there has had its story.
    """
    return _found(
        session,
        _query(newsletter_id).where(
            Article.first_seen_at > since,
            Article.frozen_at.is_not(None),
            NewsletterArticle.article_id.is_(None),
        ),
    )


def named(session: Session, newsletter_id: int, article_ids: Collection[int]) -> list[Found]:
    """Return articles by their ids, however old, and whether they are the newsletter's or not."""
    if not article_ids:
        return []
    return _found(session, _query(newsletter_id).where(lists.among(session, Article.id, article_ids)))


def rulings(session: Session, article_ids: Collection[int]) -> list[Ruling]:
    """Return what editors said of these articles and others, the newest word first."""
    links = session.scalars(
        select(StoryLink)
        .where(
            or_(
                lists.among(session, StoryLink.first_id, article_ids),
                lists.among(session, StoryLink.second_id, article_ids),
            )
        )
        .order_by(StoryLink.at.desc(), StoryLink.first_id, StoryLink.second_id)
    )
    return [
        Ruling(first_id=link.first_id, second_id=link.second_id, is_same=link.is_same, by=link.by)
        for link in links
    ]


def told_together(
    session: Session, *, since: datetime, article_ids: Collection[int]
) -> list[tuple[int, int]]:
    """Return pairs of articles that issues of any newsletter told as one story: who tells it, and another one.

    Of issues that were cut off after ``since``, and of all for the articles that are named.
    """
    member = StoryMember
    rows = session.execute(
        select(member.lead_id, member.article_id)
        .distinct()
        .join(Issue, Issue.id == member.issue_id)
        .where(
            Issue.status.in_(KEPT),
            or_(
                Issue.cut_off_at > since,
                lists.among(session, member.article_id, article_ids),
                lists.among(session, member.lead_id, article_ids),
            ),
        )
    )
    return sorted((lead_id, article_id) for lead_id, article_id in rows)


def rule(session: Session, one_id: int, other_id: int, *, is_same: bool, by: str, now: datetime) -> None:
    """Keep an editor's word on two articles in the place of an earlier one."""
    first, second = sorted((one_id, other_id))
    link = session.get(StoryLink, (first, second))
    if link is not None and link.is_same and is_same and link.by == IDENTITY:
        return  # they are more than one story: one article
    session.execute(delete(StoryLink).where(StoryLink.first_id == first, StoryLink.second_id == second))
    session.add(StoryLink(first_id=first, second_id=second, is_same=is_same, by=by[:120], at=now))
    session.flush()


def has_any(session: Session, newsletter_id: int) -> bool:
    """Say whether a newsletter has a source, or ever had an article."""
    sources = select(Source.id).where(Source.newsletter_id == newsletter_id).limit(1)
    articles = (
        select(NewsletterArticle.article_id).where(NewsletterArticle.newsletter_id == newsletter_id).limit(1)
    )
    return any(session.scalar(query) is not None for query in (sources, articles))


def _query(newsletter_id: int) -> Select[*tuple[Any, ...]]:
    place = NewsletterArticle
    return (
        select(
            Article.id,
            Article.number,
            Article.title,
            Article.summary,
            Article.url,
            Article.canonical_url,
            Article.author,
            Article.image_url,
            Article.image_width,
            Article.image_height,
            Article.image_alt,
            Article.image_fault,
            Article.published_at,
            Article.first_seen_at,
            Article.retracted_at,
            Article.feed_position,
            Article.story_key,
            Article.is_worth_telling,
            (Article.importance + func.coalesce(Source.importance, 0)).label("importance"),
            place.article_id.is_not(None).label("is_placed"),
            func.coalesce(place.topics, 0).label("topics"),
            func.coalesce(place.seen_at, Article.first_seen_at).label("seen_at"),
            place.section,
            func.coalesce(place.weight, 0).label("weight"),
            place.is_backlog,
            place.reason,
            Article.frozen_at.is_not(None).label("is_frozen"),
        )
        .outerjoin(place, and_(place.article_id == Article.id, place.newsletter_id == newsletter_id))
        .outerjoin(Source, Source.id == Article.source_id)
        .order_by(Article.number)
    )


def _found(session: Session, query: Select[*tuple[Any, ...]]) -> list[Found]:
    return [
        Found._make((*values, (reason or "backlog") if is_backlog else "", is_frozen))
        for *values, is_backlog, reason, is_frozen in session.execute(query)
    ]
