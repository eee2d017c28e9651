"""Check how sources fare: their pace, where they move, what they leave out, and who is told of it."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import pytest

from newsletter.domain import mapping
from newsletter.domain.errors import Conflict, InvalidInput, NotFound
from newsletter.domain.mapping import By, Rule
from newsletter.feeds.fetch import Fetcher
from newsletter.ingest import health, sources
from newsletter.ingest.sources import PollStatus
from newsletter.store import Database
from newsletter.store.tables import Alert, Newsletter, NewsletterArticle, SourceStatus
from tests import builders
from tests.clocks import NOON
from tests.feeds.http_server import Answer, Website
from tests.ingest.test_sources import HOUR, MINUTE, Reading, feed

DAY = timedelta(days=1)


def alerts(reading: Reading) -> dict[str, bool]:
    """Return the codes of alerts, and whether each is open."""
    with reading.database.reading() as session:
        found = session.query(Alert).all()
    assert {(alert.subject, alert.newsletter_id) for alert in found} <= {
        (f"source {reading.id}", reading.newsletter_id)
    }
    return {alert.code: alert.resolved_at is None for alert in found}


def state(reading: Reading, *, days: float = 0) -> str:
    return health.of(reading.source, now=NOON + days * DAY).state


@pytest.fixture
def reading(database: Database, site: Website, fetcher: Fetcher) -> Reading:
    return Reading(database, fetcher, site.put("/feed", feed("One", "Two")))


def test_five_failures_in_a_row_raise_an_alert_that_ends_with_the_next_answer(
    reading: Reading, site: Website
) -> None:
    site.put("/feed", status=500)
    told = []
    for _ in range(6):
        reading.poll()
        told.append(alerts(reading))
    while_failing = state(reading)
    site.put("/feed", feed("One"))
    reading.poll()

    assert told == [{}] * 4 + [{health.FAILING: True}] * 2
    assert while_failing == "failing"
    assert alerts(reading) == {health.FAILING: False}


def test_a_refusal_raises_an_alert_at_once(reading: Reading, site: Website) -> None:
    site.put("/feed", status=403)

    reading.poll()

    assert alerts(reading) == {health.FAILING: True}


def test_a_feed_that_is_gone_raises_an_alert_until_somebody_resumes_it(
    reading: Reading, site: Website
) -> None:
    site.put("/feed", status=410)

    reading.poll()
    told, was = alerts(reading), state(reading)
    with reading.database.transaction() as session:
        sources.resume(session, reading.id, now=NOON)

    assert (told, was) == ({health.GONE: True}, "gone")
    assert alerts(reading) == {health.GONE: False}


def test_a_feed_that_is_silent_against_its_rhythm_raises_an_alert_until_it_speaks(
    reading: Reading, site: Website
) -> None:
    reading.poll()
    for hour in range(1, 9):
        site.put("/feed", feed(*(f"Story{n}" for n in range(hour, 0, -1)), "One", "Two"))
        reading.poll(at=NOON + hour * HOUR)
    reading.poll(at=NOON + 2 * DAY)
    early = alerts(reading)
    reading.poll(at=NOON + 4 * DAY)
    late, was = alerts(reading), state(reading, days=4)
    site.put("/feed", feed("News", "Story8"))
    reading.poll(at=NOON + 5 * DAY)

    assert (early, late, was) == ({}, {health.SILENT: True}, "silent")
    assert (alerts(reading), state(reading, days=5)) == ({health.SILENT: False}, "well")


def test_a_window_that_is_wholly_new_is_counted_and_asked_for_more_often(
    reading: Reading, site: Website
) -> None:
    reading.poll()
    waits, told = [], []
    for step in range(1, 4):
        site.put("/feed", feed(f"A{step}", f"B{step}"))
        reading.poll(at=NOON + step * HOUR)
        waits.append((reading.source.next_poll_at - NOON - step * HOUR) / MINUTE)
        told.append(alerts(reading))

    assert reading.source.lost_count == 3
    assert [7.5 <= waits[0] <= 8.25, 3.75 <= waits[1] <= 4.2, 1.8 <= waits[2] <= 2.1] == [True] * 3
    assert told == [{}, {health.LOSING: True}, {health.LOSING: True}]


def test_the_first_reading_shows_the_rhythm_and_a_quiet_feed_is_asked_less_often(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    items = "".join(
        f"<item><title>T{n}</title><link>https://post.example.com/{n}</link>"
        f"<pubDate>{format_datetime(NOON - n * DAY)}</pubDate></item>"
        for n in range(1, 9)
    )
    url = site.put("/quiet", f'<rss version="2.0"><channel>{items}</channel></rss>'.encode())
    reading = Reading(database, fetcher, url)

    reading.poll()
    reading.poll(at=NOON + HOUR)

    assert reading.source.rhythm_seconds == DAY.total_seconds()
    assert 60 * MINUTE <= reading.source.next_poll_at - NOON - HOUR <= 66 * MINUTE


def test_a_permanent_redirect_is_followed_for_good_when_it_has_lasted_a_day(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    new = site.put("/new", feed("One"))
    site.answers["/old"] = Answer(status=301, headers={"Location": "/new"})
    reading = Reading(database, fetcher, site.url("/old"))
    addresses = []
    for hours in (0, 12, 25):
        reading.poll(at=NOON + hours * HOUR)
        addresses.append(reading.source.url)

    assert addresses == [site.url("/old"), site.url("/old"), new]
    assert reading.source.moved_url is None


@pytest.mark.parametrize(("first", "second"), [(302, 301), (307, 308)])
def test_a_passing_redirect_is_never_kept(
    database: Database, site: Website, fetcher: Fetcher, first: int, second: int
) -> None:
    site.put("/new", feed("One"))
    site.answers["/old"] = Answer(status=first, headers={"Location": "/between"})
    site.answers["/between"] = Answer(status=second, headers={"Location": "/new"})
    reading = Reading(database, fetcher, site.url("/old"))

    for hours in (0, 25, 50):
        reading.poll(at=NOON + hours * HOUR)

    assert (reading.source.url, reading.source.moved_count) == (site.url("/old"), 0)


def test_a_redirect_to_another_source_of_the_newsletter_is_not_followed_for_good(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    site.answers["/old"] = Answer(status=308, headers={"Location": "/new"})
    reading = Reading(database, fetcher, site.url("/old"))
    with database.transaction() as session:
        newsletter = session.get_one(Newsletter, reading.newsletter_id)
        sources.add(session, newsletter, site.put("/new", feed("One")), now=NOON)

    reports = [reading.poll(at=NOON + hours * HOUR).status for hours in (0, 25, 50)]

    assert reports[-1] is PollStatus.READ
    assert reading.source.url == site.url("/old")


def test_a_feeds_own_wishes_outlive_an_answer_without_a_body(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    wishes = b"<ttl>45</ttl><skipHours><hour>14</hour><hour>15</hour></skipHours>"
    body = feed("One").replace(b"<title>Post</title>", b"<title>Post</title>" + wishes)
    reading = Reading(database, fetcher, site.put("/feed", body, ETag='"1"'))

    reading.poll()
    first = reading.source.next_poll_at
    report = reading.poll(at=NOON + 75 * MINUTE)

    assert NOON + 45 * MINUTE <= first <= NOON + 50 * MINUTE
    assert report.status is PollStatus.NOT_MODIFIED
    assert reading.source.next_poll_at == NOON + 4 * HOUR


def test_items_that_are_left_out_are_counted_by_reason(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    bad = b"<item><title>No link</title></item>" * 2 + b"<item><link>javascript:alert(1)</link></item>"
    body = feed("One").replace(b"</channel>", bad + b"</channel>")
    reading = Reading(database, fetcher, site.put("/feed", body))

    reading.poll()

    assert reading.source.skipped == {"no_link": 2, "url_scheme": 1}


def test_a_source_is_changed_without_losing_what_it_has(reading: Reading, site: Website) -> None:
    reading.poll()
    new = site.put("/other", feed("Three", "One"))
    with reading.database.transaction() as session:
        sources.edit(session, reading.id, url=new, interval=HOUR, importance=3, now=NOON)
        with pytest.raises(Conflict):
            sources.edit(session, reading.id, url=new, now=NOON)
        with pytest.raises(InvalidInput):
            sources.edit(session, reading.id, importance=10, now=NOON)
        with pytest.raises(NotFound):
            sources.edit(session, 99, now=NOON)

    report = reading.poll()

    assert (report.new, report.unchanged, report.is_backlog) == (1, 1, False)
    assert (reading.source.importance, reading.source.interval_seconds) == (3, 3600)


def test_rules_for_topics_hold_at_once_and_for_what_comes(reading: Reading) -> None:
    rule = Rule(by=By.URL, pattern="/one", topics=("sport",), importance=1)
    reading.poll()
    with reading.database.transaction() as session:
        newsletter = session.get_one(Newsletter, reading.newsletter_id)
        builders.add_topic(session, newsletter, "sport", number=3)
        changed = sources.map_articles(session, reading.id, [rule])
        with pytest.raises(InvalidInput, match="no topic chess"):
            sources.map_articles(session, reading.id, [Rule(by=By.FEED, topics=("chess",))])
    reading.poll(at=NOON + HOUR)

    assert changed == 1
    assert mapping.from_plain(reading.source.mapping) == (rule,)
    with reading.database.reading() as session:
        assert sorted(place.topics for place in session.query(NewsletterArticle)) == [0, 1 << 3]


def test_a_stopped_source_raises_no_alert(reading: Reading, site: Website) -> None:
    site.put("/feed", status=403)
    reading.poll()
    with reading.database.transaction() as session:
        sources.stop(session, reading.id, now=NOON)

    assert alerts(reading) == {health.FAILING: False}
    assert (reading.source.status, state(reading)) == (SourceStatus.STOPPED, "stopped")
