"""Check that sources are asked when they are due, and that each article comes in once."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from newsletter.domain.errors import Conflict, InvalidInput, NotFound
from newsletter.feeds.fetch import Fetcher
from newsletter.ingest import sources
from newsletter.ingest.sources import PollReport, PollStatus
from newsletter.store import Database
from newsletter.store import sources as rows
from newsletter.store.tables import Article, Source, SourceStatus
from tests import builders
from tests.clocks import NOON
from tests.feeds.http_server import Answer, Website

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def feed(*titles: str) -> bytes:
    items = "".join(
        f"<item><title>{title}</title><link>https://post.example.com/{title.lower()}</link>"
        f"<pubDate>{format_datetime(NOON - HOUR)}</pubDate></item>"
        for title in titles
    )
    return f'<rss version="2.0"><channel><title>Post</title>{items}</channel></rss>'.encode()


class Reading:
    """Poll one source of one newsletter."""

    def __init__(
        self, database: Database, fetcher: Fetcher, url: str, *, include_existing: bool = False
    ) -> None:
        self.database = database
        self._fetcher = fetcher
        with database.transaction() as session:
            newsletter = builders.add_newsletter(session)
            source = sources.add(session, newsletter, url, include_existing=include_existing, now=NOON)
            self.newsletter_id, self.id = newsletter.id, source.id

    def poll(self, *, at: datetime = NOON, force: bool = True) -> PollReport:
        return sources.poll(self.database.transaction, self.id, fetcher=self._fetcher, now=at, force=force)

    @property
    def source(self) -> Source:
        with self.database.reading() as session:
            return session.get_one(Source, self.id)

    def candidates(self) -> list[str]:
        with self.database.reading() as session:
            found = builders.offered(
                session, self.newsletter_id, since=NOON - HOUR, until=NOON + timedelta(days=9)
            )
            return [row.title for row in found]


def test_the_first_import_sends_nothing_and_what_comes_later_does(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    reading = Reading(database, fetcher, site.put("/feed", feed("One", "Two")))

    first = reading.poll()
    site.put("/feed", feed("Three", "One", "Two"))
    second = reading.poll(at=NOON + HOUR)

    assert (first.status, first.new, first.is_backlog) == (PollStatus.READ, 2, True)
    assert (second.new, second.unchanged, second.is_backlog) == (1, 2, False)
    assert reading.candidates() == ["Three"]
    assert reading.source.title == "Post"


def test_a_source_may_be_added_with_what_it_holds(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    url = site.put("/feed", feed("One", "Two"))
    reading = Reading(database, fetcher, url, include_existing=True)

    reading.poll()

    assert reading.candidates() == ["One", "Two"]


def test_the_first_import_counts_from_the_first_feed_that_could_be_read(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    reading = Reading(database, fetcher, site.put("/feed", b"out of order", status=500))

    reading.poll()
    site.put("/feed", feed("One"))
    reading.poll()

    assert reading.candidates() == []


def test_a_feed_that_has_not_changed_is_not_read_again(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    reading = Reading(database, fetcher, site.put("/feed", feed("One"), ETag='W/"1,2"'))

    reports = [reading.poll(), reading.poll()]

    assert [report.status for report in reports] == [PollStatus.READ, PollStatus.NOT_MODIFIED]
    assert site.requests[1][1]["If-None-Match"] == 'W/"1,2"'


def test_a_source_is_asked_again_after_its_interval(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    reading = Reading(database, fetcher, site.put("/feed", feed("One")))

    reading.poll(force=False)
    early = reading.poll(at=NOON + 14 * MINUTE, force=False)
    in_time = reading.poll(at=NOON + 17 * MINUTE, force=False)

    assert (early.status, in_time.status) == (PollStatus.SKIPPED, PollStatus.READ)
    with database.reading() as session:
        assert sources.due(session, now=NOON + 18 * MINUTE) == []
        assert sources.due(session, now=NOON + HOUR) == [reading.id]


def test_a_server_may_ask_for_longer_waits(database: Database, site: Website, fetcher: Fetcher) -> None:
    reading = Reading(database, fetcher, site.put("/feed", feed("One"), Cache_Control="public, max-age=2400"))

    reading.poll()

    assert 40 * MINUTE <= reading.source.next_poll_at - NOON <= 44 * MINUTE


@pytest.mark.parametrize(
    ("path", "answer", "reason"),
    [
        ("/", Answer(body=b"<!doctype html><html></html>"), "not_a_feed"),
        ("/", Answer(body=b""), "empty"),
        ("/", Answer(body=b'<!DOCTYPE x [<!ENTITY a "b">]><rss/>'), "entities_refused"),
        ("/", Answer(status=404), "not_found"),
        ("/", Answer(status=403), "forbidden"),
        ("/", Answer(status=503), "server_error"),
        ("/", Answer(status=204), "unexpected_status"),
        ("/", Answer(status=302, headers={"Location": "/"}), "too_many_redirects"),
        ("/", Answer(status=302, headers={"Location": "http://10.0.0.1/"}), "private_address"),
        ("/", Answer(body=b"x" * 10_000_001), "too_large"),
        (
            "/",
            Answer(body=gzip.compress(b" " * 60_000_000), headers={"Content-Encoding": "gzip"}),
            "too_large",
        ),
    ],
)
def test_a_fault_is_recorded_and_tried_again_later(
    database: Database, site: Website, fetcher: Fetcher, path: str, answer: Answer, reason: str
) -> None:
    site.answers[path] = answer
    reading = Reading(database, fetcher, site.url(path))

    report = reading.poll()

    assert (report.status, report.reason) == (PollStatus.FAILED, reason)
    source = reading.source
    assert (source.last_error, source.last_error_text) == (reason, report.message)
    assert (source.failure_count, source.status, source.lease_until) == (1, SourceStatus.ACTIVE, None)
    assert source.next_poll_at > NOON


def test_a_source_that_works_again_has_no_fault(database: Database, site: Website, fetcher: Fetcher) -> None:
    reading = Reading(database, fetcher, site.put("/feed", status=500))

    reading.poll()
    site.put("/feed", feed("One"))
    reading.poll()

    source = reading.source
    assert (source.last_error, source.last_error_text, source.failure_count) == (None, None, 0)


def test_waits_double_up_to_six_hours(database: Database, site: Website, fetcher: Fetcher) -> None:
    reading = Reading(database, fetcher, site.put("/feed", status=500))

    waits = []
    for _ in range(7):
        reading.poll()
        waits.append((reading.source.next_poll_at - NOON) / MINUTE)

    for wait, expected in zip(waits, [15, 30, 60, 120, 240, 360, 360], strict=True):
        assert expected <= wait <= expected * 1.1


@pytest.mark.parametrize("value", ["7200", format_datetime((NOON + 2 * HOUR).astimezone(UTC), usegmt=True)])
def test_retry_after_is_honoured(database: Database, site: Website, fetcher: Fetcher, value: str) -> None:
    reading = Reading(database, fetcher, site.put("/feed", status=429, Retry_After=value))

    report = reading.poll()

    assert report.reason == "throttled"
    assert 2 * HOUR <= reading.source.next_poll_at - NOON <= 2.2 * HOUR


def test_a_feed_that_is_gone_is_not_asked_again_until_somebody_wants_it(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    reading = Reading(database, fetcher, site.put("/feed", status=410))

    report = reading.poll()

    assert report.status is PollStatus.STOPPED
    assert reading.poll(at=NOON + 9 * HOUR).status is PollStatus.SKIPPED
    with database.transaction() as session:
        assert sources.due(session, now=NOON + 9 * HOUR) == []
        sources.resume(session, reading.id, now=NOON)
    site.put("/feed", feed("One"))
    assert reading.poll().status is PollStatus.READ


def test_a_stopped_source_is_not_asked(database: Database, site: Website, fetcher: Fetcher) -> None:
    reading = Reading(database, fetcher, site.put("/feed", feed("One")))
    with database.transaction() as session:
        sources.stop(session, reading.id, now=NOON)

    assert reading.poll().status is PollStatus.SKIPPED
    assert site.requests == []


def test_two_workers_ask_a_source_once(database: Database, site: Website, fetcher: Fetcher) -> None:
    reading = Reading(database, fetcher, site.put("/feed", feed("One", "Two")))

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: reading.poll(force=False), range(4)))

    assert sorted(report.status for report in reports) == [PollStatus.READ, *[PollStatus.SKIPPED] * 3]
    assert len(site.requests) == 1


def test_a_worker_that_died_is_replaced_and_a_late_one_records_nothing(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    reading = Reading(database, fetcher, site.put("/feed", feed("One")))
    with database.transaction() as session:
        dead = rows.claim(session, reading.id, now=NOON, lease=2 * MINUTE, force=False)

    assert reading.poll(at=NOON + MINUTE, force=False).status is PollStatus.SKIPPED
    assert reading.poll(at=NOON + 2 * MINUTE, force=False).status is PollStatus.READ
    assert dead is not None
    with database.transaction() as session:
        assert rows.held(session, dead) is None


def test_articles_of_two_feeds_are_kept_once(database: Database, site: Website, fetcher: Fetcher) -> None:
    reading = Reading(database, fetcher, site.put("/a", feed("One", "Two")), include_existing=True)
    with database.transaction() as session:
        newsletter = builders.add_newsletter(session, slug="weekly")
        other = sources.add(
            session, newsletter, site.put("/b", feed("Two", "Three")), include_existing=True, now=NOON
        )

    reading.poll()
    report = sources.poll(database.transaction, other.id, fetcher=fetcher, now=NOON)

    assert (report.new, report.unchanged) == (1, 1)
    with database.reading() as session:
        assert session.query(Article).count() == 3


def test_a_source_is_added_once_with_an_address_that_can_be_asked(database: Database) -> None:
    with database.transaction() as session:
        newsletter = builders.add_newsletter(session)
        sources.add(session, newsletter, "HTTPS://Post.example.com/feed#top", now=NOON)

        with pytest.raises(Conflict, match="has this source already"):
            sources.add(session, newsletter, "https://post.example.com/feed", now=NOON)
        for bad in ("post.example.com/feed", "file:///etc/passwd", "https://u:p@post.example.com/"):
            with pytest.raises(InvalidInput):
                sources.add(session, newsletter, bad, now=NOON)
        with pytest.raises(InvalidInput, match="once a minute"):
            sources.add(session, newsletter, "https://x.example.com/", interval=timedelta(0), now=NOON)
        assert [source.url for source in rows.listing(session, text="POST.")] == [
            "https://post.example.com/feed"
        ]


def test_a_source_that_does_not_exist_is_named(database: Database, fetcher: Fetcher) -> None:
    with pytest.raises(NotFound, match="no source 7"):
        sources.poll(database.transaction, 7, fetcher=fetcher, now=NOON)
