"""Check the whole way of a subscription to a hub: asked, confirmed, told, renewed, ended."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from newsletter.feeds.fetch import Fetcher
from newsletter.ingest import hubs, sources
from newsletter.store.tables import Source
from newsletter.wiring import App
from tests import builders
from tests.clocks import FixedClock
from tests.feeds.http_server import Website, website
from tests.ingest.test_sources import feed

PUBLIC = "https://news.example.com"
TOPIC = "https://post.example.com/feed"
DAY = timedelta(days=1)


@pytest.fixture
def hub() -> Iterator[Website]:
    with website() as running:
        running.put("/hub", status=202)
        yield running


class Reading:
    """One source whose feed names the hub."""

    def __init__(self, app: App, hub: Website, clock: FixedClock) -> None:
        self.app, self.clock, self.hub = app, clock, hub
        self.fetcher = Fetcher(frozenset({hub.pair}), "newsletter-tests", seconds=5.0)
        links = f'<{hub.url("/hub")}>; rel="hub", <{TOPIC}>; rel="self"'
        url = hub.put("/feed", feed("One"), Link=links)
        with app.transaction() as session:
            source = sources.add(session, builders.add_newsletter(session), url, now=clock.now())
            self.id = source.id
        self.poll()

    def poll(self) -> None:
        sources.poll(self.app.transaction, self.id, fetcher=self.fetcher, now=self.clock.now(), force=True)

    def ask(self) -> int:
        return hubs.ask_due(
            self.app.transaction, fetcher=self.fetcher, public_url=PUBLIC, now=self.clock.now()
        )

    @property
    def source(self) -> Source:
        with self.app.reading() as session:
            return session.get_one(Source, self.id)

    @property
    def path(self) -> str:
        return urlsplit(self.hub.forms[-1][1]["hub.callback"]).path

    def verify(self, web: TestClient, mode: str = "subscribe", **over: str) -> tuple[int, str]:
        params = {"mode": mode, "topic": TOPIC, "challenge": "c-17", "lease_seconds": "864000"} | over
        answer = web.get(self.path, params={f"hub.{name}": value for name, value in params.items()})
        return answer.status_code, answer.text

    def tell(self, web: TestClient, body: bytes = b"<rss/>", *, secret: str | None = None) -> int:
        key = secret or self.hub.forms[0][1]["hub.secret"]
        digits = hmac.new(key.encode(), body, "sha256").hexdigest()
        return web.post(self.path, content=body, headers={"X-Hub-Signature": f"sha256={digits}"}).status_code


@pytest.fixture
def reading(app: App, hub: Website, clock: FixedClock) -> Reading:
    return Reading(app, hub, clock)


def test_a_hub_is_asked_and_confirmed(reading: Reading, web: TestClient) -> None:
    asked, again = reading.ask(), reading.ask()

    form = reading.hub.forms[0][1]
    assert (asked, again, len(reading.hub.forms)) == (1, 0, 1)
    assert (form["hub.mode"], form["hub.topic"], form["hub.lease_seconds"]) == ("subscribe", TOPIC, "864000")
    assert len(form["hub.secret"]) == 64
    assert reading.verify(web) == (200, "c-17")
    assert reading.source.hub_until == reading.clock.now() + 10 * DAY


def test_what_nobody_asked_for_is_not_confirmed(reading: Reading, web: TestClient) -> None:
    reading.ask()

    for over in (
        {"topic": "https://post.example.com/other"},
        {"mode": "unsubscribe"},
        {"mode": "publish"},
        {"challenge": ""},
        {"challenge": "c" * 501},
    ):
        status, text = reading.verify(web, **over)
        assert (status, "c-17" in text, reading.source.hub_until) == (404, False, None), over


def test_a_confirmation_comes_too_late_after_a_day(
    reading: Reading, web: TestClient, clock: FixedClock
) -> None:
    reading.ask()
    clock.advance(2 * DAY)

    assert reading.verify(web)[0] == 404


def test_a_strangers_token_leads_nowhere(reading: Reading, web: TestClient) -> None:
    reading.ask()
    path = "/hooks/websub/" + "0" * 40

    assert web.get(path, params={"hub.mode": "subscribe", "hub.topic": TOPIC}).status_code == 404
    assert web.post(path, content=b"x").status_code == 410
    assert web.post("/hooks/websub/short", content=b"x").status_code == 404


def test_a_signed_call_makes_the_source_due_and_any_other_nothing(
    reading: Reading, web: TestClient, clock: FixedClock
) -> None:
    reading.ask()
    reading.verify(web)
    clock.advance(timedelta(seconds=90))

    forged = reading.tell(web, secret="guess")
    before = reading.source.next_poll_at
    told = reading.tell(web)

    assert (forged, told) == (202, 202)
    assert before > clock.now()
    assert reading.source.next_poll_at == clock.now()


def test_a_hub_that_calls_all_the_time_lets_us_ask_once_a_minute(
    reading: Reading, web: TestClient, clock: FixedClock
) -> None:
    reading.ask()
    clock.advance(timedelta(seconds=10))

    assert reading.tell(web) == 202
    assert reading.source.next_poll_at == clock.now() + timedelta(seconds=50)


def test_a_call_that_is_too_long_is_refused(reading: Reading, web: TestClient) -> None:
    reading.ask()

    assert reading.tell(web, b"x" * 1_000_000) == 202
    assert reading.tell(web, b"x" * 5_300_000) == 413


def test_a_lease_is_renewed_under_the_same_address(
    reading: Reading, web: TestClient, clock: FixedClock
) -> None:
    reading.ask()
    reading.verify(web)
    clock.advance(9 * DAY)

    asked = reading.ask()

    assert asked == 1
    first, second = (form for _, form in reading.hub.forms)
    assert first == second


def test_a_stopped_source_leaves_its_hub(reading: Reading, web: TestClient, clock: FixedClock) -> None:
    reading.ask()
    reading.verify(web)
    with reading.app.transaction() as session:
        sources.stop(session, reading.id, now=clock.now())

    asked = reading.ask()
    form = reading.hub.forms[-1][1]
    refused = reading.verify(web, "subscribe")
    left = reading.verify(web, "unsubscribe")

    assert (asked, form["hub.mode"], "hub.secret" in form) == (1, "unsubscribe", False)
    assert (refused[0], left) == (404, (200, "c-17"))
    assert (reading.source.hub_token, reading.source.hub_until, reading.ask()) == (None, None, 0)


def test_a_hub_that_denies_or_fails_leaves_polling_as_it_is(
    reading: Reading, web: TestClient, clock: FixedClock
) -> None:
    reading.hub.put("/hub", status=500)
    reading.ask()
    reading.verify(web)

    denied = reading.verify(web, "denied")

    assert denied == (200, "")
    assert reading.source.hub_until is None
    clock.advance(DAY / 2)
    assert reading.ask() == 1


def test_a_feed_that_names_another_hub_forgets_the_old_subscription(
    reading: Reading, web: TestClient
) -> None:
    reading.ask()
    reading.verify(web)
    reading.hub.put("/feed", feed("Two"))
    reading.poll()

    assert (reading.source.hub_url, reading.source.hub_token) == (None, None)
    assert reading.tell(web) == 410


@pytest.mark.parametrize(
    ("url", "is_reachable"),
    [
        ("https://news.example.com", True),
        ("http://127.0.0.1:8000", False),
        ("http://localhost:8000", False),
        ("https://10.0.0.1", False),
        ("https://news.internal", False),
        ("https://8.8.8.8", True),
    ],
)
def test_a_service_that_nobody_can_call_asks_no_hub(url: str, is_reachable: bool) -> None:
    assert hubs.is_reachable(url) is is_reachable
