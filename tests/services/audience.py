"""Write a newsletter, its readers and an issue that is ready to go out into an empty database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert

from newsletter.digest import build as building
from newsletter.digest import desk, newsletters, plan
from newsletter.digest.newsletters import NewsletterDraft
from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import BUCKET_SIZE
from newsletter.domain.subscriptions import Cadence, SubscriptionStatus
from newsletter.ingest import articles
from newsletter.rendering.environment import Environment
from newsletter.sending import expand as expanding
from newsletter.store import Database, Session
from newsletter.store.tables import Domain, Subscriber, Subscription
from tests.builders import EDITOR

_BUCKETS_MINIMUM = 8  # so that every process of a small run has one to work on
_DOMAIN_COUNT = 50  # a destination that is throttled is then a small part of the run
_AT_ONCE = 2_000  # rows of one statement


@dataclass(frozen=True)
class Audience:
    """Hold what was prepared; the address of each reader names its id."""

    issue_id: int
    mailing_id: int
    reader_ids: list[int]


def prepare(database: Database, *, reader_count: int, now: datetime) -> Audience:
    """Fill a migrated, empty database; the mailing is expanded, and nobody has been written to."""
    reader_ids = _ids(reader_count)
    with database.transaction() as session:
        newsletter = newsletters.add(session, _draft(), now=now - timedelta(days=1))
        articles.push(session, {"newsletters": ["daily"], "articles": [_article(now)]}, now=now)
        _add_readers(session, newsletter.id, reader_ids, now=now)
    with database.transaction() as session:
        issue_id = plan.plan_now(session, newsletter.id, now=now).id
        desk.approve(session, issue_id, actor=EDITOR, now=now)
    status = building.build(database.transaction, issue_id, environment=Environment(), now=now)
    assert status is IssueStatus.BUILT
    mailing_id = expanding.expand(database.transaction, issue_id, now=now)
    assert mailing_id is not None
    return Audience(issue_id, mailing_id, reader_ids)


def address(reader_id: int) -> str:
    """Return a reader's address."""
    return f"r{reader_id}@d{reader_id % _DOMAIN_COUNT}.example"


def reader_of(address: str) -> int:
    """Return the reader of an address."""
    return int(address.partition("@")[0][1:])


def _ids(count: int) -> list[int]:
    """Return ids that are spread over several buckets."""
    bucket_count = max(_BUCKETS_MINIMUM, -(-count // BUCKET_SIZE))
    return sorted(1 + number % bucket_count * BUCKET_SIZE + number // bucket_count for number in range(count))


def _add_readers(session: Session, newsletter_id: int, reader_ids: list[int], *, now: datetime) -> None:
    domains = [{"id": place + 1, "name": f"d{place}.example"} for place in range(_DOMAIN_COUNT)]
    session.execute(insert(Domain), domains)
    for start in range(0, len(reader_ids), _AT_ONCE):
        some = reader_ids[start : start + _AT_ONCE]
        session.execute(
            insert(Subscriber),
            [
                {
                    "id": reader,
                    "address": address(reader),
                    "address_key": address(reader),
                    "domain_id": reader % _DOMAIN_COUNT + 1,
                    "created_at": now,
                }
                for reader in some
            ],
        )
        session.execute(
            insert(Subscription),
            [
                {
                    "subscriber_id": reader,
                    "newsletter_id": newsletter_id,
                    "status": SubscriptionStatus.ACTIVE,
                    "topics": 0,
                    "cadence": Cadence.EVERY_ISSUE,
                    "requested_at": now,
                    "confirmed_at": now,
                }
                for reader in some
            ],
        )


def _draft() -> NewsletterDraft:
    return NewsletterDraft(
        slug="daily",
        name="The Daily",
        from_name="The Daily",
        from_address="news@post.example.com",
        postal_address="The Daily, 1 Quay Street, Porttown",
        home_url="https://post.example.com/",
        privacy_url="https://post.example.com/privacy",
    )


def _article(now: datetime) -> dict[str, object]:
    """Return one short article: what is measured is not the size of messages."""
    return {
        "url": "https://post.example.com/ferry",
        "title": "The ferry returns",
        "summary": "It is back in port.",
        "published_at": (now - timedelta(hours=1)).isoformat(),
    }
