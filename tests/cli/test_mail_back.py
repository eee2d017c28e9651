"""Check what the doctor says about the mail that comes back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any  # JSON

import pytest

from newsletter.cli import mail_back
from newsletter.cli.findings import State
from newsletter.domain.arrivals import ArrivalResult, MailWay
from newsletter.runtime.clock import SystemClock
from newsletter.runtime.settings import Listener
from newsletter.store import Database, arrivals
from tests.cli.conftest import Cli
from tests.clocks import NOON
from tests.services.nameserver import serving
from tests.services.ports import free_port
from tests.services.sink import Sink

DOMAIN = "in.example.com"


def found(cli: Cli, subject: str) -> list[tuple[str, str]]:
    """Return state and text of the doctor's findings about a thing."""
    told: list[dict[str, Any]] = cli("doctor", "--offline", "--json").json
    return [(each["state"], each["text"]) for each in told if each["subject"] == subject]


def test_without_an_inbound_domain_it_is_said_where_bounces_go(cli: Cli) -> None:
    [(state, text)] = found(cli, "return path")

    assert state == "note"
    assert "From address" in text


def test_a_domain_without_a_way_in_is_noticed(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_INBOUND_DOMAIN", DOMAIN)

    without = found(cli, "return path")
    monkeypatch.setenv("NEWSLETTER_RECEIVE_LMTP", "127.0.0.1:2424")

    assert [state for state, _ in without] == ["note"]
    assert found(cli, "return path") == []


@pytest.mark.parametrize(
    ("mail_servers", "state", "text"),
    [
        ({DOMAIN: ["10 mx.example.net."]}, State.OK, "mx.example.net takes"),
        ({DOMAIN: []}, State.NOTE, "no MX record"),
        ({DOMAIN: ["0 ."]}, State.FAULT, "takes no mail"),
        ({}, State.FAULT, "no such domain"),
    ],
)
def test_who_takes_the_mail_is_looked_up(mail_servers: dict[str, list[str]], state: State, text: str) -> None:
    with serving({}, mail_servers=mail_servers) as nameserver:
        finding = mail_back.mail_server(DOMAIN, server=nameserver)

    assert finding.state is state
    assert text in finding.text


def test_name_servers_that_are_silent_are_no_fault_of_the_domain() -> None:
    with serving({}, failing=True) as nameserver:
        assert mail_back.mail_server(DOMAIN, server=nameserver).state is State.NOTE


def test_a_receiver_that_does_not_answer_is_noticed(sink: Sink) -> None:
    states = [
        mail_back.receiver(Listener(MailWay.SMTP, host, port)).state
        for host, port in (("127.0.0.1", sink.port), ("0.0.0.0", sink.port), ("127.0.0.1", free_port()))
    ]

    assert states == [State.OK, State.OK, State.NOTE]


def test_a_mailbox_shows_how_it_fares(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_MAILDIR", str(tmp_path / "mail"))

    states = [found(cli, "maildir")[0][0]]
    cli("bounces", "poll")
    states.append(found(cli, "maildir")[0][0])
    for name in ("cur", "new"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    cli("bounces", "poll")
    states.append(found(cli, "maildir")[0][0])

    assert states == ["note", "fault", "ok"]


def test_what_came_in_and_was_not_understood_is_counted(cli: Cli, sqlite_url: str) -> None:
    now = SystemClock().now()
    database = Database(sqlite_url)
    with database.transaction() as session:
        for number in range(4):
            arrivals.keep(session, way=MailWay.LMTP, raw=b"%d" % number, now=now)
        first, second, third, _ = arrivals.claim(session, now=now, limit=10)
        arrivals.failed(session, first, error="ValueError", now=now)
        arrivals.done(session, second, kind="other", result=ArrivalResult.PERSON, now=now)
        arrivals.done(session, third, kind="bounce", result=ArrivalResult.RECORDED, now=now)
    database.dispose()

    assert found(cli, "arrivals") == [
        ("fault", "1 of the last 30 days could not be read"),
        ("ok", "1 of the last 30 days are for a person to look at"),
    ]


def test_what_waits_for_long_is_a_fault(cli: Cli, sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.transaction() as session:
        arrivals.keep(session, way=MailWay.LMTP, raw=b"1", now=NOON - timedelta(days=400))
    database.dispose()

    [(state, text)] = found(cli, "arrivals")

    assert (state, "waits since" in text) == ("fault", True)
