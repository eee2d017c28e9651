"""Check confirmation, preferences, archive and the pages that only say something."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from newsletter.domain.consent import ConsentEvidence
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.domain.tokens import LinkPurpose
from newsletter.store import Database, notices, subscriptions, suppressions
from newsletter.subscribing import signup
from newsletter.subscribing.signup import SignupRequest
from newsletter.web.clients import Proxies
from newsletter.wiring import App
from tests.builders import add_newsletter, add_reader, add_topic
from tests.clocks import NOON, FixedClock
from tests.subscribing.links import link


@pytest.fixture
def links(app: App) -> dict[LinkPurpose, str]:
    """Sign Ada up for the daily, and return the paths of her confirmation mail."""
    with app.transaction() as session:
        add_newsletter(session)
        request = SignupRequest(
            address="ada@example.com", newsletters=("daily",), evidence=ConsentEvidence(channel="form")
        )
        (notice_id,) = signup.request(session, request, now=NOON).notice_ids
        return {
            purpose: f"/{purpose}/"
            + link(session, purpose, subscriber_id=1, object_id=notice_id, issued_at=NOON)
            for purpose in (LinkPurpose.CONFIRM, LinkPurpose.BLOCK)
        }


@pytest.fixture
def preferences(app: App) -> str:
    """Return the path of an active reader's preferences."""
    with app.transaction() as session:
        daily = add_newsletter(session)
        add_topic(session, daily, "sport", number=0)
        add_topic(session, daily, "culture", number=1)
        reader = add_reader(session, daily, "ada@example.com")
        token = link(
            session, LinkPurpose.PREFERENCES, subscriber_id=reader.id, object_id=daily.id, issued_at=NOON
        )
    return f"/p/{token}"


def status(app: App) -> SubscriptionStatus:
    """Return where the only reader stands."""
    with app.reading() as session:
        return subscriptions.of_subscriber(session, 1)[0].status


def test_a_scanner_that_follows_the_link_confirms_nothing(
    app: App, web: TestClient, links: dict[LinkPurpose, str]
) -> None:
    page = web.get(links[LinkPurpose.CONFIRM])
    web.head(links[LinkPurpose.CONFIRM])

    assert "Yes, confirm" in page.text
    assert "ada@example.com" not in page.text
    assert status(app) is SubscriptionStatus.PENDING


def test_the_button_confirms_and_may_be_pressed_again(
    app: App, web: TestClient, links: dict[LinkPurpose, str]
) -> None:
    answers = [web.post(links[LinkPurpose.CONFIRM], data={"action": "confirm"}) for _ in range(2)]

    assert all("You are subscribed" in response.text for response in answers)
    assert status(app) is SubscriptionStatus.ACTIVE
    assert "You are subscribed" in web.get(links[LinkPurpose.CONFIRM]).text


def test_an_expired_link_offers_a_new_one(
    app: App, web: TestClient, links: dict[LinkPurpose, str], clock: FixedClock
) -> None:
    clock.advance(timedelta(days=8))

    assert "This link has expired" in web.get(links[LinkPurpose.CONFIRM]).text
    assert "This link has expired" in web.post(links[LinkPurpose.CONFIRM]).text
    again = [web.post(links[LinkPurpose.CONFIRM], data={"action": "again"}) for _ in range(2)]

    assert all("Check your inbox" in response.text for response in again)
    assert status(app) is SubscriptionStatus.PENDING
    with app.reading() as session:
        assert len(notices.asked(session, "ada@example.com")) == 2


def test_who_did_not_sign_up_can_stop_all_confirmations(
    app: App, web: TestClient, links: dict[LinkPurpose, str]
) -> None:
    page = web.get(links[LinkPurpose.BLOCK])
    assert "Never ask again" in page.text
    assert web.post(links[LinkPurpose.BLOCK]).status_code == 400
    assert status(app) is SubscriptionStatus.PENDING

    response = web.post(links[LinkPurpose.BLOCK], data={"action": "block"})

    assert "Understood" in response.text
    assert status(app) is SubscriptionStatus.ENDED
    with app.reading() as session:
        assert suppressions.active_keys(session, ["ada@example.com"], NOON, scopes=["confirmations"])


def test_preferences_are_shown_saved_and_shown(app: App, web: TestClient, preferences: str) -> None:
    before = web.get(preferences)
    saved = web.post(preferences, data={"action": "save", "topic": "culture", "cadence": "weekly"})
    after = web.get(preferences)

    assert before.text.count("checked") == 3
    assert "Saved." in saved.text
    assert 'value="culture" checked' in after.text
    assert 'value="sport" checked' not in after.text
    assert 'value="weekly" checked' in after.text


