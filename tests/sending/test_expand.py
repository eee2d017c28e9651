"""An issue goes out when its audience is complete, and its mailing ends, whatever the order of events."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import text

from newsletter.digest import build as building
from newsletter.digest import desk, plan
from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import BUCKET_SIZE, BatchStatus, MailingStatus
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.runtime.settings import Settings
from newsletter.sending import control, sweep
from newsletter.sending import expand as expanding
from newsletter.store import Database, Session, issues, mailings
from newsletter.store.tables import Mailing, Subscriber, Subscription
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
        desk.approve(session, issue_id, by="editor", now=now)
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


def add_reader_of_the_next_bucket(press: Press, newsletter_id: int) -> None:
    with press.database.transaction() as session:
        address = "next@reader.example"
        session.add(Subscriber(id=BUCKET_SIZE, address=address, address_key=address, created_at=NOON))
        session.flush()
        session.add(
            Subscription(
                subscriber_id=BUCKET_SIZE,
                newsletter_id=newsletter_id,
                status=SubscriptionStatus.ACTIVE,
                requested_at=NOON,
            )
        )


def test_an_issue_that_is_held_while_its_audience_is_frozen_waits(press: Press) -> None:
    issue_id = built(press, set_up(press, "ana@reader.example"))
    expand(press, issue_id, until=3)
    with press.database.transaction() as session:
        desk.hold(session, issue_id)

    press.drain()
    assert press.sink.messages == []

    with press.database.transaction() as session:
        desk.approve(session, issue_id, by="editor", now=press.clock.now())
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
