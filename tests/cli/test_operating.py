"""Test the commands about keys, backups, the database and the doctor."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.services.sink import Sink


def test_init_makes_a_database_usable_and_can_be_repeated(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'fresh.db'}")

    first, second = cli("init"), cli("init")

    assert (first.code, second.code) == (0, 0)
    assert "Made keys for: links, return_path, hooks, suppressions." in first.err
    assert "Made keys" not in second.err
    assert cli("newsletters", "list", "--json").json == []


def test_secrets_are_shown_only_when_asked_for_and_only_those_that_are_shared(cli: Cli) -> None:
    plain = cli("keys", "list", "--json")
    revealed = {key["purpose"]: key["secret"] for key in cli("keys", "list", "--reveal", "--json").json}

    assert "secret" not in plain.out
    assert revealed["hooks"].startswith("whsec_")
    assert (revealed["links"], revealed["return_path"]) == (None, None)


def test_a_rotated_key_signs_and_the_old_one_can_be_retired(cli: Cli) -> None:
    cli("keys", "rotate", "hooks")

    refused = cli("keys", "retire", "hooks", "2")
    retired = cli("keys", "retire", "hooks", "1")
    links = cli("keys", "retire", "links", "1")

    assert (refused.code, retired.code, links.code) == (1, 0, 1)


def test_a_backup_is_for_its_owner_only_and_brings_everything_back(
    cli: Cli, daily: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "all.backup"

    written = cli("backup", file, "--json").json
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'second.db'}")
    restored = cli("restore", file, "--json").json

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert written["rows"] == restored["rows"]
    assert cli("newsletters", "show", daily).code == 0


def test_a_backup_never_goes_into_a_file_that_somebody_else_prepared(cli: Cli, tmp_path: Path) -> None:
    file, prepared, elsewhere = tmp_path / "all.backup", tmp_path / "all.backup.part", tmp_path / "elsewhere"
    prepared.symlink_to(elsewhere)

    cli("backup", file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not elsewhere.exists()
    assert not prepared.exists()


def test_the_doctor_names_catalogues_of_words_that_cannot_be_used(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "templates" / "words"
    folder.mkdir(parents=True)
    (folder / "foo.json").write_text("{}")
    (folder / "pt.json").write_text('{"email.more": "Mais"}')
    monkeypatch.setenv("NEWSLETTER_TEMPLATES_DIR", str(folder.parent))

    said = cli("doctor", "--offline", "--json")

    found = {
        each["text"].partition(":")[0].split()[0]: each for each in said.json if each["subject"] == "words"
    }
    assert {Path(path).name: each["state"] for path, each in found.items()} == {
        "foo.json": "fault",
        "pt.json": "note",
    }
    assert "Name the file by the language" in found[str(folder / "foo.json")]["hint"]
    assert said.code == 1


def test_a_database_in_use_is_not_restored_over(cli: Cli, daily: str, tmp_path: Path) -> None:
    file = tmp_path / "all.backup"
    cli("backup", file)

    said = cli("restore", file)

    assert said.code == 1
    assert "not empty" in said.err


def test_the_doctor_finds_a_relay_that_is_away(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_RELAY_PORT", "9")

    said = cli("doctor", "--json")

    relay = next(finding for finding in said.json if finding["subject"] == "relay")
    assert said.code == 1
    assert relay["state"] == "fault"
    assert "NEWSLETTER_RELAY_HOST" in relay["hint"]


def test_the_doctor_is_content_with_what_works(
    cli: Cli, daily: str, sink: Sink, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_RELAY_PORT", str(sink.port))
    monkeypatch.setenv("REDIS_URL", redis_url)

    said = cli("doctor")

    assert said.code == 0, said.out
    assert "fault" not in said.out


def test_the_doctor_refuses_an_address_without_tls(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_PUBLIC_URL", "http://news.example.com")

    said = cli("doctor", "--offline")

    assert said.code == 1
    assert "https" in said.out


def test_the_doctor_names_the_providers_that_are_not_heard(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    relays = "smtp://relay.example:25?kind=mailgun smtp://other.example:25?kind=ses smtp://own.example:25"
    monkeypatch.setenv("NEWSLETTER_RELAYS", relays)
    monkeypatch.setenv("NEWSLETTER_PROVIDERS", '{"mailgun": "a-signing-key-of-mailgun"}')

    said = cli("doctor", "--offline", "--json")

    heard, missed = [finding for finding in said.json if finding["subject"] == "providers"]
    assert (heard["state"], heard["text"]) == ("ok", "events are taken from mailgun")
    assert (missed["state"], missed["text"].split(",")[0]) == ("note", "mail goes out through ses")


def test_the_doctor_refuses_a_secret_that_is_none(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_PROVIDERS", '{"sendgrid": "sesame"}')

    said = cli("doctor", "--offline")

    assert said.code == 1
    assert "NEWSLETTER_PROVIDERS cannot be used: sendgrid" in said.out
    assert "sesame" not in said.out


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:9/none", "no-url"])
def test_the_doctor_survives_a_database_that_cannot_be_used(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    said = cli("doctor", "--offline", "--json")

    database = next(finding for finding in said.json if finding["subject"] == "database")
    assert said.code == 1
    assert "DATABASE_URL" in database["text"] + database["hint"]


def test_the_doctor_survives_settings_that_cannot_be_read(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_PUBLIC_URL", "news.example.com")

    said = cli("doctor", "--json")

    assert said.code == 1
    assert "NEWSLETTER_PUBLIC_URL" in said.json[0]["text"]


def test_the_doctor_says_who_signs(cli: Cli, daily: str) -> None:
    before = cli("doctor", "--offline", "--json").json
    cli("dkim", "add", "example.com", "--selector", "n1")
    cli("dkim", "activate", "example.com", "n1", "--unchecked")
    after = cli("doctor", "--offline", "--json").json

    texts = [
        next(finding["text"] for finding in findings if finding["subject"] == "dkim post.example.com")
        for findings in (before, after)
    ]
    assert texts == ["messages are not signed here", "n1 of example.com signs"]
