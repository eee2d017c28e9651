"""Fill a database with a newsletter, its readers, a fortnight of their messages, and the built issue of today."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context

import _fortnight
from _fortnight import DAY, DAY_COUNT, FIRST_READER, NOW, Reader
from issue import make_issue
from sqlalchemy import create_engine, func, select, text

from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import BUCKET_SIZE, MailingStatus
from newsletter.domain.subscriptions import Cadence
from newsletter.rendering import issue as rendering
from newsletter.rendering.environment import Environment
from newsletter.store import Database, Session, blocks, mailings, messages
from newsletter.store.tables import Domain, Issue, Mailing, Newsletter

PART = 8 * BUCKET_SIZE  # readers that are made, and whose messages are written, together
_PROCESS_COUNT = 2
_DOMAIN_COUNT = 5


@dataclass(frozen=True)
class Filled:
    """Hold a database that is ready to be expanded."""

    url: str
    newsletter_id: int
    issue_id: int
    mailing_ids: tuple[int, ...]
    reader_count: int


def fill(url: str, reader_count: int) -> Filled:
    """Fill an empty, migrated database."""
    database = Database(url)
    with database.transaction() as session:
        newsletter = _newsletter(session)
        session.add_all(Domain(id=n + 1, name=f"example{n}.com") for n in range(_DOMAIN_COUNT))
        mailing_ids = tuple(_earlier(session, newsletter.id, day) for day in range(DAY_COUNT))
        issue_id = add_issue(session, newsletter.id, IssueStatus.BUILT)
        newsletter_id = newsletter.id
    database.dispose()
    part = partial(_write_part, url, newsletter_id, mailing_ids, FIRST_READER + reader_count)
    starts = range(FIRST_READER, FIRST_READER + reader_count, PART)
    if url.startswith("sqlite") or len(starts) == 1:
        for start in starts:
            part(start)
    else:
        with ProcessPoolExecutor(_PROCESS_COUNT, mp_context=get_context("spawn")) as pool:
            list(pool.map(part, starts))
    _analyze(url)
    return Filled(url, newsletter_id, issue_id, mailing_ids, reader_count)


def add_issue(session: Session, newsletter_id: int, status: IssueStatus) -> int:
    """Add an issue with the stories of today, rendered."""
    issue = Issue(
        newsletter_id=newsletter_id,
        number=1 + (session.scalar(select(func.max(Issue.number))) or 0),
        status=status,
        since=NOW - DAY,
        cut_off_at=NOW,
        planned_at=NOW,
        approved_revision=1,
    )
    session.add(issue)
    session.flush()
    plain = _fortnight.issue(DAY_COUNT)
    identity = replace(make_issue(1).identity, newsletter_id=newsletter_id)
    frozen = replace(plain, issue_id=issue.id, identity=identity)
    issue.frozen = frozen.as_dict()
    blocks.add(session, issue.id, identity.language, rendering.render(Environment(), frozen))
    return issue.id


def add_audience(database: Database, filled: Filled, cadence: Cadence, bucket_count: int) -> int:
    """Add a mailing of today to the readers of one cadence in some buckets; return how many batches it has."""
    buckets: dict[int, list[int]] = defaultdict(list)
    last = min(FIRST_READER + filled.reader_count, FIRST_READER + bucket_count * BUCKET_SIZE)
    for start in range(FIRST_READER, last, PART):
        for reader in _readers(start, FIRST_READER + filled.reader_count):
            if reader.cadence is cadence and reader.number < last:
                buckets[reader.number // BUCKET_SIZE].append(reader.number)
    with database.transaction() as session:
        issue_id = add_issue(session, filled.newsletter_id, IssueStatus.MAILED)
        mailing = _mailing(
            session, filled.newsletter_id, issue_id, at=NOW, highest=_fortnight.highest(DAY_COUNT)
        )
        mailings.add_batches(session, mailing.id, buckets, due_at=NOW)
    return len(buckets)


def forget_today(database: Database, filled: Filled) -> None:
    """Take back what was mailed today."""
    with database.transaction() as session:
        for statement in (
            "DELETE FROM messages WHERE mailing_id > :last",
            "DELETE FROM windows",
            "UPDATE bucket_leases SET batch_id = NULL",
            "DELETE FROM batches WHERE mailing_id > :last",
            "DELETE FROM mailings WHERE id > :last",
        ):
            session.execute(text(statement), {"last": max(filled.mailing_ids)})


def _write_part(url: str, newsletter_id: int, mailing_ids: Sequence[int], end: int, start: int) -> None:
    """Write some readers, their subscriptions and their messages."""
    database, some = Database(url), _readers(start, end)
    addresses = {reader.number: f"reader{reader.number}@example{reader.number % 5}.com" for reader in some}
    at = (NOW - 30 * DAY).strftime("%Y-%m-%d %H:%M:%S.000000")
    with database.transaction() as session:
        _fortnight.write(
            session,
            "subscribers",
            "id, address, address_key, abuse_key, name, domain_id, created_at",
            (
                (n, address, address, address, "Ana Müller", n % _DOMAIN_COUNT + 1, at)
                for n, address in addresses.items()
            ),
        )
        _fortnight.write(
            session,
            "subscriptions",
            "subscriber_id, newsletter_id, status, topics, cadence, requested_at, confirmed_at",
            ((r.number, newsletter_id, "active", r.topics, r.cadence.value, at, at) for r in some),
        )
    for rows in _fortnight.fortnight(some, mailing_ids):
        with database.transaction() as session:
            messages.append(session, rows)
    database.dispose()


def _readers(start: int, end: int) -> list[Reader]:
    return _fortnight.readers(start, min(PART, end - start))


def _newsletter(session: Session) -> Newsletter:
    newsletter = Newsletter(
        slug="daily",
        name="The Daily",
        from_name="The Daily",
        from_address="news@post.example.com",
        postal_address="The Daily, 1 Quay Street, Porttown",
        created_at=NOW - 30 * DAY,
    )
    session.add(newsletter)
    session.flush()
    return newsletter


def _earlier(session: Session, newsletter_id: int, day: int) -> int:
    """Add the issue and the mailing of an earlier day."""
    at = _fortnight.cut_off(day)
    issue = Issue(
        newsletter_id=newsletter_id,
        number=day + 1,
        status=IssueStatus.MAILED,
        since=at - DAY,
        cut_off_at=at,
        planned_at=at,
    )
    session.add(issue)
    session.flush()
    mailing = _mailing(session, newsletter_id, issue.id, at=at, highest=_fortnight.highest(day))
    mailing.status, mailing.finished_at = MailingStatus.DONE, at + timedelta(hours=1)
    return mailing.id


def _mailing(session: Session, newsletter_id: int, issue_id: int, *, at: datetime, highest: int) -> Mailing:
    mailing = Mailing(
        issue_id=issue_id,
        newsletter_id=newsletter_id,
        status=MailingStatus.RUNNING,
        highest=highest,
        started_at=at,
        expires_at=at + DAY,
    )
    session.add(mailing)
    session.flush()
    return mailing


def _analyze(url: str) -> None:
    """Do what autovacuum would have done long ago."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ANALYZE" if url.startswith("sqlite") else "VACUUM ANALYZE"))
    engine.dispose()
    os.sync()
