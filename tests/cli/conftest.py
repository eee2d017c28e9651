"""Run commands in this process, on a real database."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol  # JSON answers are of any type

import pytest

from newsletter.cli import main


@dataclass(frozen=True)
class Said:
    """Hold how a command ended and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return what it wrote as JSON."""
        return json.loads(self.out)


class Cli(Protocol):
    """Run one command."""

    def __call__(self, *arguments: str | Path) -> Said: ...


@pytest.fixture
def cli(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    """Run commands against a migrated, empty database."""
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main.run([str(argument) for argument in arguments])
        written = capsys.readouterr()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0, written.out, written.err)

    return run


@pytest.fixture
def daily(cli: Cli) -> str:
    """Add a newsletter with two topics and return its slug."""
    added = cli(
        *("newsletters", "add", "daily", "--name", "The Daily", "--from-address", "news@post.example.com"),
        *("--postal-address", r"The Harbour Post\n1 Quay Street"),
    )
    assert added.code == 0, added.err
    for topic in ("sport", "science"):
        assert cli("topics", "add", "daily", topic).code == 0
    return "daily"
