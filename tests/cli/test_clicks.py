"""The commands about subjects that are tested, and about clicks."""

from __future__ import annotations

from email import message_from_bytes, policy
from pathlib import Path

import pytest

from newsletter.domain.clicks import PEOPLE, WEB_ARM
from newsletter.store import Database, clicks, newsletters
from tests.builders import add_article
from tests.cli.conftest import Cli
from tests.clocks import NOON
from tests.services.sink import Sink


@pytest.fixture
def issue(cli: Cli, daily: str, sqlite_url: str) -> str:
    """Build an issue with two subjects; a few people have clicked."""
    database = Database(sqlite_url)
    with database.transaction() as session:
        add_article(session, newsletters.by_slug(session, daily), title="Tide barrier opens", seen_at=NOON)
    planned = str(cli("issues", "plan", daily, "--json").json["id"])
    assert cli("issues", "subject", planned, "It opens", "Why it opens").code == 0
    assert cli("issues", "build", planned).code == 0
    with database.transaction() as session:
        for number, arm, human, machine in ((PEOPLE, 1, 5, 0), (1, 1, 6, 2), (1, WEB_ARM, 1, 0)):
            clicks.add(session, int(planned), number, arm, at=NOON, human=human, machine=machine)
    database.dispose()
    return planned


def test_clicks_are_shown_by_article_and_subject_and_can_be_searched(cli: Cli, issue: str) -> None:
    shown = cli("issues", "clicks", issue, "--json").json

    assert [
        (row["article"], row["from"], row["subject"], row["people"], row["machines"]) for row in shown
    ] == [
        (None, "mail", "Why it opens", 5, 0),
        (1, "web", None, 1, 0),
        (1, "mail", "Why it opens", 6, 2),
    ]
    assert shown[1]["title"] == "Tide barrier opens"
    assert len(cli("issues", "clicks", issue, "--search", "barrier", "--json").json) == 2
    assert "Tide barrier" in cli("issues", "clicks", issue).out
    assert cli("issues", "clicks", "99").code == 1


def test_a_preview_and_a_test_send_show_every_subject(
    cli: Cli, issue: str, tmp_path: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_RELAY_HOST", "127.0.0.1")
    monkeypatch.setenv("NEWSLETTER_RELAY_PORT", str(sink.port))

    said = cli("issues", "preview", "--newsletter", "daily", "--issue", "1", "--out", tmp_path / "x.html")
    submitted = cli("test-send", "--newsletter", "daily", "--issue", "1", "--to", "me@example.com")

    assert "Subject 1: It opens\nSubject 2: Why it opens\n" in said.err
    assert submitted.code == 0
    subjects = [message_from_bytes(each.message, policy=policy.default)["Subject"] for each in sink.messages]
    assert subjects == ["[Test] It opens", "[Test] Why it opens"]
