"""Check that many sources are asked at once, and that none of them waits for another."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from threading import Event, Thread

import pytest

from newsletter.feeds.fetch import Fetched, Fetcher
from newsletter.ingest import rounds, sources
from newsletter.ingest.sources import PollStatus
from newsletter.runtime.clock import SystemClock
from newsletter.store import Database
from newsletter.store.tables import Source
from tests import builders
from tests.clocks import NOON
from tests.feeds.http_server import Answer, Website, website
from tests.ingest.test_sources import feed

SLOW_COUNT, QUICK_COUNT = 4, 12


@pytest.fixture
def slow_site() -> Iterator[Website]:
    with website() as running:
        yield running


def add(database: Database, *urls: str) -> list[int]:
    with database.transaction() as session:
        newsletter = builders.add_newsletter(session)
        return [sources.add(session, newsletter, url, now=NOON).id for url in urls]


def read_count(database: Database) -> int:
    with database.reading() as session:
        return session.query(Source).filter(Source.last_success_at.is_not(None)).count()


def test_sources_that_hang_hold_up_nobody_else(database: Database, site: Website, slow_site: Website) -> None:
    released = Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        released.wait(20)
        handler.wfile.write(feed("Late"))

    slow = [slow_site.url(f"/{number}") for number in range(SLOW_COUNT + 1)]
    slow_site.answers = {f"/{number}": Answer(write=hang) for number in range(SLOW_COUNT + 1)}
    quick = [site.put(f"/{number}", feed(f"Story{number}")) for number in range(QUICK_COUNT)]
    add(database, *slow, *quick)
    fetcher = Fetcher(frozenset({site.pair, slow_site.pair}), "newsletter-tests", seconds=20.0)
    found: list[rounds.RoundReport] = []
    # Few places: those of the host that hangs must not fill them.
    running = Thread(
        target=lambda: found.append(
            rounds.poll_due(
                database.transaction, fetcher=fetcher, clock=SystemClock(), at_once=rounds.AT_ONCE_OF_HOST + 1
            )
        )
    )

    running.start()
    while read_count(database) < QUICK_COUNT and running.is_alive():
        running.join(0.02)
    read_meanwhile, asked_meanwhile = read_count(database), len(slow_site.requests)
    released.set()
    running.join(20)

    assert (read_meanwhile, asked_meanwhile) == (QUICK_COUNT, rounds.AT_ONCE_OF_HOST)
    assert read_count(database) == QUICK_COUNT + SLOW_COUNT + 1
    assert {report.status for report in found[0].reports} == {PollStatus.READ}


class Broken(Fetcher):
    """Stumble over one address in a way that nobody foresaw."""

    def fetch(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        if url.endswith("/bad"):
            raise ZeroDivisionError
        return super().fetch(url, etag=etag, last_modified=last_modified)


def test_a_source_that_fails_unforeseen_is_put_off_and_the_others_are_read(
    database: Database, site: Website
) -> None:
    bad, good = add(database, site.put("/bad", feed("Bad")), site.put("/good", feed("Good")))
    broken = Broken(frozenset({site.pair}), "newsletter-tests", seconds=5.0)

    found = rounds.poll_due(database.transaction, fetcher=broken, clock=SystemClock())

    status = {report.source_id: report.status for report in found.reports}
    assert status == {bad: PollStatus.FAILED, good: PollStatus.READ}
    with database.reading() as session:
        assert session.get_one(Source, bad).last_error == "fault"


def test_a_round_that_is_told_to_stop_begins_nothing(
    database: Database, site: Website, fetcher: Fetcher
) -> None:
    add(database, site.put("/feed", feed("One")))

    found = rounds.poll_due(
        database.transaction, fetcher=fetcher, clock=SystemClock(), should_stop=lambda: True
    )

    assert found.reports == ()
    assert site.requests == []
