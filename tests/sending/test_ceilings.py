"""Check what a sender's warm-up leaves, counted from messages and shared between processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from newsletter.domain import warmup
from newsletter.domain.mailings import MessageStatus
from newsletter.domain.outcomes import OutcomeKind, OutcomeSource
from newsletter.sending.ceilings import Ceilings
from newsletter.store import Database, outcomes, warmups
from newsletter.store.tables import Issue, Mailing, Message, WarmupState
from tests.builders import add_newsletter
from tests.clocks import NOON

FROM = "news@post.example.com"
DOMAIN = "post.example.com"
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MIDNIGHT = NOON + 12 * HOUR


class Post:
    """A newsletter with a mailing, whose domain warms up since noon."""

    def __init__(self, database: Database) -> None:
        self.database = database
        with database.transaction() as session:
            newsletter = add_newsletter(session)
            issue = Issue(newsletter_id=newsletter.id, number=1, since=NOON, cut_off_at=NOON, planned_at=NOON)
            session.add(issue)
            session.flush()
            mailing = Mailing(
                issue_id=issue.id,
                newsletter_id=newsletter.id,
                highest=1,
                started_at=NOON,
                expires_at=NOON + DAY,
            )
            session.add(mailing)
            warmups.start(session, DOMAIN, warmup.begin(NOON.date()))
        self.mailing_id = mailing.id
        self._readers = iter(range(1, 10_000))

    def submitted(self, count: int, *, at: timedelta = timedelta()) -> None:
        """Record that messages went out some time after noon."""
        with self.database.transaction() as session:
            for reader in self._take(count):
                session.add(
                    Message(
                        mailing_id=self.mailing_id,
                        subscriber_id=reader,
                        at=int(at.total_seconds()),
                        code=250,
                        status=MessageStatus.SUBMITTED,
                        picks=b"",
                    )
                )

    def ceilings(self, *, processes: int = 1) -> Ceilings:
        """Return the ceilings as one process has them."""
        return Ceilings(self.database.transaction, processes=processes)

    @property
    def state(self) -> WarmupState:
        """Return the row."""
        with self.database.transaction() as session:
            return warmups.get(session, DOMAIN)

    def _take(self, count: int) -> Iterator[int]:
        return (next(self._readers) for _ in range(count))


@pytest.fixture
def post(database: Database) -> Post:
    return Post(database)


def test_who_does_not_warm_up_has_no_ceiling(post: Post) -> None:
    assert post.ceilings().room("news@other.example", NOON) is None


def test_the_first_day_leaves_two_hundred_less_what_went_out(post: Post) -> None:
    post.submitted(150)

    assert post.ceilings().room(FROM, NOON) == 50


def test_what_is_decided_counts_before_it_is_recorded(post: Post) -> None:
    ceilings = post.ceilings()
    before = ceilings.room(FROM, NOON)

    ceilings.took(FROM, 120)

    assert (before, ceilings.room(FROM, NOON + SECOND)) == (200, 80)
    assert ceilings.room(FROM, NOON + 11 * SECOND) == 80
    post.submitted(120)
    assert ceilings.room(FROM, NOON + 22 * SECOND) == 80


def test_processes_share_what_is_left(post: Post) -> None:
    post.submitted(100)

    rooms = [post.ceilings(processes=4).room(FROM, NOON) for _ in range(4)]

    assert rooms == [25, 25, 25, 25]


def test_the_last_messages_of_a_day_are_not_lost_in_sharing(post: Post) -> None:
    post.submitted(199)

    assert post.ceilings(processes=4).room(FROM, NOON) == 1


def test_a_new_day_has_a_higher_ceiling_of_its_own(post: Post) -> None:
    ceilings = post.ceilings()
    ceilings.room(FROM, NOON)
    post.submitted(200)

    last = ceilings.room(FROM, MIDNIGHT - SECOND)
    first = ceilings.room(FROM, MIDNIGHT)

    assert (last, first) == (0, 237)
    assert [line["why"] for line in post.state.history] == ["begun", "advanced"]
    assert post.state.set_on == MIDNIGHT.date()


def test_two_processes_begin_a_day_once(post: Post) -> None:
    post.ceilings().room(FROM, NOON)

    rooms = [post.ceilings().room(FROM, NOON + DAY) for _ in range(2)]

    assert rooms == [237, 237]
    assert post.state.day == 1


def test_a_day_with_complaints_holds_the_ceiling(post: Post) -> None:
    post.ceilings().room(FROM, NOON)
    post.submitted(50)
    with post.database.transaction() as session:
        outcomes.add(
            session,
            kind=OutcomeKind.COMPLAINED,
            source=OutcomeSource.PROVIDER,
            at=NOON + HOUR,
            event_key="complaint",
            mailing_id=post.mailing_id,
            subscriber_id=1,
        )

    room = post.ceilings().room(FROM, MIDNIGHT)

    assert room == 200
    assert post.state.history[-1]["why"].startswith("held: complaints 2.00%")


def test_a_receiver_that_throttles_halves_the_ceilings_at_work(post: Post) -> None:
    ceilings, idle = post.ceilings(), post.ceilings()
    ceilings.room(FROM, NOON)
    ceilings.took(FROM, 30)

    with post.database.transaction() as session:
        idle.throttled(session, now=NOON)
        ceilings.throttled(session, now=NOON + SECOND)
        ceilings.throttled(session, now=NOON + 2 * SECOND)

    assert post.state.ceiling == 100
    assert ceilings.room(FROM, NOON + 3 * SECOND) == 70


def test_a_warmup_that_is_over_leaves_no_ceiling_until_the_sender_was_idle(post: Post) -> None:
    with post.database.transaction() as session:
        row = warmups.lock(session, DOMAIN)
        assert row is not None
        over = replace(warmups.warmup_of(row), day=warmup.DAYS, used_on=NOON.date())
        warmups.keep(row, warmup.Step(over, ""), on=NOON.date())

    assert post.ceilings().room(FROM, NOON + 30 * DAY) is None
    assert post.ceilings().room(FROM, NOON + 61 * DAY) == 200


def test_a_sender_without_room_is_looked_at_again_soon_and_at_midnight(post: Post) -> None:
    ceilings = post.ceilings()
    ceilings.room(FROM, NOON)
    ceilings.took(FROM, 200)

    maybe_under_way = ceilings.opens_at(FROM, NOON)
    post.submitted(200)
    ceilings.room(FROM, NOON + HOUR)

    assert maybe_under_way == NOON + 20 * SECOND
    assert ceilings.opens_at(FROM, NOON + HOUR) == NOON + HOUR + 600 * SECOND
    assert ceilings.opens_at(FROM, MIDNIGHT - SECOND) == MIDNIGHT
