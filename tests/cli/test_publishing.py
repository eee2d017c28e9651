"""Test the commands about newsletters, topics, schedules, sources and issues."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

import pytest

from newsletter.store import Database, newsletters
from tests import builders
from tests.cli.conftest import Cli
from tests.clocks import NOON
from tests.services.sink import Sink


@pytest.fixture
def articles(daily: str, sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with database.transaction() as session:
        newsletter = newsletters.by_slug(session, daily)
        for number, title in enumerate(("Tide barrier opens", "Eels are back", "Night tram wins")):
            builders.add_article(
                session, newsletter, title=title, seen_at=NOON, topics=number and 1 << number - 1
            )
    database.dispose()


@pytest.fixture
def relay(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Sink:
    monkeypatch.setenv("NEWSLETTER_RELAY_HOST", "127.0.0.1")
    monkeypatch.setenv("NEWSLETTER_RELAY_PORT", str(sink.port))
    return sink


def test_a_newsletter_is_added_listed_and_shown(cli: Cli, daily: str) -> None:
    [listed] = cli("newsletters", "list", "--json").json
    shown = cli("newsletters", "show", daily, "--json").json

    assert (listed["slug"], listed["topics"]) == ("daily", ["sport", "science"])
    assert shown["postal_address"] == "The Harbour Post\n1 Quay Street"


def test_a_newsletter_is_edited(cli: Cli, daily: str) -> None:
    edited = cli(
        "newsletters", "edit", daily, "--spread-minutes", "45", "--reply-to", "desk@example.com"
    ).code
    answers = cli("newsletters", "edit", daily, "--reply-to", "", "--json").json
    refused = cli("newsletters", "edit", daily, "--spread-minutes", "1000")

    assert (edited, answers["spread_minutes"], answers["reply_to"]) == (0, 45, None)
    assert answers["postal_address"] == "The Harbour Post\n1 Quay Street"
    assert (refused.code, "0 (at once) to 720 minutes" in refused.err) == (1, True)


def test_a_list_can_be_searched(cli: Cli, daily: str) -> None:
    assert len(cli("newsletters", "list", "--search", "DAIL", "--json").json) == 1
    assert cli("newsletters", "list", "--search", "weekly", "--json").json == []
    assert [t["slug"] for t in cli("topics", "list", daily, "--search", "spo", "--json").json] == ["sport"]


def test_an_empty_list_says_how_to_begin(cli: Cli) -> None:
    said = cli("newsletters", "list")

    assert said.code == 0
    assert "newsletter newsletters add" in said.err


def test_a_schedule_is_added_stopped_and_resumed(cli: Cli, daily: str) -> None:
    added = cli("schedules", "add", daily, "0 7 * * *", "--zone", "Europe/Berlin", "--json").json

    cli("schedules", "stop", str(added["id"]))
    [stopped] = cli("schedules", "list", daily, "--json").json
    cli("schedules", "resume", str(added["id"]))
    [resumed] = cli("schedules", "list", daily, "--json").json

    assert (stopped["is_active"], stopped["next_slot_at"]) == (False, None)
    assert resumed["is_active"]


def test_the_next_slots_are_shown_in_local_time_and_utc(cli: Cli, daily: str) -> None:
    added = cli("schedules", "add", daily, "0 7 * * *", "--zone", "Asia/Kolkata", "--json").json

    shown = cli("schedule", "show", "--next", "10", "--json").json
    edited = cli("schedules", "edit", str(added["id"]), "--cron", "30 7 * * *", "--json").json
    after = cli("schedule", "show", daily, "--next", "1").out
    refused = cli("schedules", "edit", str(added["id"]), "--zone", "Europe/Atlantis")

    assert [(slot["local"][-5:], slot["at"][11:16]) for slot in shown] == [("07:00", "01:30")] * 10
    assert {slot["zone"] for slot in shown} == {"Asia/Kolkata (UTC+5:30)"}
    assert edited["cron"] == "30 7 * * *"
    assert "07:30" in after
    assert (refused.code, "There is no time zone 'Europe/Atlantis'" in refused.err) == (1, True)


def test_an_issue_by_hand_may_have_a_cut_off_ahead_but_not_behind(cli: Cli, daily: str) -> None:
    refused = cli("issues", "plan", daily, "--cut-off", "2020-01-01T07:00")
    unread = cli("issues", "plan", daily, "--cut-off", "soon")

    assert (refused.code, "must lie ahead" in refused.err) == (1, True)
    assert (unread.code, "is no time" in unread.err) == (1, True)


def test_a_bad_cron_expression_is_refused(cli: Cli, daily: str) -> None:
    assert cli("schedules", "add", daily, "every day").code == 1


def test_a_source_that_is_private_is_refused_by_the_fetcher(cli: Cli, daily: str) -> None:
    said = cli("sources", "add", daily, "http://127.0.0.1/feed", "--json")
    [listed] = cli("sources", "list", "--json").json

    assert said.code == 1
    assert said.json["status"] == "failed"
    assert listed["last_error"] == said.json["reason"]


def test_an_issue_goes_from_plan_to_approval(cli: Cli, daily: str, articles: None) -> None:
    planned = cli("issues", "plan", daily, "--json").json

    built = cli("issues", "build", str(planned["id"]), "--json").json
    cli("issues", "hold", str(planned["id"]))
    held = cli("issues", "show", str(planned["id"]), "--json").json
    cli("issues", "approve", str(planned["id"]), "--by", "Ada")
    approved = cli("issues", "show", str(planned["id"]), "--json").json

    assert (built["status"], len(built["stories"])) == ("built", 3)
    assert held["status"] == "held"
    assert (approved["status"], approved["approved_by"]) == ("built", "Ada")


def test_issues_can_be_found_by_the_words_of_their_stories(cli: Cli, daily: str, articles: None) -> None:
    cli("issues", "plan", daily)
    cli("issues", "build", "1")

    assert len(cli("issues", "list", "--search", "eels", "--json").json) == 1
    assert cli("issues", "list", "--search", "zebra", "--json").json == []


def test_an_issue_that_is_not_mailed_has_no_receipt(cli: Cli, daily: str, articles: None) -> None:
    cli("issues", "plan", daily)

    said = cli("issues", "receipt", "1")

    assert said.code == 1
    assert "newsletter issues show 1" in said.err


def test_an_issue_without_articles_cannot_be_sent(cli: Cli, daily: str) -> None:
    cli("issues", "plan", daily)

    said = cli("issues", "send", "1")

    assert said.code == 1
    assert "no sources" in said.err


def test_a_preview_shows_what_a_reader_of_a_topic_would_get(
    cli: Cli, daily: str, articles: None, tmp_path: Path
) -> None:
    page = tmp_path / "preview.html"

    said = cli("issues", "preview", "--newsletter", daily, "--topics", "sport", "--out", page)
    text = cli("issues", "preview", "--newsletter", daily, "--text").out

    assert said.code == 0
    assert "Eels are back" in page.read_text()
    assert "Night tram wins" not in page.read_text()
    assert all(title in text for title in ("Tide barrier opens", "Eels are back", "Night tram wins"))
    assert cli("issues", "list", "--json").json == []


def test_a_test_send_is_marked_and_moves_no_state(cli: Cli, daily: str, articles: None, relay: Sink) -> None:
    said = cli("test-send", "--newsletter", daily, "--to", "me@example.com", "--to", "you@example.com")

    assert said.code == 0, said.err
    subjects = [message_from_bytes(each.message, policy=policy.default)["Subject"] for each in relay.messages]
    assert [each.rcpt_to for each in relay.messages] == ["me@example.com", "you@example.com"]
    assert all(subject.startswith("[Test]") for subject in subjects)
    assert cli("issues", "list", "--json").json == []


def test_a_test_send_can_be_written_to_a_file(cli: Cli, daily: str, articles: None, tmp_path: Path) -> None:
    file = tmp_path / "message.eml"

    said = cli("test-send", "--newsletter", daily, "--to", "me@example.com", "--out", file)

    assert said.code == 0
    assert message_from_bytes(file.read_bytes(), policy=policy.default)["To"] == "me@example.com"


def test_a_test_send_is_framed_in_the_language_that_is_asked_for(
    cli: Cli, daily: str, articles: None, tmp_path: Path
) -> None:
    file = tmp_path / "message.eml"
    order = ("test-send", "--newsletter", daily, "--to", "me@example.com", "--out", file)

    said, unknown = cli(*order, "--language", "de"), cli(*order, "--language", "foo")

    assert said.code == 0
    page = message_from_bytes(file.read_bytes(), policy=policy.default).get_body(("html",))
    assert page is not None
    assert '<html lang="de"' in page.get_content()
    assert unknown.code == 1
    assert "There are no words for the language 'foo'" in unknown.err


def test_a_test_send_without_a_relay_says_so(
    cli: Cli, daily: str, articles: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_RELAY_PORT", "9")

    said = cli("test-send", "--newsletter", daily, "--to", "me@example.com")

    assert said.code == 1
    assert "NEWSLETTER_RELAY_HOST" in said.err
