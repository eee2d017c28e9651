"""Measure deciding: what it costs to read, choose for and write down a reader, step by step, on both databases.

Broadcast: readers of all topics who have had nothing. Personal: each follows some of 30 topics and had a digest on
each of 14 days, whose stories overlap with today's 60 candidates.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import _setup
from issue import make_issue
from sqlalchemy import text

from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import WINDOW_SIZE, MailingStatus, MessageStatus, members
from newsletter.domain.subscriptions import Cadence, SubscriptionStatus
from newsletter.runtime import logs
from newsletter.runtime.settings import Settings
from newsletter.sending import context as contexts
from newsletter.sending import decide
from newsletter.sending import expand as expanding
from newsletter.sending.context import Context
from newsletter.store import Database, Session, inserts, leases, mailings, messages, readers, windows
from newsletter.store.leases import Claim
from newsletter.store.messages import MessageRow
from newsletter.store.tables import Issue, Mailing, Newsletter, Subscriber, Subscription

NOW = datetime(2026, 11, 24, 6, tzinfo=UTC)
TOPIC_COUNT = 30
STORY_COUNT = 60
DAY_COUNT = 14
NEW_A_DAY = STORY_COUNT // (DAY_COUNT + 1)  # so that each of the earlier mailings reaches into the candidates
PICKS = 16
FIRST_READER = 4096
LEASE = timedelta(minutes=10)
SETTINGS = Settings(public_url="https://news.example.com")
_AT_ONCE = 5_000  # rows in one statement while the databases are filled
_STEPS = ("readers", "history", "choosing", "window row", "append", "claim", "all of deciding")


@dataclass(frozen=True)
class Kind:
    """Name an audience."""

    name: str
    is_personal: bool


class Costs:
    """Add up the CPU time of steps; on SQLite that includes the database."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._counts: dict[str, int] = defaultdict(int)

    @contextmanager
    def of(self, step: str, count: int) -> Iterator[None]:
        """Count what the block costs for ``count`` readers."""
        start = time.process_time()
        yield
        self._seconds[step] += time.process_time() - start
        self._counts[step] += count

    def microseconds(self, step: str) -> float:
        """Return what a step costs for one reader."""
        return self._seconds[step] / self._counts[step] * 1e6


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--readers", type=int, default=16_384)
    options.add_argument("--batches", type=int, default=4, help="how many of the audience are worked")
    options.add_argument("--runs", type=int, default=3)
    chosen = options.parse_args()
    logs.configure("WARNING")
    print(_setup.machine())
    print(f"{chosen.readers} readers, {chosen.batches} batches, {chosen.runs} runs; us of CPU a reader\n")
    with _setup.databases() as makers:
        for database_name, make in makers.items():
            for kind in (Kind("broadcast", is_personal=False), Kind("personal", is_personal=True)):
                report(f"{database_name}, {kind.name}", make(), kind, chosen)


def report(title: str, url: str, kind: Kind, chosen: argparse.Namespace) -> None:
    """Fill a database, work some batches of it, print the costs."""
    database = Database(url)
    loaded = fill(database, chosen.readers, kind)
    analyze(database)
    octets = row_size(database) if kind.is_personal else 0
    start = time.perf_counter(), time.process_time()
    mailing_id = expanding.expand(database.transaction, loaded, now=NOW)
    wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
    assert mailing_id is not None
    runs = [work(database, mailing_id, chosen.batches) for _ in range(chosen.runs)]
    print(title)
    print(f"  expand, all readers          {wall:8.2f} s wall, {cpu:.2f} s of CPU")
    for step in _STEPS:
        print(f"  {step:20} {_setup.spread([run.microseconds(step) for run in runs], digits=2):>28}")
    if kind.is_personal:
        print(f"  octets of a message row      {octets:8.1f}", flush=True)
    database.dispose()


def work(database: Database, mailing_id: int, batch_count: int) -> Costs:
    """Decide and record some batches window by window, and the steps once more one by one; undo everything."""
    costs = Costs()
    with database.transaction() as session:
        context = contexts.load(session, mailing_id, settings=SETTINGS)
    claims = []
    for _ in range(batch_count):
        with database.transaction() as session, costs.of("claim", 4096):
            claim = leases.claim(session, holder="bench", lease=LEASE, now=NOW)
        assert claim is not None
        claims.append(claim)
    for claim in claims:
        work_batch(database, context, claim, costs)
    with database.transaction() as session:
        session.execute(text("DELETE FROM messages WHERE mailing_id = :mailing"), {"mailing": mailing_id})
        session.execute(text("DELETE FROM windows"))
        for claim in claims:
            leases.release(session, claim)
    return costs


