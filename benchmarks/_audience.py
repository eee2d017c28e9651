"""Write newsletters with many readers into PostgreSQL in bulk: an issue that is built, and what readers had before.

Two audiences. Broadcast: every reader follows all topics and has had nothing, so all get the same stories. Personal:
each reader follows some of 30 topics and has had 14 daily digests whose stories overlap with the 60 candidates, so
nearly every digest is one of its kind.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from issue import WORDS
from sqlalchemy import Connection, create_engine, text

from newsletter.digest import build as building
from newsletter.digest import desk, newsletters, plan
from newsletter.digest.newsletters import NewsletterDraft
from newsletter.domain.editors import Actor, Role, Way
from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import BUCKET_SIZE, MailingStatus, MessageStatus
from newsletter.ingest import articles
from newsletter.rendering.environment import Environment
from newsletter.runtime.clock import SystemClock
from newsletter.store import Database, Session, counters
from newsletter.store.tables import Issue, Mailing, Newsletter

TOPIC_COUNT = 30
STORY_COUNT = 60
STORY_MAXIMUM = 33  # with stories of these lengths a message has about 65 kB
DAY_COUNT = 14
NEW_A_DAY = STORY_COUNT // (DAY_COUNT + 1)  # so that each of the earlier mailings reaches into the candidates
FIRST_READER = BUCKET_SIZE  # the readers fill whole buckets
_FIRST_ARTICLE = 900  # a newsletter that is some weeks old
# Three topics in four, drawn for each reader: enough that a digest is full after what the reader has had.
_FOLLOWED = f"(hashint8extended(n, 1) | hashint8extended(n, 2)) & {(1 << TOPIC_COUNT) - 1}"
_HAD_OF_THESE = 0.6  # stories of today's candidates in each earlier digest, mean
_HAD_OLDER = 18  # stories in each earlier digest that are no candidates any more
_RANGE = "CAST(:first AS bigint), CAST(:last AS bigint)"
_POOL = 4096  # different picks of each day, which readers get in ever other combinations
_DOMAINS = ("example.com", "example.net", "example.org", "mail.example.com", "post.example.net")
_NAMES = ("Ana Müller", "John Smith", "María José Núñez", "Li Wei", "", "O'Brien, Pat", "Zoë", "Jan de Vries")


@dataclass(frozen=True)
class Audience:
    """Hold a database that is ready to be expanded."""

    url: str
    issue_id: int
    reader_count: int


def prepare(url: str, *, reader_count: int, is_personal: bool) -> Audience:
    """Fill an empty, migrated database."""
    database, now = Database(url), SystemClock().now()
    with database.transaction() as session:
        newsletter_id = _add_newsletter(session, now=now)
    with database.transaction() as session:
        issue_id = plan.plan_now(session, newsletter_id, now=now).id
        desk.approve(session, issue_id, actor=Actor(name="benchmark", way=Way.CLI, role=Role.SEND), now=now)
    building.build(database.transaction, issue_id, environment=Environment(), now=now)
    with database.transaction() as session:
        _add_readers(session.connection(), newsletter_id, reader_count, is_personal=is_personal, now=now)
        if is_personal:  # after the build, so that all candidates are fresh
            _add_history(session, newsletter_id, reader_count, now=now)
    database.dispose()
    _analyze(url)
    return Audience(url, issue_id, reader_count)


def addresses(reader_count: int) -> list[str]:
    """Return the addresses of the readers."""
    readers = range(FIRST_READER, FIRST_READER + reader_count)
    return [f"reader{reader}@{_DOMAINS[reader % len(_DOMAINS)]}" for reader in readers]


def entry(number: int, at: datetime) -> dict[str, object]:
    """Return one article of usual length as a website pushes it, the same on every run."""
    words = [WORDS[(number + k * k) % len(WORDS)] for k in range(64)]
    url = f"https://post.example.com/2026/11/24/{'-'.join(words[:9])}-{number}?utm_source=newsletter&utm_medium=email"
    return {
        "url": url,
        "title": " ".join(words[:12]).capitalize(),
        "summary": " ".join(words).capitalize() + ".",
        "author": "Ana Müller",
        "image": {
            "url": f"https://post.example.com/pictures/{number}.jpg",
            "width": 1120,
            "height": 630,
            "alt": "A picture",
        },
        "topics": [f"t{number % TOPIC_COUNT}"],
        "published_at": at.isoformat(),
    }


def _add_newsletter(session: Session, *, now: datetime) -> int:
    newsletter = newsletters.add(session, _draft(), now=now - timedelta(days=30))
    for number in range(TOPIC_COUNT):
        newsletters.add_topic(session, newsletter, slug=f"t{number}", name=f"Topic {number}")
    counters.take(session, "article", _FIRST_ARTICLE)
    counters.take(session, f"issue:{newsletter.id}", DAY_COUNT)
    pieces = [entry(number, now - timedelta(minutes=number)) for number in range(STORY_COUNT)]
    articles.push(session, {"newsletters": ["daily"], "articles": pieces}, now=now)
    return newsletter.id


def _draft() -> NewsletterDraft:
    return NewsletterDraft(
        slug="daily",
        name="The Daily",
        from_name="The Daily",
        from_address="news@post.example.com",
        postal_address="The Daily, 1 Quay Street, Porttown",
        home_url="https://post.example.com/",
        privacy_url="https://post.example.com/privacy",
        story_maximum=STORY_MAXIMUM,
    )


def _add_readers(
    connection: Connection, newsletter_id: int, count: int, *, is_personal: bool, now: datetime
) -> None:
    last = FIRST_READER + count - 1
    connection.execute(
        text("INSERT INTO domains (id, name) VALUES (:id, :name)"),
        [{"id": place + 1, "name": name} for place, name in enumerate(_DOMAINS)],
    )
    connection.execute(
        text(
            "INSERT INTO subscribers (id, address, address_key, abuse_key, name, domain_id, created_at)"
            " SELECT n, address, address, address,"
            " (CAST(:names AS text[]))[CAST(n % :name_count AS int) + 1], d.id, :now"
            f" FROM generate_series({_RANGE}) AS n"
            " JOIN domains AS d ON d.id = n % :domain_count + 1,"
            " LATERAL (SELECT 'reader' || n || '@' || d.name AS address) AS made"
            " ORDER BY n"
        ),
        {
            "first": FIRST_READER,
            "last": last,
            "names": list(_NAMES),
            "name_count": len(_NAMES),
            "domain_count": len(_DOMAINS),
            "now": now,
        },
    )
    connection.execute(
        text(
            "INSERT INTO subscriptions"
            " (subscriber_id, newsletter_id, status, topics, cadence, requested_at, confirmed_at)"
            f" SELECT n, :newsletter, 'active', {_FOLLOWED if is_personal else 0}, 'every_issue', :now, :now"
            f" FROM generate_series({_RANGE}) AS n ORDER BY n"
        ),
        {"first": FIRST_READER, "last": last, "newsletter": newsletter_id, "now": now},
    )


def _add_history(session: Session, newsletter_id: int, count: int, *, now: datetime) -> None:
    """Write the message rows of one digest a day, in the order in which they came about."""
    newest = _FIRST_ARTICLE + STORY_COUNT
    connection, draw = session.connection(), random.Random(1)
    newsletter = session.get_one(Newsletter, newsletter_id)
    for day in range(DAY_COUNT, 0, -1):
        overlap = STORY_COUNT - day * NEW_A_DAY
        mailing_id = _add_mailing(
            session, newsletter, DAY_COUNT + 1 - day, newest - day * NEW_A_DAY, now - timedelta(days=day)
        )
        _add_pool(connection, f"pool_{day}", [_picks(draw, overlap) for _ in range(_POOL)])
        connection.execute(
            text(
                "INSERT INTO messages (mailing_id, subscriber_id, at, code, status, picks)"
                " SELECT :mailing, n, (n - CAST(:first AS bigint)) / 10000, 250,"
                f" {MessageStatus.SUBMITTED.value}, p.value"
                f" FROM generate_series({_RANGE}) AS n"
                f" JOIN pool_{day} AS p ON p.place = (n * 40503 + n / 4099 * :day) % {_POOL} ORDER BY n"
            ),
            {"mailing": mailing_id, "first": FIRST_READER, "last": FIRST_READER + count - 1, "day": day},
        )


def _add_mailing(session: Session, newsletter: Newsletter, number: int, highest: int, at: datetime) -> int:
    issue = Issue(
        newsletter_id=newsletter.id,
        number=number,
        status=IssueStatus.MAILED,
        since=at - timedelta(days=1),
        cut_off_at=at,
        planned_at=at,
        built_at=at,
    )
    session.add(issue)
    session.flush()
    mailing = Mailing(
        issue_id=issue.id,
        newsletter_id=newsletter.id,
        status=MailingStatus.DONE,
        highest=highest,
        started_at=at,
        expires_at=at + timedelta(days=1),
        finished_at=at + timedelta(minutes=5),
    )
    session.add(mailing)
    session.flush()
    return mailing.id


def _add_pool(connection: Connection, name: str, values: list[bytes]) -> None:
    connection.execute(text(f"CREATE TEMPORARY TABLE {name} (place bigint, value bytea) ON COMMIT DROP"))
    rows = [{"place": place, "value": value} for place, value in enumerate(values)]
    connection.execute(text(f"INSERT INTO {name} VALUES (:place, :value)"), rows)
    connection.execute(text(f"ANALYZE {name}"))


def _picks(draw: random.Random, overlap: int) -> bytes:
    """Return picks of an earlier digest: a few stories that are candidates today, the others older."""
    mask = sum(1 << bit for bit in range(overlap) if draw.random() < _HAD_OF_THESE / overlap)
    for bit in draw.sample(range(overlap, overlap + STORY_COUNT), _HAD_OLDER):
        mask |= 1 << bit
    return mask.to_bytes((mask.bit_length() + 7) // 8, "big")


def _analyze(url: str) -> None:
    """Do what autovacuum would have done long ago."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()
