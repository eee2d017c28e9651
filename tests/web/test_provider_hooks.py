"""Check the way in of providers' events: what is proven is kept as it came, once; the rest gets no explanation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import redis
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import select
from structlog.testing import capture_logs

from newsletter.broker.bell import Bell
from newsletter.domain.arrivals import ArrivalStatus
from newsletter.domain.errors import FetchError, InvalidInput
from newsletter.domain.relays import RelayKind
from newsletter.providers.base import Call, ProviderEvent
from newsletter.runtime.settings import Settings
from newsletter.store.tables import Arrival
from newsletter.web.app import create_app
from newsletter.wiring import App
from tests.clocks import NOON, FixedClock
from tests.feeds.http_server import Website
from tests.providers import (
    login_contract,
    sns,
    test_brevo,
    test_mailgun,
    test_mailjet,
    test_postmark,
    test_resend,
    test_sendgrid,
    test_ses,
    test_sparkpost,
)
from tests.providers.contract import EventFeedContract, load
from tests.services.ports import free_port

# Who calls, and two secrets of each.
PROVIDERS: dict[RelayKind, tuple[EventFeedContract, list[str]]] = {
    RelayKind.SES: (test_ses.TestSes(), [sns.TOPIC, sns.OTHER_TOPIC]),
    RelayKind.SENDGRID: (test_sendgrid.TestSendGrid(), list(test_sendgrid.KEYS)),
    RelayKind.MAILGUN: (test_mailgun.TestMailgun(), test_mailgun.KEYS),
    RelayKind.POSTMARK: (test_postmark.TestPostmark(), login_contract.LOGINS),
    RelayKind.SPARKPOST: (test_sparkpost.TestSparkPost(), login_contract.LOGINS),
    RelayKind.BREVO: (test_brevo.TestBrevo(), login_contract.LOGINS),
    RelayKind.MAILJET: (test_mailjet.TestMailjet(), login_contract.LOGINS),
    RelayKind.RESEND: (test_resend.TestResend(), test_resend.SECRETS),
}


class AppNearAmazon(App):
    """The service in a world where Amazon's host is a server of the test's; the rest of the way is the real one."""

    amazon: Website

    def ask_provider(self, url: str) -> bytes:
        """Ask the test's server for the same path."""
        return super().ask_provider(url.replace(f"https://{sns.HOST}", self.amazon.url("")))


@pytest.fixture
def amazon() -> Iterator[Website]:
    """Serve the certificate that SNS signs with."""
    website = Website()
    website.put(urlsplit(sns.CERTIFICATE_URL).path, sns.certificate())
    yield website
    website.close()


def near(amazon: Website, database_url: str, tmp_path: Path, clock: FixedClock) -> App:
    """Set all providers up, each with two secrets."""
    settings = _settings(database_url, tmp_path, providers=_secrets(), fetch_allow=frozenset({amazon.pair}))
    built = AppNearAmazon(settings, clock=clock)
    built.amazon = amazon
    return built


