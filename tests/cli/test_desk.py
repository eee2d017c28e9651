"""Test the commands of the desk."""

from __future__ import annotations

import pytest

from newsletter.store import Database, newsletters
from tests import builders
from tests.cli.conftest import Cli
from tests.clocks import NOON


@pytest.fixture
def issue(cli: Cli, daily: str, sqlite_url: str) -> str:
    """Plan an issue with two articles."""
    database = Database(sqlite_url)
    with database.transaction() as session:
        for title in ("Eels are back", "Night tram wins"):
            builders.add_article(session, newsletters.by_slug(session, daily), title=title, seen_at=NOON)
    database.dispose()
    return str(cli("issues", "plan", daily, "--json").json["id"])


def test_an_issue_is_arranged_and_approved_as_it_was_seen(cli: Cli, issue: str) -> None:
    steps = [
        ("pin", issue, "--article", "1"),
        ("reorder", issue, "2", "1"),
        ("retitle", issue, "--article", "2", "Tram!"),
        ("note", issue, r"Good morning.\nAda"),
        ("subject", issue, "One", "Two"),
        ("missed", issue),  # none were: nothing changes
    ]
    for step in steps:
        said = cli("issues", *step, "--by", "Ada")
        assert said.code == 0, said.err

    planned = cli("issues", "show", issue, "--json").json
    old = cli("issues", "approve", issue, "--revision", "1", "--by", "Ben")
    new = cli("issues", "approve", issue, "--revision", "6", "--by", "Ben")
    shown = cli("issues", "show", issue, "--json").json

    assert (planned["stories_are"], [each["title"] for each in planned["stories"]]) == (
        "what would go now",
        ["Tram!", "Eels are back"],
    )
    assert (old.code, "has changed" in old.err, new.code) == (1, True, 0)
    assert (shown["approved_by"], shown["approval_counts"], shown["revision"]) == ("Ben", True, 6)
    assert shown["desk"] == [{"article": 2, "pin": 1, "title": "Tram!"}, {"article": 1, "pin": 2}]
    assert shown["note"] == "Good morning.\nAda"
    told = cli("audit", "list", "--issue", issue, "--search", "ben", "--json").json
    assert [(each["by"], each["action"], each["newsletter"]) for each in told] == [
        ("Ben", "approve", "daily")
    ]


def test_an_issue_is_banned_from_held_and_vetoed(cli: Cli, issue: str) -> None:
    assert cli("issues", "ban", issue, "--article", "1").code == 0
    assert cli("issues", "unban", issue, "--article", "1").code == 0
    assert cli("issues", "hold", issue).code == 0
    assert cli("issues", "veto", issue).code == 0

    again = cli("issues", "veto", issue)
    shown = cli("issues", "show", issue, "--json").json

    assert (again.code, "vetoed" in again.err) == (1, True)
    assert (shown["status"], shown["reason"], shown["held"]) == ("cancelled", "vetoed", True)


def test_an_editor_gets_a_token_whose_secret_is_shown_once(cli: Cli, daily: str) -> None:
    ada = ("editors", "add", "Ada", "--address", "ada@post.example.com", "--role", "send")
    assert cli(*ada, "--newsletter", daily).code == 0

    added = cli("editors", "token", "add", "Ada", "--name", "CMS", "--days", "30", "--json").json
    [listed] = cli("editors", "token", "list", "--search", "cms", "--json").json
    cli("editors", "token", "revoke", str(added["id"]))
    cli("editors", "role", "Ada", "draft")
    cli("editors", "disable", "Ada")
    [editor] = cli("editors", "list", "--search", "ada", "--json").json

    assert added["secret"].startswith("nlt_")
    assert added["secret"] not in str(listed)
    assert (editor["role"], editor["newsletters"], editor["disabled_at"] is None) == ("draft", [daily], False)
    assert cli("editors", "list", "--search", "zoe", "--json").json == []
    assert cli(*ada).code == 1


def test_breaking_news_is_built_at_once_and_sent_once(cli: Cli, issue: str) -> None:
    wanted = ("breaking", "send", "--article", "1", "--subject", "Now")

    first = cli(*wanted, "--approve", "--by", "Ada", "--json")
    again = cli(*wanted)

    assert (first.json["kind"], first.json["status"], first.json["approved_by"]) == (
        "breaking",
        "built",
        "Ada",
    )
    assert [story["article"] for story in first.json["stories"]] == [1]
    assert (again.code, "--again" in again.err) == (1, True)
