"""Test the commands about destinations and warm-ups."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.domain import throttling
from newsletter.domain.outcomes import SmtpReply
from newsletter.runtime.clock import SystemClock
from newsletter.store import Database, destinations, subscribers
from tests.cli.conftest import Cli
from tests.services import nameserver

FAULT = SmtpReply.parse(550, "5.7.26 <ada@example.com> is not authenticated")
SLOW = SmtpReply.parse(421, "RP-001 exceeded the rate limit")
HOUR = timedelta(hours=1)


@pytest.fixture
def hits(cli: Cli, sqlite_url: str) -> None:
    """Let Google refuse for a fault of ours, and Outlook throttle; some readers are there."""
    database, now = Database(sqlite_url), SystemClock().now()
    with database.transaction() as session:
        subscribers.domain_ids(session, ["gmail.com", "firm.example"])
        for relay, group, reply in (("", "google", FAULT), ("relay.example:587", "outlook", SLOW)):
            said = throttling.read(reply, group)
            destinations.hit(session, relay, group, said, reply, observed=600, now=now)
    database.dispose()


def test_destinations_in_trouble_are_listed_with_what_must_be_mended(cli: Cli, hits: None) -> None:
    google, outlook = cli("destinations", "list", "--json").json

    assert (google["destination"], google["relay"]) == ("google", "all")
    assert google["state"].startswith("suspended until ")
    assert google["fault"] == "550 5.7.26 <[address]> is not authenticated"
    assert (outlook["destination"], outlook["relay"]) == ("outlook", "relay.example:587")
    assert outlook["rate_per_minute"] == 1
    found = cli("destinations", "list", "--search", "OUTLOOK", "--json").json
    assert [each["destination"] for each in found] == ["outlook"]


def test_without_trouble_the_list_is_empty_and_says_so(cli: Cli) -> None:
    assert cli("destinations", "list", "--json").json == []
    assert "none is limited" in cli("destinations", "list").err
    assert "holds 'x'" in cli("destinations", "list", "--search", "x").err


def test_a_destination_is_shown_by_its_name_or_by_a_readers_domain(cli: Cli, hits: None) -> None:
    by_domain = cli("destinations", "show", "gmail.com", "--json").json
    plain = cli("destinations", "show", "google")

    assert by_domain["destination"] == "google"
    assert by_domain["domains"] == ["gmail.com"]
    assert by_domain["relays"][0]["last_reply"].startswith("550 5.7.26")
    assert "suspended until" in plain.out
    assert "never throttled" in cli("destinations", "show", "firm.example").err


def test_a_suspended_destination_is_resumed(cli: Cli, hits: None) -> None:
    slowly = cli("destinations", "resume", "gmail.com")
    state = cli("destinations", "show", "google", "--json").json["relays"][0]
    at_once = cli("destinations", "resume", "google", "--forget")

    assert "beginning with 1 message a minute" in slowly.err
    assert (state["state"], state["fault"]) == ("slowed", None)
    assert "goes on within two seconds." in at_once.err
    assert cli("destinations", "show", "google", "--json").json["relays"][0]["state"] == "free"


def test_what_is_not_known_is_refused_with_what_to_do(cli: Cli) -> None:
    said = cli("destinations", "resume", "nowhere.example")

    assert said.code == 1
    assert "newsletter destinations list" in said.err


@pytest.mark.parametrize(
    ("rate", "per_minute"), [("600/min", 600), ("10/s", 600), ("3000/h", 50), ("30", 30), ("1.5/second", 90)]
)
def test_a_destination_is_limited_and_freed(cli: Cli, hits: None, rate: str, per_minute: float) -> None:
    limited = cli("destinations", "limit", "firm.example", "--rate", rate)
    found = cli("destinations", "list", "--search", "firm", "--json").json
    freed = cli("destinations", "limit", "firm.example", "--rate", "none")

    assert f"At most {per_minute:g} messages a minute go to firm.example" in limited.err
    assert [(each["limit_per_minute"], each["state"]) for each in found] == [(per_minute, "limited")]
    assert freed.code == 0
    assert cli("destinations", "show", "firm.example", "--json").json["relays"][0]["state"] == "free"


@pytest.mark.parametrize("rate", ["fast", "0/min", "-1/min", "5/day", "/min", "nan"])
def test_what_is_no_rate_is_refused(cli: Cli, rate: str) -> None:
    said = cli("destinations", "limit", "google", f"--rate={rate}")

    assert said.code == 1
    assert "600/min" in said.err


def test_a_limit_on_nobody_is_told(cli: Cli) -> None:
    assert "No reader's domain" in cli("destinations", "limit", "x.example", "--rate", "5/min").err


def test_domains_are_resolved(cli: Cli, hits: None) -> None:
    servers = {"firm.example": ["10 aspmx.l.google.com."]}
    with nameserver.serving({}, mail_servers=servers) as server:
        said = cli("destinations", "resolve", "--nameserver", server, "--json")

    assert said.json == {"asked": 2, "found": 1}
    assert "asked for again in a day" in said.err
    shown = cli("destinations", "show", "firm.example", "--json").json
    assert sorted(shown["domains"]) == ["firm.example", "gmail.com"]


def test_the_doctor_tells_of_destinations_that_are_stopped(cli: Cli, hits: None, tmp_path: Path) -> None:
    said = cli("doctor", "--offline", "--json")

    findings = {each["subject"]: each for each in said.json}
    assert findings["destination google"]["state"] == "fault"
    assert "5.7.26" in findings["destination google"]["text"]
    assert "newsletter destinations resume google" in findings["destination google"]["hint"]
    assert findings["destination outlook"]["state"] == "note"


def test_a_warmup_is_begun_shown_and_ended(cli: Cli, daily: str) -> None:
    begun = cli("warmup", "start", "Post.Example.com")
    shown = cli("warmup", "show", "post.example.com", "--json").json
    listed = cli("warmup", "show", "--json").json
    again = cli("warmup", "start", "post.example.com")
    ended = cli("warmup", "stop", "post.example.com")

    assert "At most 200 messages" in begun.err
    assert "No newsletter" not in begun.err
    assert (shown["ceiling"], shown["used_today"], shown["day"]) == (200, 0, "1 of 42")
    assert [line["why"] for line in shown["history"]] == ["begun"]
    assert [each["domain"] for each in listed] == ["post.example.com"]
    assert again.code == 1
    assert "no ceiling" in ended.err
    assert cli("warmup", "show", "--json").json == []


def test_a_warmup_that_is_not_there_is_told_with_what_to_do(cli: Cli) -> None:
    assert "newsletter warmup start DOMAIN" in cli("warmup", "show").err
    for command in ("show", "stop"):
        said = cli("warmup", command, "post.example.com")
        assert said.code == 1
        assert "newsletter warmup start post.example.com" in said.err


def test_a_warmup_of_nobodys_domain_is_told(cli: Cli) -> None:
    assert "No newsletter sends from this domain" in cli("warmup", "start", "post.example.com").err
    assert cli("warmup", "start", "nonsense").code == 1
