"""Check the signed webhooks; the signatures come from the reference implementation, never from ours."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from standardwebhooks import Webhook

from newsletter.domain import webhooks
from newsletter.store import consent, keys, notices, subscribers, subscriptions
from newsletter.store.tables import KeyPurpose
from newsletter.wiring import App
from tests.builders import add_newsletter, add_reader, add_topic
from tests.clocks import NOON, FixedClock

SIGNUP: dict[str, Any] = {
    "address": "ada@example.com",
    "name": "Ada Lovelace",
    "newsletters": ["daily"],
    "topics": ["sport"],
    "language": "en",
    "article_url": "https://post.example.com/a?utm_source=x",
    "consent": {"form_text": "Yes, send it.", "client_ip": "198.51.100.4", "extra": {"double_checked": True}},
}


@pytest.fixture
def secret(app: App) -> str:
    """Add the daily and return the secret that the website was given."""
    with app.transaction() as session:
        daily = add_newsletter(session)
        add_topic(session, daily, "sport", number=0)
        add_topic(session, daily, "culture", number=1)
        (key,) = keys.ring(session, KeyPurpose.HOOKS).keys.values()
    return webhooks.encode_secret(key)


def signed(secret: str, body: str, *, at: datetime = NOON, delivery_id: str = "msg_1") -> dict[str, str]:
    """Sign a body as the website's library does."""
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(delivery_id, at, body),
        "content-type": "application/json",
    }


def post(web: TestClient, secret: str, payload: object, path: str = "/hooks/signup", **over: Any) -> Any:
    """Send a signed call."""
    body = payload if isinstance(payload, str) else json.dumps(payload)
    return web.post(path, content=body, headers=signed(secret, body, **over))


def notice_count(app: App) -> int:
    """Count the mails that wait."""
    with app.reading() as session:
        return notices.waiting(session)


def test_a_signed_signup_queues_one_confirmation(app: App, web: TestClient, secret: str) -> None:
    response = post(web, secret, SIGNUP)

    assert (response.status_code, response.json()) == (202, {"accepted": True})
    assert notice_count(app) == 1
    with app.reading() as session:
        (reader,) = subscribers.search(session)
        (subscription,) = subscriptions.of_subscriber(session, reader.id)
        assert (subscription.topics, subscription.signup_article) == (1, "https://post.example.com/a")
        (event,) = consent.of_subscriber(session, reader.id)
        assert event.evidence["channel"] == "webhook"
        assert event.evidence["client_ip"] == "198.51.100.4"
        assert event.evidence["extra"] == {"double_checked": True}


def test_the_same_id_again_is_answered_alike_and_done_once(
    app: App, web: TestClient, secret: str, clock: FixedClock
) -> None:
    first = post(web, secret, SIGNUP)
    clock.advance(timedelta(minutes=4))
    second = post(web, secret, SIGNUP | {"address": "bob@example.com"}, at=clock.now())

    assert (second.status_code, second.json()) == (first.status_code, first.json())
    assert notice_count(app) == 1


def test_the_answer_tells_nobody_who_reads_the_newsletter(app: App, web: TestClient, secret: str) -> None:
    with app.transaction() as session:
        add_reader(session, add_newsletter(session, slug="other"), "known@example.com")
    wishes = [
        SIGNUP | {"newsletters": ["other"], "topics": [], "address": address}
        for address in ("known@example.com", "unknown@example.com", "abuse@example.com")
    ]

    answers = {
        (response.status_code, response.text)
        for number, wish in enumerate(wishes)
        for response in [post(web, secret, wish, delivery_id=f"msg_{number}")]
    }

    assert len(answers) == 1
    assert notice_count(app) == 1


def test_a_signature_by_another_secret_is_refused(app: App, web: TestClient, secret: str) -> None:
    other = webhooks.encode_secret(b"x" * 32)

    response = post(web, other, SIGNUP)

    assert response.status_code == 401
    assert response.json()["error"]["reason"] == "bad_signature"
    assert notice_count(app) == 0


def test_a_body_that_was_changed_is_refused(web: TestClient, secret: str) -> None:
    headers = signed(secret, json.dumps(SIGNUP))

    response = web.post(
        "/hooks/signup", content=json.dumps(SIGNUP | {"address": "eve@example.com"}), headers=headers
    )

    assert response.status_code == 401


def test_an_unsigned_call_is_refused(web: TestClient, secret: str) -> None:
    response = web.post("/hooks/signup", json=SIGNUP)

    assert response.status_code == 401
    assert response.json()["error"]["reason"] == "missing_signature"


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_a_timestamp_far_from_now_is_refused(web: TestClient, secret: str, age: timedelta) -> None:
    response = post(web, secret, SIGNUP, at=NOON - age)

    assert response.status_code == 401
    assert response.json()["error"]["reason"] == "old_timestamp"


