"""An issue goes out when its audience is complete, and its mailing ends, whatever the order of events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise

from sqlalchemy import text

from newsletter.digest import build as building
from newsletter.digest import desk, plan
from newsletter.domain.issues import IssueKind, IssueStatus
from newsletter.domain.mailings import BUCKET_SIZE, BatchStatus, Lane, MailingStatus, members
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.runtime.settings import Settings
from newsletter.sending import control, sweep
from newsletter.sending import expand as expanding
from newsletter.store import Database, Session, issues, mailings
from newsletter.store.tables import Issue, Mailing, Subscriber, Subscription
from tests.builders import EDITOR
from tests.clocks import NOON, FixedClock
from tests.sending.press import ENVIRONMENT, Press
from tests.sending.test_drain import set_up
from tests.services.sink import Sink


class Killed(BaseException):
    """Stand for the end of a process."""


def built(press: Press, newsletter_id: int) -> int:
    """Build an issue that is approved."""
    now = press.clock.now()
    with press.database.transaction() as session:
        issue_id = plan.plan_now(session, newsletter_id, now=now).id
        desk.approve(session, issue_id, actor=EDITOR, now=now)
    status = building.build(press.database.transaction, issue_id, environment=ENVIRONMENT, now=now)
    assert status is IssueStatus.BUILT
    return issue_id


def expand(press: Press, issue_id: int, *, until: int | None = None) -> None:
    """Expand an issue; die at the transaction number ``until`` (0, 1, ...), or never."""
    count = 0

    @contextmanager
    def transactions() -> Iterator[Session]:
        nonlocal count
        if count == until:
            raise Killed
        count += 1
        with press.database.transaction() as session:
            yield session

    try:
        expanding.expand(transactions, issue_id, now=press.clock.now())
    except Killed:
        assert until is not None


def mailing_of(press: Press, issue_id: int) -> Mailing:
    with press.database.reading() as session:
        found = mailings.of_issue(session, issue_id)
    assert found is not None
    return found


def mailing_of_id(press: Press, mailing_id: int) -> Mailing:
    with press.database.reading() as session:
        return mailings.get(session, mailing_id)


def add_reader_of_the_next_bucket(press: Press, newsletter_id: int) -> None:
    add_reader_of_bucket(press, newsletter_id, 1)


def add_reader_of_bucket(press: Press, newsletter_id: int, bucket: int) -> None:
    with press.database.transaction() as session:
        reader, address = bucket * BUCKET_SIZE, f"next{bucket}@reader.example"
        session.add(Subscriber(id=reader, address=address, address_key=address, created_at=NOON))
        session.flush()
        session.add(
            Subscription(
                subscriber_id=reader,
                newsletter_id=newsletter_id,
                status=SubscriptionStatus.ACTIVE,
                requested_at=NOON,
            )
        )


def test_an_issue_that_is_held_while_its_audience_is_frozen_waits(press: Press) -> None:
    issue_id = built(press, set_up(press, "ana@reader.example"))
    expand(press, issue_id, until=3)
    with press.database.transaction() as session:
        desk.hold(session, issue_id, actor=EDITOR, now=press.clock.now())

    press.drain()
    assert press.sink.messages == []

    with press.database.transaction() as session:
        desk.approve(session, issue_id, actor=EDITOR, now=press.clock.now())
    expand(press, issue_id)
    press.drain()
    assert len(press.sink.messages) == 1


def test_an_issue_that_is_cancelled_while_its_audience_is_frozen_goes_to_nobody(press: Press) -> None:
    issue_id = built(press, set_up(press, "ana@reader.example"))

    @contextmanager
    def transactions() -> Iterator[Session]:
        with press.database.transaction() as session:
            if mailings.of_issue(session, issue_id) is not None:
                issues.move(session, issue_id, IssueStatus.CANCELLED)
            yield session

    expanding.expand(transactions, issue_id, now=press.clock.now())
    press.drain()

    mailing = mailing_of(press, issue_id)
    assert press.sink.messages == []
    assert (mailing.status, mailing.finished_at is None) == (MailingStatus.CANCELLED, False)
    assert press.receipt(mailing.id).withheld == {"cancelled": 1}


def test_nothing_goes_out_before_the_audience_is_complete(press: Press) -> None:
    issue_id = built(press, set_up(press, "ana@reader.example"))
    expand(press, issue_id, until=3)

    press.drain()
    before = len(press.sink.messages)
    expand(press, issue_id)
    press.drain()

    assert (before, len(press.sink.messages)) == (0, 1)
    assert mailing_of(press, issue_id).status is MailingStatus.DONE


def readers_of(press: Press, mailing_id: int) -> list[int]:
    """Return the planned readers of a mailing, as often as they are planned."""
    with press.database.reading() as session:
        batches = mailings.batches(session, mailing_id)
    return sorted(reader for batch in batches for reader in members(batch.planned, batch.bucket))


def due_in(press: Press, mailing_id: int) -> list[timedelta]:
    """Return how long after the start each batch is due, in order."""
    with press.database.reading() as session:
        started_at = mailings.get(session, mailing_id).started_at
        return sorted(batch.due_at - started_at for batch in mailings.batches(session, mailing_id))


def test_a_small_audience_is_spread_in_waves_of_which_at_most_one_a_minute_is_due(press: Press) -> None:
    addresses = [f"r{n}@reader.example" for n in range(60)]
    newsletter_id = set_up(press, *addresses, spread_minutes=20)
    add_reader_of_the_next_bucket(press, newsletter_id)

    mailing_id = press.expand(newsletter_id)

    due = due_in(press, mailing_id)
    gaps = [later - earlier for earlier, later in pairwise(due)]
    assert readers_of(press, mailing_id) == [*range(1, 61), BUCKET_SIZE]
    assert due[0] == timedelta()
    assert max(gaps) - min(gaps) < timedelta(milliseconds=1)
    assert timedelta(minutes=1) <= min(gaps) < timedelta(minutes=5)
    assert 4 < len(due) <= 20


def test_what_is_spread_goes_out_bit_by_bit_and_all_of_it(press: Press) -> None:
    addresses = [f"r{n}@reader.example" for n in range(30)]
    mailing_id = press.expand(set_up(press, *addresses, spread_minutes=10))

    counts = []
    for _ in range(11):
        press.drain()
        counts.append(len(press.sink.messages))
        press.clock.advance(timedelta(minutes=1))

    assert counts == sorted(counts)
    assert 0 < counts[0] < counts[5] < counts[10] == 30
    assert sorted(received.rcpt_to for received in press.sink.messages) == sorted(addresses)
    assert press.receipt(mailing_id).submitted == 30
    assert mailing_of_id(press, mailing_id).status is MailingStatus.DONE


def test_a_large_audience_is_spread_bucket_by_bucket_in_no_order_of_ids(press: Press) -> None:
    newsletter_id = set_up(press, spread_minutes=3)
    for bucket in range(1, 9):
        add_reader_of_bucket(press, newsletter_id, bucket)

    mailing_id = press.expand(newsletter_id)

    with press.database.reading() as session:
        batches = sorted(mailings.batches(session, mailing_id), key=lambda batch: batch.due_at)
    buckets = [batch.bucket for batch in batches]
    assert due_in(press, mailing_id) == [n * timedelta(minutes=3) / 8 for n in range(8)]
    assert {batch.wave for batch in batches} == {0}
    assert sorted(buckets) == list(range(1, 9)) != buckets


def test_an_expand_that_dies_between_its_steps_plans_nobody_twice(press: Press) -> None:
    newsletter_id = set_up(press, *(f"r{n}@reader.example" for n in range(20)), spread_minutes=9)
    issue_id = built(press, newsletter_id)
    expand(press, issue_id, until=2)
    add_reader_of_the_next_bucket(press, newsletter_id)  # now each bucket would be cut into fewer waves

    expand(press, issue_id)

    assert readers_of(press, mailing_of(press, issue_id).id) == [*range(1, 21), BUCKET_SIZE]


def test_without_a_spread_everybody_is_due_at_once(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example")
    add_reader_of_the_next_bucket(press, newsletter_id)

    mailing_id = press.expand(newsletter_id)

    assert due_in(press, mailing_id) == [timedelta(), timedelta()]


def test_breaking_news_goes_first_and_is_never_spread(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example", spread_minutes=60)
    add_reader_of_the_next_bucket(press, newsletter_id)
    issue_id = built(press, newsletter_id)
    with press.database.transaction() as session:
        session.get_one(Issue, issue_id).kind = IssueKind.BREAKING

    expand(press, issue_id)

    mailing = mailing_of(press, issue_id)
    assert mailing.lane is Lane.URGENT
    assert due_in(press, mailing.id) == [timedelta(), timedelta()]


def test_a_mailing_whose_last_two_batches_end_at_once_is_found_finished(
    postgres_url: str, clock: FixedClock, sink: Sink
) -> None:
    database = Database(postgres_url)
    press = Press(database, clock, sink, Settings(public_url="https://news.post.example.com"))
    newsletter_id = set_up(press, "ana@reader.example")
    add_reader_of_the_next_bucket(press, newsletter_id)
    mailing_id = press.expand(newsletter_id)

    with database.transaction() as one, database.transaction() as other:
        first, second = mailings.batches(one, mailing_id)
        for session, batch in ((one, first), (other, second)):
            mailings.settle_batch(session, batch.id, status=BatchStatus.DONE, retry_at=None)
            mailings.finish(session, mailing_id, now=clock.now())
    sweep.tidy(database.transaction, now=clock.now())

    with database.reading() as session:
        assert mailings.status(session, mailing_id) is MailingStatus.DONE
    database.dispose()


def test_a_mailing_paused_behind_its_last_message_is_done_when_it_is_resumed(press: Press) -> None:
    mailing_id = press.expand(set_up(press, "ana@reader.example"))
    with press.database.transaction() as session:
        issue_id = mailings.get(session, mailing_id).issue_id
        control.pause(session, issue_id)
        session.execute(text("UPDATE batches SET status = 'done'"))
        mailings.finish(session, mailing_id, now=press.clock.now())

    with press.database.transaction() as session:
        control.resume(session, issue_id)
    sweep.tidy(press.database.transaction, now=press.clock.now() + timedelta(seconds=5))

    assert mailing_of(press, issue_id).status is MailingStatus.DONE
