"""Make rows that tests begin from."""

from __future__ import annotations

from datetime import datetime
from typing import Any  # a builder takes any column

from newsletter.domain import addresses
from newsletter.domain.editors import Actor, Role, Way
from newsletter.domain.subscriptions import Cadence, SubscriptionStatus
from newsletter.store import Session, counters, stories
from newsletter.store.tables import (
    Article,
    ArticleKey,
    Newsletter,
    NewsletterArticle,
    Subscriber,
    Subscription,
    Topic,
)
from tests.clocks import NOON

EDITOR = Actor(name="editor", way=Way.CLI, role=Role.ADMIN)


def add_newsletter(session: Session, **over: Any) -> Newsletter:
    """Add a newsletter named "daily" unless told otherwise."""
    values: dict[str, Any] = {
        "slug": "daily",
        "name": "The Daily",
        "from_name": "The Harbour Post",
        "from_address": "news@post.example.com",
        "postal_address": "The Harbour Post, 1 Quay Street, Porttown",
        "home_url": "https://post.example.com/",
        "privacy_url": "https://post.example.com/privacy",
        "created_at": NOON,
    }
    newsletter = Newsletter(**(values | over))
    session.add(newsletter)
    session.flush()
    return newsletter


def add_topic(session: Session, newsletter: Newsletter, slug: str, *, number: int) -> Topic:
    """Add a topic; ``number`` is its bit."""
    topic = Topic(newsletter_id=newsletter.id, number=number, slug=slug, name=slug.capitalize())
    session.add(topic)
    session.flush()
    return topic


def add_reader(
    session: Session,
    newsletter: Newsletter,
    address: str,
    *,
    name: str = "",
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE,
    topics: int = 0,
    cadence: Cadence = Cadence.EVERY_ISSUE,
    **over: Any,
) -> Subscriber:
    """Add a subscriber with one subscription."""
    parsed = addresses.parse(address)
    subscriber = Subscriber(address=str(parsed), address_key=parsed.key, name=name, created_at=NOON)
    session.add(subscriber)
    session.flush()
    values: dict[str, Any] = {
        "subscriber_id": subscriber.id,
        "newsletter_id": newsletter.id,
        "status": status,
        "topics": topics,
        "cadence": cadence,
        "requested_at": NOON,
        "confirmed_at": NOON if status is SubscriptionStatus.ACTIVE else None,
    }
    session.add(Subscription(**(values | over)))
    session.flush()
    return subscriber


def add_article(
    session: Session, newsletter: Newsletter, *, title: str, seen_at: datetime, topics: int = 0, **over: Any
) -> Article:
    """Add an article as a fresh candidate of a newsletter."""
    number = counters.take(session, "article")
    url = f"https://post.example.com/{number}"
    values: dict[str, Any] = {
        "number": number,
        "url": url,
        "canonical_url": url,
        "title": title,
        "summary": f"What happened in: {title}.",
        "first_seen_at": seen_at,
        "updated_at": seen_at,
        "published_at": seen_at,
    }
    article = Article(**(values | over))
    session.add(article)
    session.flush()
    session.add(ArticleKey(kind="url", value=article.canonical_url, article_id=article.id))
    session.add(
        NewsletterArticle(newsletter_id=newsletter.id, article_id=article.id, topics=topics, seen_at=seen_at)
    )
    session.flush()
    return article


def offered(
    session: Session, newsletter: Newsletter | int, *, since: datetime, until: datetime
) -> list[stories.Found]:
    """Return what a newsletter may tell of the articles seen in a time, the newest first."""
    newsletter_id = newsletter if isinstance(newsletter, int) else newsletter.id
    found = stories.placed(session, newsletter_id, since=since, until=until)
    found.sort(key=lambda row: (row.seen_at, row.number), reverse=True)
    return [row for row in found if not row.backlog and row.retracted_at is None and row.seen_at <= until]
