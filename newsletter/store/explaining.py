"""Read what was written about one reader and one issue, to explain it later."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.domain.mailings import BUCKET_SIZE, HAD, members
from newsletter.store.tables import (
    Article,
    ArticleKey,
    Batch,
    Issue,
    IssueArticle,
    Mailing,
    Message,
    MessageDetail,
    NewsletterArticle,
)


def mailings_of(session: Session, issue_id: int) -> Sequence[Mailing]:
    """Return the mailings of an issue, the main one first."""
    return session.scalars(select(Mailing).where(Mailing.issue_id == issue_id).order_by(Mailing.id)).all()


def message(session: Session, mailing_id: int, subscriber_id: int) -> Message | None:
    """Return what became of a mailing's message to a reader."""
    return session.get(Message, (mailing_id, subscriber_id), populate_existing=True)


def detail(session: Session, mailing_id: int, subscriber_id: int) -> MessageDetail | None:
    """Return the last reply to a message, where it was not simply submitted."""
    return session.get(MessageDetail, (mailing_id, subscriber_id), populate_existing=True)


def batch_of(session: Session, mailing_id: int, subscriber_id: int) -> Batch | None:
    """Return the batch in whose plan a reader is; None when the reader is not planned."""
    bucket = subscriber_id // BUCKET_SIZE
    found = session.scalars(select(Batch).where(Batch.mailing_id == mailing_id, Batch.bucket == bucket))
    return next((batch for batch in found if subscriber_id in members(batch.planned, bucket)), None)


def newest_issue(session: Session, newsletter_id: int, *, now: datetime) -> Issue | None:
    """Return the newest issue whose cut-off has come, else the next one."""
    mine = select(Issue.id).where(Issue.newsletter_id == newsletter_id)  # ids first: contents are large
    past = mine.where(Issue.cut_off_at <= now).order_by(Issue.cut_off_at.desc(), Issue.id.desc())
    found = session.scalar(past.limit(1)) or session.scalar(mine.order_by(Issue.cut_off_at).limit(1))
    return None if found is None else session.get(Issue, found)


def verdict(session: Session, issue_id: int, article_id: int) -> IssueArticle | None:
    """Return what became of an article when an issue was frozen."""
    return session.get(IssueArticle, (issue_id, article_id))


def issues_with(session: Session, article_id: int, newsletter_ids: Collection[int]) -> Sequence[Issue]:
    """Return the issues of some newsletters that looked at an article, the newest first."""
    return session.scalars(
        select(Issue)
        .join(IssueArticle, IssueArticle.issue_id == Issue.id)
        .where(IssueArticle.article_id == article_id, Issue.newsletter_id.in_(list(newsletter_ids)))
        .order_by(Issue.cut_off_at.desc(), Issue.id.desc())
        .limit(50)
    ).all()


def had(session: Session, subscriber_id: int, *, lowest_number: int) -> list[tuple[Mailing, Message]]:
    """Return the messages that a reader had, or may have had, in mailings of articles from a number on, by age."""
    rows = session.execute(
        select(Mailing, Message)
        .join(Message, (Message.mailing_id == Mailing.id) & (Message.subscriber_id == subscriber_id))
        .where(Mailing.highest >= lowest_number, Message.status.in_(HAD))
        .order_by(Mailing.started_at, Mailing.id)
    )
    return [(row[0], row[1]) for row in rows]


def places_of(session: Session, article_id: int) -> Sequence[NewsletterArticle]:
    """Return in which newsletters an article is a candidate."""
    return session.scalars(select(NewsletterArticle).where(NewsletterArticle.article_id == article_id)).all()


def number_of(session: Session, url: str) -> int | None:
    """Return the number of the article that a canonical URL names, also one that it had before."""
    return session.scalar(
        select(Article.number)
        .join(ArticleKey, ArticleKey.article_id == Article.id)
        .where(ArticleKey.kind == "url", ArticleKey.value == url)
    )
