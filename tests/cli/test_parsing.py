"""Test the command that says what mails are, without a database or settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from newsletter.cli import main
from tests.cli.conftest import Said
from tests.mime.inbound import mails
from tests.mime.inbound.test_dsn import FAILED

KEYS = {"recipient", "original", "reason", "category", "status", "hard", "final", "evidence"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "mails" / "inner"
    inner.mkdir(parents=True)
    (inner / "bounce.eml").write_bytes(mails.report(FAILED))
    (tmp_path / "mails" / "letter.eml").write_bytes(b"From: ada@reader.example\nSubject: Hello\n\nHello.\n")
    return tmp_path / "mails"


def parse(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Said:
    with pytest.raises(SystemExit) as ended:
        main.run(["bounces", "parse", *(str(argument) for argument in arguments)])
    written = capsys.readouterr()
    return Said(ended.value.code if isinstance(ended.value.code, int) else 0, written.out, written.err)


def test_each_mail_of_a_folder_is_one_line_of_json(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "nonsense://")

    said = parse(capsys, "--json", folder)

    lines = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 0
    assert [(Path(line["file"]).name, line["kind"], line["feedback_type"]) for line in lines] == [
        ("letter.eml", "other", None),
        ("bounce.eml", "bounce", None),
    ]
    (row,) = lines[1]["rows"]
    assert set(row) == KEYS
    assert (row["recipient"], row["original"]) == ("ada@inner.reader.example", "ada@reader.example")
    assert (row["reason"], row["category"], row["hard"], row["final"]) == (
        "userunknown",
        "invalid_recipient",
        True,
        True,
    )


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = parse(capsys, "--json", folder / "none.eml", folder / "letter.eml")

    assert said.code == 1
    assert "none.eml cannot be read" in said.err
    assert len(said.out.splitlines()) == 1


def test_a_mail_that_names_nobody_has_no_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "nobody.eml"
    path.write_bytes(mails.notice("Your mail could not be delivered.", subject="Undeliverable"))

    (line,) = parse(capsys, "--json", path).out.splitlines()

    assert (json.loads(line)["kind"], json.loads(line)["rows"]) == ("bounce", [])


def test_without_json_a_person_reads_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = parse(capsys, folder)

    assert "userunknown" in said.out
    assert "ada@inner.reader.example" in said.out