def test_during_a_rotation_both_secrets_work(app: App, web: TestClient, secret: str) -> None:
    with app.transaction() as session:
        number = keys.rotate(session, KeyPurpose.HOOKS, now=NOON)
        newest = keys.ring(session, KeyPurpose.HOOKS).keys[number]

    old = post(web, secret, SIGNUP)
    new = post(web, webhooks.encode_secret(newest), SIGNUP, delivery_id="msg_2")

    assert (old.status_code, new.status_code) == (202, 202)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("{broken", "bad_json"),
        ("[1, 2]", "bad_json"),
        ("[" * 10_000, "bad_json"),
        (SIGNUP | {"newsletters": ["unheard-of"]}, "unknown_newsletter"),
        (SIGNUP | {"address": "ada"}, "address_without_domain"),
        (SIGNUP | {"topics": ["chess"]}, "unknown_topic"),
        (SIGNUP | {"newsletters": "daily"}, "bad_field"),
        (SIGNUP | {"newsletters": ["daily\u0000"]}, "bad_field"),
        (SIGNUP | {"surprise": 1}, "bad_field"),
        (SIGNUP | {"cadence": "hourly"}, "bad_field"),
        (SIGNUP | {"name": "x" * 65}, "name_too_long"),
        ({"newsletters": ["daily"]}, "bad_field"),
    ],
)
def test_a_wrong_body_is_refused_with_what_to_do(
    app: App, web: TestClient, secret: str, payload: object, reason: str
) -> None:
    response = post(web, secret, payload)

    assert response.status_code == 422
    assert response.json()["error"]["reason"] == reason
    assert response.json()["error"]["hint"]
    assert notice_count(app) == 0


def test_a_delivery_that_was_refused_may_be_sent_again_mended(app: App, web: TestClient, secret: str) -> None:
    assert post(web, secret, SIGNUP | {"topics": ["chess"]}).status_code == 422

    assert post(web, secret, SIGNUP).status_code == 202
    assert notice_count(app) == 1


def test_signs_that_nobody_sees_are_taken_out_of_names(app: App, web: TestClient, secret: str) -> None:
    body = json.dumps(SIGNUP).replace("Ada Lovelace", "Ada\\u0000\\u202e\\n Lovelace")

    assert post(web, secret, body).status_code == 202
    with app.reading() as session:
        assert [reader.name for reader in subscribers.search(session)] == ["Ada Lovelace"]


def test_half_a_character_is_refused(web: TestClient, secret: str) -> None:
    body = json.dumps(SIGNUP).replace("Ada Lovelace", "Ada \\ud800")

    assert post(web, secret, body).json()["error"]["reason"] == "bad_field"


def test_a_body_that_is_too_large_is_refused(web: TestClient, secret: str) -> None:
    response = post(web, secret, SIGNUP | {"name": "x" * 70_000})

    assert response.status_code == 413
    assert response.json()["error"]["reason"] == "too_large"


def test_who_guesses_signatures_is_slowed_down(web: TestClient, secret: str) -> None:
    answers = [web.post("/hooks/signup", json=SIGNUP).status_code for _ in range(31)]

    assert (answers[0], answers[-1]) == (401, 429)
    assert post(web, secret, SIGNUP).status_code == 202


def test_pushed_articles_are_kept_once(app: App, web: TestClient, secret: str) -> None:
    payload = {
        "newsletters": ["daily"],
        "article": {
            "url": "https://post.example.com/ferry",
            "title": "The ferry is back",
            "topics": ["sport"],
        },
    }

    first = post(web, secret, payload, path="/hooks/articles")
    again = post(web, secret, payload, path="/hooks/articles")
    as_other = post(web, secret, payload, path="/hooks/articles", delivery_id="msg_2")

    assert first.status_code == 200
    assert first.json() == again.json()
    assert first.json()["articles"][0]["number"] == as_other.json()["articles"][0]["number"]


@pytest.mark.parametrize("slug", ["weekly", "\0", "\ud800", "x" * 5000])
def test_an_article_for_an_unknown_newsletter_is_refused(web: TestClient, secret: str, slug: str) -> None:
    payload = {"newsletters": [slug], "article": {"url": "https://post.example.com/a", "title": "A"}}

    response = post(web, secret, payload, path="/hooks/articles")

    assert (response.status_code, response.json()["error"]["reason"]) == (422, "unknown_newsletter")


def test_one_id_may_serve_both_hooks(web: TestClient, secret: str) -> None:
    payload = {"newsletters": ["daily"], "article": {"url": "https://post.example.com/a", "title": "A"}}

    assert post(web, secret, SIGNUP).status_code == 202
    assert post(web, secret, payload, path="/hooks/articles").status_code == 200


def test_our_own_signature_is_what_the_reference_accepts(secret: str) -> None:
    body = json.dumps(SIGNUP).encode()
    at = datetime.fromtimestamp(int(NOON.timestamp()), NOON.tzinfo)

    headers = webhooks.sign(webhooks.decode_secret(secret), delivery_id="msg_1", sent_at=at, body=body)

    assert headers["webhook-signature"] == Webhook(secret).sign("msg_1", at, body.decode())
