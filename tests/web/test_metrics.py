"""What monitoring reads: from the database, for the networks that may, and nothing of a reader."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from newsletter.digest import newsletters as setup
from newsletter.digest import watch
from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import MessageStatus
from newsletter.runtime.settings import Settings
from newsletter.store import alerts, issues, mailings, messages
from newsletter.web import metrics
from newsletter.web.app import create_app
from newsletter.web.clients import Proxies
from newsletter.wiring import App
from tests.builders import add_newsletter, add_reader
from tests.clocks import NOON

HOUR = timedelta(hours=1)


def read(app: App, *, client: str = "127.0.0.1") -> tuple[int, str]:
    with TestClient(create_app(app), base_url="https://news.example.com", client=(client, 50000)) as web:
        answer = web.get("/metrics")
    return answer.status_code, answer.text


def test_metrics_say_how_things_stand(app: App) -> None:
    with app.transaction() as session:
        daily = add_newsletter(session)
        readers = [add_reader(session, daily, f"{name}@example.com").id for name in ("ada", "bea", "cem")]
        setup.add_schedule(session, daily, cron="0 11 * * *", zone="UTC", now=NOON - 2 * HOUR)
        issue = issues.add(session, daily.id, since=NOON - HOUR, cut_off_at=NOON - HOUR, now=NOON)
        assert issue is not None
        issue.status = IssueStatus.MAILED
        mailing = mailings.start(session, issue, highest=1, now=NOON - HOUR, expires_at=NOON + HOUR)
        mailings.add_batches(session, mailing.id, {0: readers}, due_at=NOON - HOUR)
        messages.append(session, [(mailing.id, readers[0], 5, 250, MessageStatus.SUBMITTED, b"")])
        alerts.note(session, "source_silent", "1", "No news.", now=NOON)
    watch.look(app.transaction, alert_address="", now=NOON)
    app.clock.advance(timedelta(seconds=20))  # type: ignore[attr-defined]  # the clock of tests

    status, text = read(app)

    assert status == 200
    for line in (
        "newsletter_batches_due 1.0",
        "newsletter_oldest_due_batch_seconds 3620.0",
        "newsletter_slot_lag_seconds 3620.0",
        "newsletter_last_beat_seconds 20.0",
        'newsletter_alerts_open{code="issue_missing"} 1.0',
        'newsletter_alerts_open{code="source_silent"} 1.0',
        'newsletter_sources{state="failing"} 0.0',
        'newsletter_mailings_unfinished{status="running"} 1.0',
        'newsletter_messages{issue="1",kind="main",newsletter="daily",status="submitted"} 1.0',
    ):
        assert line in text.splitlines()
    assert "example.com" not in text


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("192.168.7.7", {}, 200),
        ("::ffff:172.16.0.1", {}, 200),
        ("192.0.2.7", {}, 403),
        ("2001:db8::1", {}, 403),
        ("nobody", {}, 403),
        ("127.0.0.1", {"x-forwarded-for": "192.168.1.1"}, 403),  # a proxy that is not trusted
        ("10.0.0.1", {"x-forwarded-for": "192.0.2.7"}, 403),
        ("10.0.0.1", {"x-forwarded-for": "192.168.1.1"}, 200),
    ],
)
def test_metrics_are_for_networks_that_may_know(client: str, headers: dict[str, str], status: int) -> None:
    web = FastAPI()
    web.state.proxies = Proxies(["10.0.0.0/8"])
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = Request({"type": "http", "client": (client, 50000), "headers": raw, "app": web})

    assert metrics.is_allowed(request, Settings().metrics_allow) is (status == 200)


def test_strangers_learn_nothing(app: App) -> None:
    assert read(app, client="192.0.2.7")[0] == 403