def test_hour_zone_and_pause_are_chosen_on_the_same_page(web: TestClient, preferences: str) -> None:
    form = {"action": "save", "topic": "sport", "cadence": "weekdays", "language": "de"}
    saved = web.post(preferences, data={**form, "hour": "7", "zone": "Asia/Tokyo", "snooze": "1"})
    refused = web.post(preferences, data={**form, "zone": "Nowhere/Land"})
    after = web.get(preferences)

    assert "Gespeichert." in saved.text
    assert refused.status_code == 422
    assert "Diese Zeitzone gibt es nicht" in refused.text
    assert '<option value="7" selected>07:00' in after.text
    assert 'value="Asia/Tokyo" list="zones"' in after.text
    assert "Pause bis 1. Dezember 2026" in after.text
    assert 'value="weekdays" checked' in after.text


def test_choosing_no_topic_is_explained(web: TestClient, preferences: str) -> None:
    response = web.post(preferences, data={"action": "save", "cadence": "weekly"})

    assert response.status_code == 422
    assert "at least one topic" in response.text


@pytest.mark.parametrize("action", ["leave", "leave_all"])
def test_preferences_let_readers_leave(app: App, web: TestClient, preferences: str, action: str) -> None:
    response = web.post(preferences, data={"action": action})

    assert "You are unsubscribed" in response.text
    assert status(app) is SubscriptionStatus.ENDED
    assert "You are not subscribed" in web.get(preferences).text
    assert web.post(preferences, data={"topic": "sport"}).status_code == 409


def test_pages_about_a_reader_are_kept_by_nobody(web: TestClient, preferences: str) -> None:
    response = web.get(preferences)

    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "noindex" in response.headers["x-robots-tag"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "<script" not in response.text


def test_a_page_loads_nothing_from_elsewhere(web: TestClient, preferences: str) -> None:
    page = web.get(preferences).text

    assert 'src="' not in page
    assert 'rel="stylesheet"' not in page


def test_the_archive_of_a_young_newsletter_is_empty_and_public(app: App, web: TestClient) -> None:
    with app.transaction() as session:
        add_newsletter(session)

    response = web.get("/archive/daily?q=ferry&page=999999999999")

    assert response.status_code == 200
    assert "Nothing was found" in response.text
    assert "x-robots-tag" not in response.headers


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/archive/unheard-of",
        "/archive/daily%00",
        "/archive/daily/99999999999999999999",
        "/archive/daily/x",
        "/v/x",
        "/v/x/de",
        "/c/x",
        "/n/x",
        "/p/x",
        "/u/%00",
    ],
)
def test_what_does_not_exist_is_said_on_a_page(web: TestClient, path: str) -> None:
    response = web.get(path)

    assert response.status_code == 404
    assert response.headers["content-type"].startswith("text/html")
    assert "<h1>" in response.text


def test_pages_speak_the_language_of_the_browser_when_nobody_is_known(web: TestClient) -> None:
    response = web.get("/nothing", headers={"Accept-Language": "xx, de-AT;q=0.8, en;q=0.5"})

    assert "Diese Seite gibt es nicht" in response.text


def test_pages_of_an_arabic_newsletter_read_from_the_right(app: App, web: TestClient) -> None:
    with app.transaction() as session:
        add_newsletter(session, language="ar", direction="rtl")

    assert '<html lang="ar" dir="rtl">' in web.get("/subscribe/daily").text


def test_a_live_process_says_so(web: TestClient) -> None:
    assert web.get("/healthz").text == "ok\n"
    assert web.head("/healthz").status_code == 200


def test_readiness_needs_the_database_and_only_mentions_the_broker(web: TestClient) -> None:
    response = web.get("/readyz")

    assert response.status_code == 200
    assert response.json() == {"ready": True, "database": "ok", "broker": "down"}


def test_without_a_database_nothing_is_ready_and_pages_say_sorry(app: App, web: TestClient) -> None:
    app.database.dispose()
    app.__dict__["database"] = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")

    assert web.get("/readyz").status_code == 503
    page = web.get("/subscribe/daily")
    assert page.status_code == 503
    assert "Something is not working" in page.text
    assert web.post("/hooks/signup", json={}).status_code == 503


def test_a_body_without_an_announced_length_is_bounded_too(web: TestClient) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(100):
            yield b"x" * 1000

    response = web.post(
        "/subscribe", content=pieces(), headers={"Content-Type": "application/x-www-form-urlencoded"}
    )

    assert response.status_code == 413


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("::ffff:10.1.2.3", "192.0.2.1", "192.0.2.1"),
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "203.0.113.9", "192.0.2.7"),
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.3", "10.0.0.3"),
        ("10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("10.0.0.1", "203.0.113.9:443", "203.0.113.9"),
        ("10.0.0.1", "nonsense", "nonsense"),
        ("10.0.0.1", "", "10.0.0.1"),
    ],
)
def test_only_trusted_proxies_speak_for_a_client(peer: str, forwarded_for: str, client: str) -> None:
    assert Proxies(["10.0.0.0/8"]).client_of(peer, forwarded_for) == client