def work_batch(database: Database, context: Context, claim: Claim, costs: Costs) -> None:
    """Work one batch."""
    with database.transaction() as session:
        batch = mailings.get_batch(session, claim.batch_id)
        ids = list(members(batch.planned, batch.bucket))
    with database.transaction() as session:
        steps(session, replace(context, histories=fresh_histories(context)), claim, ids, costs)
    fresh = iter(ids)
    while some := list(islice(fresh, WINDOW_SIZE)):
        with database.transaction() as session, costs.of("all of deciding", len(some)):
            decided = decide.decide_fresh(session, context, claim, some, now=NOW)
        rows: list[MessageRow] = [
            (claim.mailing_id, planned.subscriber_id, 1, 250, MessageStatus.SUBMITTED.value, planned.picks)
            for planned in decided.messages
        ]
        assert len(rows) == len(some), decided.settled[:1]
        with database.transaction() as session, costs.of("append", len(rows)):
            messages.append(session, rows)


def fresh_histories(context: Context) -> contexts.Histories:
    """Return histories of which nothing is read yet."""
    return contexts.Histories(context.mailing, context.frozen)


def steps(session: Session, context: Context, claim: Claim, ids: list[int], costs: Costs) -> None:
    """Take the steps of deciding one by one."""
    newsletter_id = context.mailing.newsletter_id
    found = {}
    for start in range(0, len(ids), WINDOW_SIZE):
        some = ids[start : start + WINDOW_SIZE]
        with costs.of("readers", len(some)):
            found |= readers.find(session, newsletter_id, some, now=NOW)
    with costs.of("history", len(ids)):
        history = context.histories.of_batch(session, claim, now=NOW)
    with costs.of("choosing", len(ids)):
        for reader in found.values():
            had = history.of(reader.subscriber_id, signup_number=reader.signup_number)
            context.chooser.choose(topics=reader.topics, cadence=reader.cadence, history=had)
    planned = [
        decide.PlannedMessage(reader.subscriber_id, b"\x01\x02" * 4, reader.address or "", reader.name)
        for reader in found.values()
    ]
    for start in range(0, len(planned), WINDOW_SIZE):
        part = planned[start : start + WINDOW_SIZE]
        with costs.of("window row", len(part)):
            windows.open_window(session, claim, part, planned_at=NOW, key_ids=context.key_ids)
    session.rollback()


def fill(database: Database, count: int, kind: Kind) -> int:
    """Write a newsletter, its readers, what they had, and a built issue; return the issue."""
    draw = random.Random(1)
    with database.transaction() as session:
        newsletter_id = add_newsletter(session)
        if kind.is_personal:
            earlier = [add_earlier(session, newsletter_id, day) for day in range(DAY_COUNT, 0, -1)]
        issue_id = add_issue(session, newsletter_id)
    for some in chunks(range(FIRST_READER, FIRST_READER + count)):
        with database.transaction() as session:
            add_readers(session, newsletter_id, some, kind, draw)
    if kind.is_personal:
        for mailing_id, overlap in earlier:
            pool = [picks(draw, overlap) for _ in range(4096)]
            for some in chunks(range(FIRST_READER, FIRST_READER + count)):
                with database.transaction() as session:
                    add_messages(session, mailing_id, some, pool)
    return issue_id


def add_newsletter(session: Session) -> int:
    """Add a newsletter."""
    newsletter = Newsletter(
        slug="daily",
        name="The Daily",
        from_name="The Daily",
        from_address="news@post.example.com",
        postal_address="The Daily, 1 Quay Street, Porttown",
        created_at=NOW,
    )
    session.add(newsletter)
    session.flush()
    return newsletter.id