@pytest.fixture
def app(amazon: Website, sqlite_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[App]:
    """Set all providers up on SQLite."""
    built = near(amazon, sqlite_url, tmp_path, clock)
    yield built
    built.database.dispose()


@pytest.fixture
def web(app: App) -> Iterator[TestClient]:
    """Talk to it as providers do."""
    with TestClient(
        create_app(app), base_url="https://news.example.com", client=("192.0.2.7", 50000)
    ) as client:
        yield client


def _settings(database_url: str, tmp_path: Path, **changes: Any) -> Settings:
    return Settings(
        data_dir=tmp_path / "data",
        database_url=database_url,
        redis_url=f"redis://127.0.0.1:{free_port()}/0",
        public_url="https://news.example.com",
        **changes,
    )


def _secrets() -> dict[RelayKind, tuple[SecretStr, ...]]:
    return {kind: tuple(SecretStr(text) for text in secrets) for kind, (_, secrets) in PROVIDERS.items()}


def good(kind: RelayKind, *, secret: int = 0) -> Call:
    """Return a call as the provider makes it."""
    caller, secrets = PROVIDERS[kind]
    return caller.call(load(kind)["no mailbox"], secrets[secret])


def post(web: TestClient, kind: str, call: Call, **headers: str) -> httpx2.Response:
    """Send a call."""
    return web.post(f"/hooks/providers/{kind}", content=call.body, headers=dict(call.headers) | headers)


def kept(app: App) -> list[Arrival]:
    """Return what was kept."""
    with app.reading() as session:
        found = list(session.scalars(select(Arrival).order_by(Arrival.id)))
        session.expunge_all()
        return found


@pytest.mark.parametrize("kind", PROVIDERS)
def test_what_a_provider_proves_is_kept_as_it_came(app: App, web: TestClient, kind: RelayKind) -> None:
    call = good(kind)

    answer = post(web, kind, call)

    assert (answer.status_code, answer.json()) == (200, {"accepted": True})
    [arrival] = kept(app)
    assert (arrival.way, arrival.body, arrival.status) == (kind, call.body, ArrivalStatus.WAITING)
    assert (arrival.received_at, arrival.peer) == (NOON, "192.0.2.7")
    [event] = app.event_feeds[kind].events(arrival.body, arrival.headers)
    assert isinstance(event, ProviderEvent)
    assert event.reason == "userunknown"


def test_a_repetition_is_answered_alike_and_kept_once(
    amazon: Website, database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    app = near(amazon, database_url, tmp_path, clock)

    with TestClient(create_app(app)) as web:
        answers = [post(web, kind, good(kind)) for kind in PROVIDERS for _ in range(2)]

    assert {(answer.status_code, answer.text) for answer in answers} == {(200, '{"accepted":true}')}
    assert [arrival.way for arrival in kept(app)] == list(PROVIDERS)
    app.database.dispose()


@pytest.mark.parametrize("kind", PROVIDERS)
def test_while_a_secret_is_replaced_both_are_good(app: App, web: TestClient, kind: RelayKind) -> None:
    answers = [post(web, kind, good(kind, secret=number)) for number in (0, 1)]

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize("body", [b"{}", b"", b"not json", b"[" * 50_000])
def test_what_proves_nothing_is_refused_without_a_word(app: App, web: TestClient, body: bytes) -> None:
    with capture_logs() as lines:
        answers = [post(web, kind, Call({}, body)) for kind in PROVIDERS]

    refusal = {"reason": "refused", "message": "The call is not accepted.", "hint": ""}
    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [(401, refusal)] * 8
    assert kept(app) == []
    assert [line["provider"] for line in lines if line["event"] == "provider_call_refused"] == list(PROVIDERS)


def test_a_new_call_rings_for_a_worker_and_a_repetition_does_not(
    amazon: Website, sqlite_url: str, tmp_path: Path, clock: FixedClock, redis_url: str
) -> None:
    app = near(amazon, sqlite_url, tmp_path, clock)
    app.bell = Bell(redis_url)

    with TestClient(create_app(app)) as web:
        for _ in range(2):
            post(web, "postmark", good(RelayKind.POSTMARK))

    [ring] = redis.Redis.from_url(redis_url).lrange("nl:maint", 0, -1)
    assert json.loads(ring)["headers"]["task"] == "newsletter.feedback"
    app.database.dispose()


def test_one_provider_cannot_speak_for_another(app: App, web: TestClient) -> None:
    for kind in PROVIDERS:
        for other in PROVIDERS:
            if kind != other and not _log_in_alike(kind, other):
                assert post(web, other, good(kind)).status_code in {401, 429}

    assert kept(app) == []


def test_who_goes_on_guessing_is_slowed_down(web: TestClient) -> None:
    statuses = [post(web, "mailgun", Call({}, b"{}")).status_code for _ in range(31)]

    assert statuses == [401] * 30 + [429]


@pytest.mark.parametrize("name", ["smtp", "nobody", "SES", "ses/x", "", "..%2fses"])
def test_there_is_nobody_else(web: TestClient, name: str) -> None:
    assert post(web, name, Call({}, b"{}")).status_code == 404


def test_nothing_happens_on_a_get(app: App, web: TestClient) -> None:
    assert web.get("/hooks/providers/ses").status_code == 405


def test_a_provider_that_is_not_set_up_is_not_there_and_the_operator_is_told(
    sqlite_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    app = App(_settings(sqlite_url, tmp_path), clock=clock)

    with TestClient(create_app(app)) as web, capture_logs() as lines:
        answer = post(web, "mailgun", good(RelayKind.MAILGUN))

    assert answer.status_code == 404
    [line] = [line for line in lines if line["event"] == "provider_not_set_up"]
    assert (line["provider"], line["hint"]) == ("mailgun", "See docs/operations/providers.md.")
    app.database.dispose()


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_secret_that_cannot_work_stops_the_start(
    sqlite_url: str, tmp_path: Path, clock: FixedClock, kind: RelayKind
) -> None:
    app = App(_settings(sqlite_url, tmp_path, providers={kind: (SecretStr("secret!"),)}), clock=clock)

    with pytest.raises(InvalidInput, match=f"NEWSLETTER_PROVIDERS cannot be used: {kind}: ") as caught:
        create_app(app)

    assert "secret!" not in str(caught.value)


@pytest.mark.parametrize(
    "content_type", ["text/plain; charset=UTF-8", "application/x-www-form-urlencoded", "x"]
)
def test_what_a_body_is_called_does_not_matter(app: App, web: TestClient, content_type: str) -> None:
    answer = post(web, "ses", good(RelayKind.SES), **{"content-type": content_type})

    assert answer.status_code == 200
    assert kept(app)[0].headers["content-type"] == content_type


def test_what_proved_a_call_is_not_kept(app: App, web: TestClient) -> None:
    for kind in PROVIDERS:
        post(web, kind, good(kind), **{"user-agent": "u" * 400, "cookie": "c=1"})

    for arrival in kept(app):
        assert set(arrival.headers) <= {"content-type", "svix-id", "user-agent"}
        assert arrival.headers["user-agent"] == "u" * 300


def test_a_large_batch_is_kept_whole_within_a_second(app: App, web: TestClient) -> None:
    caller, secrets = PROVIDERS[RelayKind.SENDGRID]
    call = caller.call([load("sendgrid")["no mailbox"]] * 9_000, secrets[0])

    start = time.perf_counter()
    answer = post(web, "sendgrid", call)
    seconds = time.perf_counter() - start

    assert answer.status_code == 200
    assert seconds < 1
    [arrival] = kept(app)
    assert 4_000_000 < arrival.size_bytes == len(call.body) <= 5 * 1024 * 1024


def test_a_body_that_is_too_large_is_refused_unread(app: App, web: TestClient) -> None:
    call = Call(login_contract.basic(login_contract.LOGINS[0]), b" " * (5 * 1024 * 1024 + 1))

    assert post(web, "postmark", call).status_code == 413
    assert kept(app) == []


def test_another_body_under_a_token_of_mailgun_that_was_seen_changes_nothing(
    app: App, web: TestClient
) -> None:
    caller, _ = PROVIDERS[RelayKind.MAILGUN]
    call = good(RelayKind.MAILGUN)

    post(web, "mailgun", call)
    post(web, "mailgun", caller.tampered(call))

    [arrival] = kept(app)
    assert arrival.body == call.body


def test_an_old_call_is_refused(app: App, web: TestClient) -> None:
    caller, secrets = PROVIDERS[RelayKind.MAILGUN]
    call = caller.call(load("mailgun")["no mailbox"], secrets[0], at=NOON - timedelta(hours=26))

    assert post(web, "mailgun", call).status_code == 401


def test_when_a_certificate_cannot_be_had_the_call_shall_come_again(app: App, web: TestClient) -> None:
    message = sns.notification({"eventType": "Open"}, SigningCertURL=sns.CERTIFICATE_URL.replace("0", "1"))

    answer = post(web, "ses", Call({}, sns.signed(message)))

    assert answer.status_code == 503
    assert kept(app) == []


def test_a_subscription_is_kept_and_nothing_is_asked_for_meanwhile(
    app: App, web: TestClient, amazon: Website
) -> None:
    answer = post(web, "ses", Call({}, sns.signed(sns.confirmation())))

    assert answer.status_code == 200
    assert len(kept(app)) == 1
    assert [path for path, _ in amazon.requests] == [urlsplit(sns.CERTIFICATE_URL).path]


def test_a_certificate_that_is_somewhere_else_is_not_followed(
    app: App, web: TestClient, amazon: Website
) -> None:
    amazon.put("/elsewhere.pem", sns.certificate())
    amazon.put(urlsplit(sns.CERTIFICATE_URL).path, status=302, Location="/elsewhere.pem")

    assert post(web, "ses", good(RelayKind.SES)).status_code == 503
    assert kept(app) == []


@pytest.mark.parametrize(
    ("status", "headers", "is_good"),
    [(200, {}, True), (404, {}, False), (301, {"Location": "/elsewhere?a=1"}, False), (204, {}, False)],
)
def test_a_providers_server_is_asked_plainly(
    sqlite_url: str, tmp_path: Path, status: int, headers: dict[str, str], *, is_good: bool
) -> None:
    website = Website()
    website.put("/elsewhere?a=1", b"trap")
    url = website.put("/?Action=x&TopicArn=arn%3Aaws%3Asns", b"found", status=status, **headers)
    app = App(_settings(sqlite_url, tmp_path, fetch_allow=frozenset({website.pair})))

    try:
        found = app.ask_provider(url)
    except FetchError:
        found = b""
    finally:
        website.close()

    assert found == (b"found" if is_good else b"")


def test_a_private_address_is_never_asked(sqlite_url: str, tmp_path: Path) -> None:
    website = Website()
    url = website.put("/x.pem", b"found")

    with pytest.raises(FetchError):
        App(_settings(sqlite_url, tmp_path)).ask_provider(url)

    website.close()
    assert website.requests == []


def _log_in_alike(kind: RelayKind, other: RelayKind) -> bool:
    logins = {RelayKind.POSTMARK, RelayKind.SPARKPOST, RelayKind.BREVO, RelayKind.MAILJET}
    return {kind, other} <= logins
