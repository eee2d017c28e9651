"""Check the commands that fetch mail that came back."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from newsletter.domain.arrivals import ArrivalStatus
from newsletter.store import Database, arrivals
from newsletter.store.tables import Arrival
from tests.cli.conftest import Cli

LETTER = b"From: ada@example.com\r\nTo: u-forged@in.example.com\r\nSubject: Hello\r\n\r\nHow are you?\r\n"


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.eml"
    path.write_bytes(LETTER)
    return path


def rows(url: str) -> list[Arrival]:
    database = Database(url)
    with database.reading() as session:
        found = arrivals.listing(session, limit=10)
    database.dispose()
    return found


def test_a_mail_in_a_file_is_read_at_once_and_only_once(cli: Cli, letter: Path, sqlite_url: str) -> None:
    first, second = (cli("bounces", "ingest", letter, "--json") for _ in range(2))

    assert (first.code, second.json) == (0, first.json)
    assert first.json == [
        {"file": str(letter), "arrival": 1, "kind": "other", "result": "person", "error": ""}
    ]
    assert len(rows(sqlite_url)) == 1


def test_a_mail_from_a_pipe_is_kept_for_a_worker_with_its_envelope(
    cli: Cli, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LETTER)))

    recipients = ["b-1@in.example.com", "b-2@in.example.com"]
    options = [f"--recipient={recipient}" for recipient in recipients]
    said = cli("bounces", "ingest", *options, "--sender=", "-", "--json")

    assert (said.code, [each["result"] for each in said.json]) == (0, ["waiting", "waiting"])
    found = rows(sqlite_url)
    assert sorted(row.recipient or "" for row in found) == recipients
    assert {(row.status, row.way) for row in found} == {(ArrivalStatus.WAITING, "ingest")}
    assert {(row.sender, row.size_bytes) for row in found} == {("", len(LETTER))}


def test_a_file_that_is_not_there_is_named(cli: Cli, tmp_path: Path) -> None:
    said = cli("bounces", "ingest", tmp_path / "none.eml")

    assert said.code == 1
    assert "none.eml cannot be read" in said.err


def test_a_mail_server_is_told_to_try_again_while_the_database_is_away(
    cli: Cli, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")

    assert cli("bounces", "ingest", letter).code == 75


def test_a_maildir_is_looked_into_on_request(
    cli: Cli, tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_MAILDIR", str(tmp_path / "mail"))
    for name in ("cur", "new"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    (tmp_path / "mail" / "new" / "1").write_bytes(LETTER)

    said = cli("bounces", "poll", "--json")

    assert (said.code, said.json) == (
        0,
        [{"mailbox": "maildir", "mails": 1, "new": 1, "state": "ok", "text": ""}],
    )
    assert [row.way for row in rows(sqlite_url)] == ["maildir"]


def test_a_mailbox_at_fault_is_told_with_its_code(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_MAILDIR", str(tmp_path / "none"))

    said = cli("bounces", "poll", "--json")

    assert (said.code, said.json[0]["state"]) == (1, "no_maildir")


def test_without_a_mailbox_there_is_nothing_to_look_into(cli: Cli) -> None:
    said = cli("bounces", "poll")

    assert said.code == 1
    assert "NEWSLETTER_IMAP_HOST" in said.err
