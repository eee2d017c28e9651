"""Check the commands about suppressions, and the replay."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from newsletter.domain.suppressions import Pending
from newsletter.feedback.suppress import suppress
from newsletter.runtime.clock import SystemClock
from newsletter.store import Database, alerts, arrivals, suppressions
from newsletter.store.tables import Suppression
from tests.cli.conftest import Cli
from tests.feedback.post import ADA, BOB, DOMAIN, Post, bounce


@pytest.fixture
def post(sqlite_url: str) -> Iterator[Post]:
    """Mail two readers; what comes back names one by a token, and one by the address alone."""
    database = Database(sqlite_url)
    post = Post.begin(database)
    now = SystemClock().now()  # the commands read the real clock
    post.clock.advance(now - post.clock.now())
    post.mailings.clear()
    post.mail(at=now)
    post.come(bounce(), recipient=post.token("b"))
    post.come(bounce(BOB))
    suppress(database.transaction, now=now, ask_dns=lambda _domain: None)
    yield post
    database.dispose()


@pytest.mark.usefixtures("post")
def test_suppressions_are_listed_and_searched(cli: Cli) -> None:
    def listed(*options: str) -> list[str]:
        return sorted(row["address"] for row in cli("suppressions", "list", *options, "--json").json)

    assert listed() == [ADA, BOB]
    assert listed("--pending") == [BOB]
    assert listed("--search", "ADA") == [ADA]
    assert listed("--reason", "complaint") == []
    assert "newsletter suppressions add" in cli("suppressions", "list", "--reason", "complaint").err


@pytest.mark.usefixtures("post")
def test_why_shows_what_stands_and_what_it_rests_on(cli: Cli) -> None:
    told = cli("suppressions", "why", ADA, "--json").json

    [suppression], [outcome] = told["suppressions"], told["outcomes"]
    assert (suppression["state"], suppression["reason"], suppression["outcome_ids"]) == (
        "in force",
        "hard_bounce",
        [outcome["id"]],
    )
    assert (outcome["category"], outcome["identified_by"]) == ("invalid_recipient", "recipient")
    assert (told["decision"], told["score"]) == ("suppress", 1.0)
    assert cli("suppressions", "why", BOB, "--json").json["suppressions"][0]["state"] == "pending"
    assert "hard_bounce" in cli("suppressions", "why", ADA).out


def test_of_a_stranger_nothing_is_known(cli: Cli) -> None:
    told = cli("suppressions", "why", "eve@example.org", "--json").json

    assert (told["subscriber_id"], told["suppressions"], told["outcomes"]) == (None, [], [])


@pytest.mark.usefixtures("post")
def test_what_is_pending_is_confirmed_and_everything_can_be_lifted(cli: Cli) -> None:
    assert cli("suppressions", "add", BOB, "--note", "asked by telephone").code == 0
    assert cli("suppressions", "list", "--pending", "--json").json == []
    assert "already" in cli("suppressions", "add", BOB).err

    for address in (ADA, BOB):
        assert cli("suppressions", "remove", address).code == 0

    assert cli("suppressions", "list", "--json").json == []
    assert cli("suppressions", "remove", ADA).code == 1
    told = cli("suppressions", "why", BOB, "--json").json["suppressions"][0]
    assert (told["state"], told["evidence"]) == ("over", "asked by telephone")


@pytest.mark.usefixtures("post")
def test_one_newsletter_alone_is_kept_from_an_address(cli: Cli) -> None:
    assert cli("suppressions", "add", "eve@example.org", "--newsletter", "daily").code == 0

    [row] = cli("suppressions", "list", "--search", "eve", "--json").json
    assert (row["scope"], row["reason"]) == ("daily", "manual")
    assert cli("suppressions", "remove", "eve@example.org", "--newsletter", "daily").code == 0
    assert cli("suppressions", "add", "eve@example.org", "--newsletter", "weekly").code == 1


@pytest.mark.usefixtures("post")
def test_an_erased_address_is_not_shown_and_can_be_lifted(cli: Cli) -> None:
    assert cli("subscribers", "erase", ADA, "--yes").code == 0

    assert cli("subscribers", "erase", ADA, "--yes").code == 1
    assert [row["address"] for row in cli("suppressions", "list", "--search", ADA, "--json").json] == [
        "(erased)"
    ]
    assert cli("suppressions", "remove", ADA).code == 0


def test_a_replay_is_shown_before_it_is_done(cli: Cli, post: Post) -> None:
    assert "change nothing" in cli("bounces", "replay").err
    with post.database.transaction() as session:
        session.execute(delete(Suppression))

    shown = cli("bounces", "replay", "--json").json
    assert sorted((row["address"], row["step"]) for row in shown) == [(ADA, "suppress"), (BOB, "hold")]
    assert cli("suppressions", "list", "--json").json == []

    assert "suppress 1" in cli("bounces", "replay", "--apply").err
    with post.database.reading() as session:
        held = suppressions.listing(session, now=post.clock.now(), is_pending=True, limit=5)
    assert [row.pending for row in held] == [Pending.DOUBTFUL]
    assert "change nothing" in cli("bounces", "replay").err


def test_what_came_back_is_read_again(cli: Cli, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_INBOUND_DOMAIN", DOMAIN)
    first, second = (row["id"] for row in cli("bounces", "list", "--json").json)
    with post.database.transaction() as session:
        arrivals.again(session, [second])
        arrivals.failed(session, second, error="ValueError", now=post.clock.now())

    assert cli("bounces", "reread").code == 1
    assert "1 read again" in cli("bounces", "reread", "--failed").err
    assert "1 read again" in cli("bounces", "reread", str(first)).err

    results = {row["id"]: row["result"] for row in cli("bounces", "list", "--json").json}
    assert set(results.values()) == {"known"}
    assert len(post.outcomes(ADA)) == 1


def test_the_doctor_tells_what_failed_for_reasons_of_ours(cli: Cli, sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.transaction() as session:
        for _ in range(2):
            alerts.note(session, "authentication", "issue 4", "3 messages failed", now=SystemClock().now())
    database.dispose()

    found = cli("doctor", "--offline", "--json").json

    [told] = [each for each in found if each["subject"] == "authentication of issue 4"]
    assert told["state"] == "note"
    assert "2 times" in told["text"]