def add_issue(session: Session, newsletter_id: int) -> int:
    """Add the built issue of today: four stories came new on each of the last fifteen days."""
    plain = make_issue(STORY_COUNT)
    stories = tuple(
        replace(story, topics=1 << story.number % TOPIC_COUNT, seen_at=NOW - timedelta(hours=age))
        for age, story in enumerate(plain.stories)
    )
    frozen = replace(plain, stories=stories, story_maximum=PICKS)
    issue = planned(newsletter_id, number=DAY_COUNT + 1, at=NOW)
    issue.status, issue.frozen, issue.approved_revision = IssueStatus.BUILT, frozen.as_dict(), 1
    session.add(issue)
    session.flush()
    return issue.id


def add_earlier(session: Session, newsletter_id: int, day: int) -> tuple[int, int]:
    """Add the mailing of some days ago; return it, and how many candidates of today it could hold."""
    at = NOW - timedelta(days=day)
    issue = planned(newsletter_id, number=DAY_COUNT + 1 - day, at=at)
    issue.status = IssueStatus.MAILED
    session.add(issue)
    session.flush()
    overlap = STORY_COUNT - day * NEW_A_DAY
    mailing = Mailing(
        issue_id=issue.id,
        newsletter_id=newsletter_id,
        status=MailingStatus.DONE,
        highest=overlap,
        started_at=at,
        expires_at=at + timedelta(days=1),
        finished_at=at,
    )
    session.add(mailing)
    session.flush()
    return mailing.id, overlap


def planned(newsletter_id: int, *, number: int, at: datetime) -> Issue:
    """Return an issue."""
    return Issue(
        newsletter_id=newsletter_id, number=number, since=at - timedelta(days=1), cut_off_at=at, planned_at=at
    )


def add_readers(
    session: Session, newsletter_id: int, ids: Sequence[int], kind: Kind, draw: random.Random
) -> None:
    """Add readers with neighbouring ids."""
    addresses = {reader: f"reader{reader}@example{reader % 50}.com" for reader in ids}
    people = [
        {"id": reader, "address": address, "address_key": address, "abuse_key": address, "name": "Ana Müller"}
        | {"created_at": NOW}
        for reader, address in addresses.items()
    ]
    inserts.missing(session, Subscriber, people, returning=Subscriber.id)
    rows = [
        {
            "subscriber_id": reader,
            "newsletter_id": newsletter_id,
            "status": SubscriptionStatus.ACTIVE,
            "topics": draw.getrandbits(TOPIC_COUNT) | draw.getrandbits(TOPIC_COUNT)
            if kind.is_personal
            else 0,
            "cadence": Cadence.EVERY_ISSUE,
            "requested_at": NOW,
            "confirmed_at": NOW,
        }
        for reader in ids
    ]
    inserts.missing(session, Subscription, rows, returning=Subscription.subscriber_id)


def add_messages(session: Session, mailing_id: int, ids: Sequence[int], pool: Sequence[bytes]) -> None:
    """Add what neighbouring readers had of an earlier mailing."""
    status = MessageStatus.SUBMITTED.value
    size = len(pool)
    messages.append(
        session,
        [(mailing_id, reader, 1, 250, status, pool[reader * mailing_id * 40503 % size]) for reader in ids],
    )


def picks(draw: random.Random, overlap: int) -> bytes:
    """Return picks of an earlier digest: a few stories that are candidates today, the others older."""
    mask = sum(1 << bit for bit in range(overlap) if draw.random() < 1 / overlap)
    for bit in draw.sample(range(overlap, overlap + STORY_COUNT), PICKS):
        mask |= 1 << bit
    return mask.to_bytes((mask.bit_length() + 7) // 8, "big")


def chunks(ids: range) -> Iterator[range]:
    """Cut ids into parts that one statement takes."""
    for start in range(ids.start, ids.stop, _AT_ONCE):
        yield range(start, min(start + _AT_ONCE, ids.stop))


def analyze(database: Database) -> None:
    """Do what autovacuum would have done by now."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def row_size(database: Database) -> float:
    """Return how many octets a message row takes with its key."""
    whole = (
        "SELECT sum(pgsize) FROM dbstat WHERE name = 'messages'"
        if database.is_sqlite
        else "SELECT pg_relation_size('messages') + pg_indexes_size('messages')"
    )
    with database.snapshot() as connection:
        octets: float = connection.execute(text(whole)).scalar_one()
        count: int = connection.execute(text("SELECT count(*) FROM messages")).scalar_one()
    return octets / count


if __name__ == "__main__":
    main()
