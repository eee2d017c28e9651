"""Test how the command line answers: help, refusals, faults."""

from __future__ import annotations

import importlib
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.cli import main
from tests.cli.conftest import Cli


def test_help_names_every_noun_and_imports_none() -> None:
    program = (
        "import sys\n"
        "from newsletter.cli import main\n"
        "try:\n    main.run(['--help'])\n"
        "finally:\n"
        "    print(sorted(m for m in sys.modules if m.startswith(('newsletter.', 'sqlalchemy', 'rich'))))\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert all(noun in done.stdout for noun in main.NOUNS)
    assert (
        done.stdout.splitlines()[-1]
        == "['newsletter.cli', 'newsletter.cli.main', 'newsletter.domain', 'newsletter.domain.errors']"
    )


@pytest.mark.parametrize("noun", main.NOUNS)
def test_every_noun_has_help(cli: Cli, noun: str) -> None:
    said = cli(noun, "--help")

    assert said.code == 0
    assert "Usage: newsletter" in said.out


def test_the_table_of_nouns_has_every_module() -> None:
    folder = Path(main.__file__).parent
    frame = {
        "__init__",
        "acting",
        "showing",
        "findings",
        "main",
        "opening",
        "output",
        "proofing",
        "scenario",
        "tree",
        "watching",
    }
    parts = {
        "arranging",
        "arriving",
        "clicked",
        "deciding",
        "defining",
        "ingesting",
        "mail_back",
        "parsing",
        "replaying",
    }  # of nouns with many verbs

    modules = {path.stem for path in folder.glob("*.py")} - frame - parts

    assert modules == {module for module, _ in main.NOUNS.values()}
    assert all(hasattr(importlib.import_module(f"newsletter.cli.{module}"), "app") for module in modules)


def test_a_refusal_says_what_to_do_and_ends_with_1(cli: Cli) -> None:
    said = cli("newsletters", "show", "weekly")

    assert said.code == 1
    assert said.err == (
        "Error: There is no newsletter 'weekly'.\n  See the names with: newsletter newsletters list\n"
    )


@pytest.mark.parametrize(
    "arguments", [("newsletter",), ("issues", "show"), ("issues", "show", "x"), ("keys", "spin")]
)
def test_wrong_usage_ends_with_2(cli: Cli, arguments: tuple[str, ...]) -> None:
    said = cli(*arguments)

    assert said.code == 2
    assert "Traceback" not in said.err


def test_a_mistyped_noun_is_answered_with_the_right_one(cli: Cli) -> None:
    assert "'sources'" in cli("sourcs").err


def test_bad_settings_name_the_variable(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_RELAY_PORT", "smtp")

    said = cli("newsletters", "list")

    assert said.code == 1
    assert "NEWSLETTER_RELAY_PORT" in said.err


def test_a_database_without_tables_is_told_with_what_to_do(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'bare.db'}")

    said = cli("newsletters", "list")

    assert said.code == 1
    assert "newsletter init" in said.err


def test_a_database_that_is_away_is_told_with_what_to_do(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")

    said = cli("newsletters", "list")

    assert said.code == 1
    assert "DATABASE_URL" in said.err


def test_an_unforeseen_fault_shows_no_traceback_but_keeps_it(
    cli: Cli, daily: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as damaged, damaged:
        damaged.execute("UPDATE newsletters SET on_silence = 'shout'")

    said = cli("newsletters", "show", daily)

    assert said.code == 1
    assert "Traceback" not in said.err
    [kept] = tmp_path.glob("newsletter-fault-*.log")
    assert "Traceback" in kept.read_text()
    assert str(kept) in said.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("schedules", "stop", "9" * 30),
        ("sources", "show", "9" * 30),
        ("issues", "show", "9" * 30),
        ("subscribers", "list", "--after", "9" * 30),
        ("newsletters", "show", "\udcff"),
        ("subscribers", "list", "--search", "\udcff"),
        ("keys", "retire", "hooks", "200"),
        ("backup", "/no/such/folder/file"),
        ("backup", "/tmp"),
        ("subscribers", "export", "daily", "/no/such/folder/file"),
        ("subscribers", "import", "daily", "/tmp"),
        ("demo", "--feed", "http://["),
        ("demo", "--feed", "javascript:alert(1)"),
        ("demo", "--data-dir", "/dev/null"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused_and_no_fault_of_ours(
    cli: Cli, daily: str, arguments: tuple[str, ...]
) -> None:
    said = cli(*arguments)

    assert (said.code, said.out) == (1, "")
    assert said.err.strip().startswith("Error: ")
    assert "should not have happened" not in said.err


@pytest.mark.parametrize(
    "url",
    [
        "mysql://127.0.0.1/news",
        "nonsense://x",
        "postgresql://user@host:port/news",
        "sqlite:////dev/null/no/such/folder.db",
        "sqlite:////etc/passwd",
    ],
)
@pytest.mark.parametrize("arguments", [("newsletters", "list"), ("doctor", "--offline")])
def test_a_database_that_can_be_none_is_told_with_what_to_do(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    said = cli(*arguments)

    assert said.code == 1
    assert "DATABASE_URL" in said.out + said.err
    assert "should not have happened" not in said.err


def test_brackets_in_a_text_are_no_markup_of_the_terminals(cli: Cli, daily: str) -> None:
    for slug, name in (
        ("one", "[/red]"),
        ("two", r"\[/red]"),
        ("three", "[link=https://x.example]press[/link]"),
    ):
        cli("topics", "add", daily, slug, "--name", name)

    said = cli("topics", "list", daily)

    assert said.code == 0
    assert all(text in said.out for text in ("[/red]", r"\[/red]", "[link=https://x.example]press[/link]"))


def test_the_version_can_be_asked_for(cli: Cli) -> None:
    assert cli("--version").out.startswith("newsletter 0.")
