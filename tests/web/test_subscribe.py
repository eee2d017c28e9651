"""Check the public signup form: what it shows, whom it trusts, and that it tells nothing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from newsletter.domain.consent import ConsentKind
from newsletter.store import consent, notices, subscribers, subscriptions
from newsletter.wiring import App
from tests.builders import add_newsletter, add_reader, add_topic
from tests.clocks import FixedClock
from tests.web.conftest import WEBSITE

FROM_WEBSITE = {"Origin": WEBSITE}
HUMAN = timedelta(seconds=5)


@pytest.fixture(autouse=True)
def daily(app: App) -> int:
    """Add the daily with two topics."""
    with app.transaction() as session:
        newsletter = add_newsletter(session)
        add_topic(session, newsletter, "sport", number=0)
        add_topic(session, newsletter, "culture", number=1)
        return newsletter.id


def token_in(page: str) -> str:
    """Return the hidden field that says when the form was shown."""
    found = re.search(r'name="form" value="([^"]+)"', page)
    assert found
    return found[1]


def wish(**over: str) -> dict[str, str]:
    """Return a filled form of the website."""
    return {"address": "ada@example.com", "newsletter": "daily"} | over


def waiting(app: App) -> int:
    """Count the mails that wait."""
    with app.reading() as session:
        return notices.waiting(session)


def test_our_own_form_signs_up(app: App, web: TestClient, clock: FixedClock, daily: int) -> None:
    page = web.get("/subscribe/daily?article_url=https://post.example.com/ferry")
    clock.advance(HUMAN)

    response = web.post(
        "/subscribe",
        data=wish(
            form=token_in(page.text),
            name="Ada",
            topic="sport",
            article_url="https://post.example.com/ferry?utm_medium=mail",
        ),
    )

    assert response.status_code == 200
    assert "Check your inbox" in response.text
    assert "https://post.example.com/ferry" in page.text
    with app.reading() as session:
        (reader,) = subscribers.search(session)
        subscription = subscriptions.get(session, reader.id, daily)
        assert subscription is not None
        assert (subscription.topics, subscription.signup_article) == (1, "https://post.example.com/ferry")
        (event,) = consent.of_subscriber(session, reader.id)
        assert event.kind is ConsentKind.REQUESTED
        assert event.evidence["client_ip"] == "192.0.2.7"
        assert "Subscribe" in event.evidence["form_text"]


def test_a_form_on_the_publishers_site_signs_up(app: App, web: TestClient) -> None:
    response = web.post("/subscribe", data=wish(form_text="Get the daily."), headers=FROM_WEBSITE)

    assert "Check your inbox" in response.text
    assert waiting(app) == 1


@pytest.mark.parametrize("origin", ["null", "https://evil.example", ""])
def test_any_other_form_needs_one_more_press_of_the_button(
    app: App, web: TestClient, clock: FixedClock, origin: str
) -> None:
    first = web.post("/subscribe", data=wish(name="Ada", language="en"), headers={"Origin": origin})
    assert "One more step" in first.text
    assert 'value="ada@example.com"' in first.text
    assert waiting(app) == 0

    clock.advance(HUMAN)
    web.post("/subscribe", data=wish(form=token_in(first.text)), headers={"Origin": origin})

    assert waiting(app) == 1


@pytest.mark.parametrize("pause", [timedelta(seconds=1), timedelta(hours=25)])
def test_a_form_filled_in_too_fast_or_too_late_is_shown_again(
    app: App, web: TestClient, clock: FixedClock, pause: timedelta
) -> None:
    token = token_in(web.get("/subscribe/daily").text)
    clock.advance(pause)

    response = web.post("/subscribe", data=wish(form=token))

    assert "One more step" in response.text
    assert waiting(app) == 0


def test_the_trap_catches_programs_without_telling_them(app: App, web: TestClient) -> None:
    real = web.post("/subscribe", data=wish(), headers=FROM_WEBSITE)
    trapped = web.post("/subscribe", data=wish(fax="1"), headers=FROM_WEBSITE)

    assert same_page(real.text, trapped.text)
    assert waiting(app) == 1


def same_page(one: str, other: str) -> bool:
    """Compare two pages without what differs between any two."""
    return re.sub(r'nonce="[^"]+"', "", one) == re.sub(r'nonce="[^"]+"', "", other)


def test_the_page_is_the_same_for_known_and_unknown_addresses(app: App, web: TestClient, daily: int) -> None:
    unknown = web.post("/subscribe", data=wish(), headers=FROM_WEBSITE)
    with app.transaction() as session:
        (reader,) = subscribers.search(session)
        subscriptions.activate(session, reader.id, [daily], now=app.clock.now())

    known = web.post("/subscribe", data=wish(), headers=FROM_WEBSITE)

    assert unknown.status_code == known.status_code
    assert same_page(unknown.text, known.text)
    assert waiting(app) == 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("address", "ada", "Please check the email address"),
        ("name", "http://spam.example", "Please give only your name"),
        ("topic", "chess", "Please check what you have filled in"),
    ],
)
def test_a_slip_shows_the_form_again_with_what_was_typed(
    app: App, web: TestClient, field: str, value: str, said: str
) -> None:
    response = web.post("/subscribe", data=wish(**{field: value}), headers=FROM_WEBSITE)

    assert response.status_code == 422
    assert said in response.text
    assert field == "topic" or f'value="{value}"' in response.text
    assert waiting(app) == 0


def test_what_was_typed_is_escaped(web: TestClient) -> None:
    response = web.post(
        "/subscribe", data=wish(address='"><script>alert(1)</script>@x'), headers=FROM_WEBSITE
    )

    assert "<script>" not in response.text


@pytest.mark.parametrize("charset", ["unicode_escape", "punycode", "undefined", "utf-16"])
@pytest.mark.parametrize("parameter", ["charset={}", 'Charset="{}"', "charset*=utf-8''{}"])
def test_a_form_in_a_character_set_of_no_browser_is_refused(
    web: TestClient, charset: str, parameter: str
) -> None:
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    body = part.format("newsletter", "daily") + part.format("address", r"\ud800@example.com") + "--b--\r\n"
    kind = f"multipart/form-data; boundary=b; {parameter.format(charset)}"

    response = web.post("/subscribe", content=body, headers={"Content-Type": kind})

    assert response.status_code == 400


def test_a_hidden_address_that_cannot_be_used_stops_nobody(app: App, web: TestClient) -> None:
    web.post("/subscribe", data=wish(article_url="javascript:alert(1)"), headers=FROM_WEBSITE)

    assert waiting(app) == 1


def test_one_client_signs_up_five_times_a_minute_at_most(app: App, web: TestClient) -> None:
    answers = [
        web.post("/subscribe", data=wish(address=f"reader{n}@example.com"), headers=FROM_WEBSITE)
        for n in range(6)
    ]

    assert [response.status_code for response in answers] == [200] * 5 + [429]
    assert "too fast" in answers[-1].text
    assert waiting(app) == 5


def test_an_unknown_newsletter_is_a_page_that_does_not_exist(web: TestClient) -> None:
    assert web.get("/subscribe/unheard-of").status_code == 404
    assert web.post("/subscribe", data=wish(newsletter="unheard-of")).status_code == 404


def test_a_form_that_names_no_newsletter_is_refused(web: TestClient) -> None:
    assert web.post("/subscribe", data={"address": "ada@example.com"}).status_code == 422


def test_the_signup_goes_through_when_redis_is_down(app: App, web: TestClient) -> None:
    # The application of these tests has a broker that nobody answers for.
    assert not app.bell.ping()

    assert web.post("/subscribe", data=wish(), headers=FROM_WEBSITE).status_code == 200
    assert waiting(app) == 1


def test_several_newsletters_are_signed_up_for_at_once(app: App, web: TestClient) -> None:
    with app.transaction() as session:
        weekly = add_newsletter(session, slug="weekly", name="The Weekly")
        add_reader(session, weekly, "bob@example.com")

    web.post(
        "/subscribe",
        content="address=ada@example.com&newsletter=daily&newsletter=weekly",
        headers=FROM_WEBSITE | {"Content-Type": "application/x-www-form-urlencoded"},
    )

    with app.reading() as session:
        (ada,) = subscribers.search(session, "ada@")
        assert len(subscriptions.of_subscriber(session, ada.id)) == 2
    assert waiting(app) == 1
