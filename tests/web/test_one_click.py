"""Check one-click unsubscribing against RFC 8058, paragraph by paragraph."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.domain.tokens import LinkPurpose
from newsletter.store import keys, subscriptions
from newsletter.store.tables import KeyPurpose, Subscription
from newsletter.wiring import App
from tests.builders import add_newsletter, add_reader
from tests.clocks import NOON
from tests.subscribing.links import link

BODY = "List-Unsubscribe=One-Click"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def path(app: App) -> str:
    """Return the path of a reader's link from an old mail."""
    with app.transaction() as session:
        daily = add_newsletter(session)
        weekly = add_newsletter(session, slug="weekly", name="The Weekly")
        reader = add_reader(session, daily, "ada@example.com")
        session.add(
            Subscription(
                subscriber_id=reader.id,
                newsletter_id=weekly.id,
                status=SubscriptionStatus.ACTIVE,
                requested_at=NOON,
            )
        )
        session.flush()
        token = link(
            session,
            LinkPurpose.UNSUBSCRIBE,
            subscriber_id=reader.id,
            object_id=daily.id,
            mailing_id=7,
            issued_at=NOON - timedelta(days=400),
        )
    return f"/u/{token}"


def standing(app: App) -> list[SubscriptionStatus]:
    """Return where the only reader stands, newsletter by newsletter."""
    with app.reading() as session:
        return [s.status for s in subscriptions.of_subscriber(session, 1)]


ACTIVE, ENDED = SubscriptionStatus.ACTIVE, SubscriptionStatus.ENDED


def test_a_urlencoded_post_unsubscribes_from_this_newsletter_only(
    app: App, web: TestClient, path: str
) -> None:
    response = web.post(path, content=BODY, headers=FORM)

    assert response.status_code == 200
    assert standing(app) == [ENDED, ACTIVE]


def test_a_multipart_post_unsubscribes(app: App, web: TestClient, path: str) -> None:
    body = '--b1\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b1--\r\n'

    response = web.post(path, content=body, headers={"Content-Type": "multipart/form-data; boundary=b1"})

    assert response.status_code == 200
    assert standing(app) == [ENDED, ACTIVE]


def test_the_answer_sets_no_cookie_and_redirects_nowhere(web: TestClient, path: str) -> None:
    response = web.post(path, content=BODY, headers=FORM)

    assert not response.is_redirect
    assert "set-cookie" not in response.headers
    assert response.headers["cache-control"] == "no-store"


def test_the_answer_is_the_same_every_time(app: App, web: TestClient, path: str) -> None:
    first, second = (web.post(path, content=BODY, headers=FORM) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 200)
    assert without_nonce(first.text) == without_nonce(second.text)
    assert standing(app) == [ENDED, ACTIVE]


def without_nonce(page: str) -> str:
    """Return a page without what differs between any two."""
    head, _, tail = page.partition('nonce="')
    return head + tail.partition('"')[2]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing_however_often(app: App, web: TestClient, path: str, method: str) -> None:
    answers = [web.request(method, path, headers={"Accept": "*/*"}) for _ in range(100)]

    assert {response.status_code for response in answers} == {200}
    assert standing(app) == [ACTIVE, ACTIVE]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("", FORM),
        ("List-Unsubscribe=one-click", FORM),
        ("List-Unsubscribe=One-Click&List-Unsubscribe=No", FORM),
        ("list-unsubscribe=One-Click", FORM),
        ('{"List-Unsubscribe": "One-Click"}', {"Content-Type": "application/json"}),
        (BODY, {"Content-Type": "text/plain"}),
    ],
)
def test_any_other_body_unsubscribes_nobody(
    app: App, web: TestClient, path: str, body: str, headers: dict[str, str]
) -> None:
    response = web.post(path, content=body, headers=headers)

    assert response.status_code == 400
    assert "<form" in response.text
    assert standing(app) == [ACTIVE, ACTIVE]


def test_no_referrer_origin_or_user_agent_is_needed(app: App, web: TestClient, path: str) -> None:
    response = web.post(
        path, content=BODY, headers=FORM | {"User-Agent": "", "Origin": "https://evil.example"}
    )

    assert response.status_code == 200
    assert standing(app) == [ENDED, ACTIVE]


def test_a_mail_provider_is_never_counted_out(web: TestClient, path: str) -> None:
    answers = {web.post(path, content=BODY, headers=FORM).status_code for _ in range(150)}

    assert answers == {200}


def test_the_link_outlives_its_key(app: App, web: TestClient, path: str) -> None:
    with app.transaction() as session:
        for _ in range(3):
            keys.rotate(session, KeyPurpose.LINKS, now=NOON)

    assert web.post(path, content=BODY, headers=FORM).status_code == 200
    assert standing(app) == [ENDED, ACTIVE]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "damage", [lambda p: p[:-1] + ("A" if p[-1] != "A" else "B"), lambda p: p[:-9], lambda p: "/u/x"]
)
def test_a_forged_link_shows_a_friendly_page_and_changes_nothing(
    app: App, web: TestClient, path: str, method: str, damage: object
) -> None:
    assert callable(damage)

    response = web.request(method, damage(path), content=BODY if method == "POST" else None, headers=FORM)

    assert response.status_code == 404
    assert "This link does not work" in response.text
    assert standing(app) == [ACTIVE, ACTIVE]


def test_the_button_of_the_page_leaves_this_newsletter(app: App, web: TestClient, path: str) -> None:
    page = web.get(path)
    response = web.post(path, data={"leave": "this"})

    assert 'name="leave" value="this"' in page.text
    assert "a…@example.com" in page.text
    assert "ada@example.com" not in page.text
    assert "You are unsubscribed" in response.text
    assert standing(app) == [ENDED, ACTIVE]


def test_the_other_button_leaves_everything(app: App, web: TestClient, path: str) -> None:
    web.post(path, data={"leave": "all"})

    assert standing(app) == [ENDED, ENDED]


def test_one_click_never_leaves_more_than_its_newsletter(app: App, web: TestClient, path: str) -> None:
    web.post(path, content=BODY + "&leave=all", headers=FORM)

    assert standing(app) == [ENDED, ACTIVE]
