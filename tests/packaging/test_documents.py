"""Test that what the documents and refusals promise is there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # Typer's commands have no public type

import pytest
import typer

from newsletter.broker.bell import QUEUES
from newsletter.cli import main
from newsletter.runtime.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_COMMAND = re.compile(r"(?<![\w/.-])(?:\./run|newsletter) ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#]+)")
_SCRIPT_COMMANDS = {"test", "check", "bench", "lock"}
_PLACEHOLDERS = {"name"}  # ./run bench NAME is written in capitals; prose may say "newsletter name"


def commands() -> dict[str, set[str]]:
    """Return the verbs of each noun; none when the noun is a command itself."""
    root: Any = typer.main.get_command(main.app)
    found = {noun: root.get_command(None, noun) for noun in (*main.NOUNS, *main.ALIASES)}
    return {noun: set(getattr(command, "commands", {})) for noun, command in found.items()}


def code_in(text: str) -> str:
    """Return what a document shows as code."""
    return "\n".join(re.findall(r"```.*?\n(.*?)```", text, re.DOTALL) + re.findall(r"`([^`\n]+)`", text))


def mentions() -> Iterator[tuple[str, str, str]]:
    for path in DOCUMENTS:
        for noun, verb in _COMMAND.findall(code_in(path.read_text(encoding="utf-8"))):
            yield path.name, noun, verb
    hint = re.compile(r'(?:hint=f?|: |with: |"  )"?[^"\n]*?newsletter ([a-z][a-z-]*) ([a-z][a-z-]*)')
    for path in (ROOT / "newsletter").rglob("*.py"):
        for noun, verb in hint.findall(path.read_text(encoding="utf-8")):
            if noun in main.NOUNS:
                yield path.name, noun, verb


def test_every_setting_is_described() -> None:
    described = re.findall(
        r"^\| `(\w+)` \|", (ROOT / "docs/operations/settings.md").read_text(encoding="utf-8"), re.M
    )

    assert sorted(described) == sorted(Settings.model_fields)


def test_every_command_that_is_named_exists() -> None:
    known = commands()

    wrong = [
        f"{place}: {noun} {verb}"
        for place, noun, verb in mentions()
        if noun not in _SCRIPT_COMMANDS
        and (noun not in known or (known[noun] and verb and verb not in known[noun] | _PLACEHOLDERS))
    ]

    assert not wrong


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_inside_the_documents_leads_somewhere(path: Path) -> None:
    targets = _LINK.findall(path.read_text(encoding="utf-8"))

    missing = [target for target in targets if not (path.parent / target.strip()).exists()]

    assert not missing


def test_the_workers_of_the_procfile_and_of_compose_take_every_queue_once() -> None:
    for name, pattern in (("Procfile", r"-Q (\S+)"), ("docker-compose.yml", r'-Q, "?([\w,]+)"?,')):
        lists = re.findall(pattern, (ROOT / name).read_text(encoding="utf-8"))

        taken = [queue for each in lists for queue in each.split(",")]

        assert sorted(taken) == sorted(set(QUEUES.values())), name


def test_the_procfile_and_compose_run_the_same_processes() -> None:
    procfile = set(re.findall(r"^(\w+):", (ROOT / "Procfile").read_text(encoding="utf-8"), re.M))
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

    services = set(re.findall(r"^  (\w+):\n    <<: \*app", compose, re.M))

    assert services - {"init"} == procfile


def test_the_scripts_can_be_run() -> None:
    assert all(os.access(ROOT / name, os.X_OK) for name in ("run", ".ci/run"))
