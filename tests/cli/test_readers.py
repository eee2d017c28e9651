"""Test the commands about readers and about mails that come back."""

from __future__ import annotations

import csv
import stat
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path

import pytest

from tests.cli.conftest import Cli

ROWS = """email,name,topics
ada@example.com,Ada,sport
no-address,Nobody,
bo@example.com,Bo,chess
cleo@example.com,Cleo,
ada@example.com,Ada again,
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "readers.csv"
    path.write_text(ROWS, encoding="utf-8-sig")
    return path


def test_an_import_accounts_for_every_row_with_its_line(cli: Cli, daily: str, file: Path) -> None:
    said = cli("subscribers", "import", daily, file, "--json")

    assert said.code == 0, said.err
    counts = {name: said.json[name] for name in ("read", "added", "already", "rejected")}
    assert counts == {"read": 5, "added": 2, "already": 1, "rejected": 2}
    assert [each["line"] for each in said.json["rejections"]] == [3, 4]


def test_the_same_file_imports_nobody_twice(cli: Cli, daily: str, file: Path) -> None:
    cli("subscribers", "import", daily, file)

    again = cli("subscribers", "import", daily, file, "--json").json

    assert (again["added"], again["already"]) == (0, 3)


def test_an_export_can_be_imported_again_and_is_for_the_owner_only(
    cli: Cli, daily: str, file: Path, tmp_path: Path
) -> None:
    cli("subscribers", "import", daily, file)
    out = tmp_path / "out.csv"

    cli("subscribers", "export", daily, out)
    again = cli("subscribers", "import", daily, out, "--json").json

    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert [row["address"] for row in csv.DictReader(StringIO(out.read_text()))] == [
        "ada@example.com",
        "cleo@example.com",
    ]
    assert (again["already"], again["rejected"]) == (2, 0)


def test_a_file_in_another_encoding_is_refused_with_what_to_do(cli: Cli, daily: str, tmp_path: Path) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes("address,name\nada@example.com,Åsa\n".encode("latin-1"))

    said = cli("subscribers", "import", daily, file)

    assert said.code == 1
    assert "UTF-8" in said.err


@pytest.mark.parametrize("terminal", ["utf-8", "latin-1", "ascii"])
def test_stdin_is_read_as_utf_8_whatever_the_terminal_speaks(
    cli: Cli, daily: str, monkeypatch: pytest.MonkeyPatch, terminal: str
) -> None:
    octets = BytesIO("\ufeffaddress,name\nhana@example.com,Hana 花子\n".encode())
    monkeypatch.setattr("sys.stdin", TextIOWrapper(octets, encoding=terminal, errors="surrogateescape"))

    said = cli("subscribers", "import", daily, "-")

    assert said.code == 0, said.err
    assert cli("subscribers", "show", "hana@example.com", "--json").json["name"] == "Hana 花子"


def test_stdin_in_another_encoding_is_refused_with_what_to_do(
    cli: Cli, daily: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(b"address,name\na@example.com,Zo\xeb\n")))

    said = cli("subscribers", "import", daily, "-")

    assert said.code == 1
    assert "UTF-8" in said.err


def test_a_reader_can_be_found_and_shown(cli: Cli, daily: str, file: Path) -> None:
    cli("subscribers", "import", daily, file)

    found = cli("subscribers", "list", "--search", "cle", "--json").json
    shown = cli("subscribers", "show", "ADA@example.com", "--json").json

    assert [each["address"] for each in found] == ["cleo@example.com"]
    assert shown["subscriptions"][0]["topics"] == ["sport"]
    assert [event["kind"] for event in shown["consent"]] == ["imported"]


def test_adding_a_reader_asks_for_confirmation_and_tells_why_it_does_not(cli: Cli, daily: str) -> None:
    first = cli("subscribers", "add", "ada@example.com", "--newsletter", daily)
    second = cli("subscribers", "add", "ada@example.com", "--newsletter", daily)

    assert "confirmation mail is on its way" in first.err
    assert "asked lately" in second.err
    assert cli("subscribers", "list", "--json").json[0]["newsletters"] == ["daily pending"]


def test_a_reader_who_is_made_to_leave_has_left(cli: Cli, daily: str, file: Path) -> None:
    cli("subscribers", "import", daily, file)

    said = cli("subscribers", "leave", "ada@example.com", "--newsletter", daily)

    shown = cli("subscribers", "show", "ada@example.com", "--json").json
    assert "Ended 1 subscription" in said.err
    assert shown["subscriptions"][0]["status"] == "ended"
