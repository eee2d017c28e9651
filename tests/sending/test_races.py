"""Workers race, stand still and die while two newsletters share a story: nobody is told it twice."""

from __future__ import annotations

import signal
import time
from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from newsletter.runtime.clock import SystemClock
from newsletter.store.tables import Article, NewsletterArticle, Subscription
from tests.builders import add_newsletter, add_reader
from tests.clocks import FixedClock
from tests.sending.drainer import CONNECTIONS, LEASE
from tests.sending.press import Press, headlines
from tests.sending.test_kills import finish, start

READERS = 300  # two windows
TOPICS = 3


@pytest.fixture
def press(press: Press) -> Press:
    """Stand a little before the real time: the processes under test read the machine's clock."""
    press.clock = FixedClock(SystemClock().now() - timedelta(minutes=10))
    return press


def set_up(press: Press) -> tuple[int, int]:
    """Add two newsletters with the same readers; both carry the first article, and each one of its own."""
    with press.database.transaction() as session:
        daily, coast = add_newsletter(session), add_newsletter(session, slug="coast", name="Coast")
        for number in range(READERS):
            reader = add_reader(session, daily, f"r{number}@reader.example", topics=1 << number % TOPICS)
            session.add(_like(session.get_one(Subscription, (reader.id, daily.id)), coast.id))
        ids = daily.id, coast.id
    press.add_articles(ids[0], "Shared by both")
    press.add_articles(ids[0], "Only in the daily")
    press.add_articles(ids[1], "Only on the coast")
    with press.database.transaction() as session:
        shared = session.get_one(Article, 1)
        session.add(
            NewsletterArticle(newsletter_id=ids[1], article_id=shared.id, seen_at=shared.first_seen_at)
        )
    return ids


def _like(subscription: Subscription, newsletter_id: int) -> Subscription:
    return Subscription(
        subscriber_id=subscription.subscriber_id,
        newsletter_id=newsletter_id,
        status=subscription.status,
        topics=0,
        cadence=subscription.cadence,
        requested_at=subscription.requested_at,
        confirmed_at=subscription.confirmed_at,
    )


def told(press: Press) -> dict[str, Counter[str]]:
    """Return how often each reader was told each headline."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for received in press.sink.messages:
        found[received.rcpt_to].update(headlines(received))
    return found


def check_nobody_twice(press: Press) -> dict[str, Counter[str]]:
    """Check that nobody was told anything twice; return who was told what."""
    found = told(press)
    twice = {address: titles for address, titles in found.items() if max(titles.values()) > 1}
    assert twice == {}
    return found


def test_two_newsletters_that_race_for_a_bucket_tell_what_they_share_once(press: Press) -> None:
    mailings = [press.expand(newsletter_id) for newsletter_id in set_up(press)]

    workers = [start(press, "one"), start(press, "two")]
    for worker in workers:
        assert worker.wait(60) == 0
    finish(press, *mailings)

    found = check_nobody_twice(press)
    everything = {"Shared by both", "Only in the daily", "Only on the coast"}
    assert all(set(titles) == everything for titles in found.values())
    assert len(found) == READERS


def test_topics_edited_between_a_crash_and_its_recovery_repeat_nothing(press: Press) -> None:
    daily, coast = set_up(press)
    first = press.expand(daily)
    assert start(press, "dying", instant="answered", count=READERS // 2).wait(60) < 0

    with press.database.transaction() as session:
        for number in range(1, READERS + 1):
            session.get_one(Subscription, (number, daily)).topics = 1 << (number + 1) % TOPICS
    second = press.expand(coast)
    finish(press, first, second)

    found = check_nobody_twice(press)
    uncertain = press.receipt(first).uncertain
    assert 1 <= uncertain <= CONNECTIONS
    whole = [address for address, titles in found.items() if len(titles) == 3]
    assert len(whole) >= READERS - uncertain


def test_a_worker_that_stands_still_beyond_its_lease_and_goes_on_tells_nobody_again(press: Press) -> None:
    daily, coast = set_up(press)
    first = press.expand(daily)
    press.sink.answer_delay = 0.02  # slow enough to stop it in the middle
    stalled = start(press, "stalled")
    while len(press.sink.messages) < READERS // 8:
        time.sleep(0.005)
    stalled.send_signal(signal.SIGSTOP)
    stopped_at = len(press.sink.messages)

    second = press.expand(coast)
    time.sleep(LEASE.total_seconds() + 0.2)
    other = start(press, "other")
    while len(press.sink.messages) < stopped_at + READERS // 8:
        time.sleep(0.005)
    stalled.send_signal(signal.SIGCONT)
    assert other.wait(60) == 0
    assert stalled.wait(60) == 0
    press.sink.answer_delay = 0
    finish(press, first, second)

    found = check_nobody_twice(press)
    assert stopped_at < READERS
    doubtful = press.receipt(first).uncertain + press.receipt(second).uncertain
    assert len([titles for titles in found.values() if len(titles) == 3]) >= READERS - doubtful
