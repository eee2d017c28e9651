"""Command that says what mails in files are, without a database or settings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.domain.arrivals import READ_BYTES
from newsletter.mime import inbound
from newsletter.mime.inbound import Report

_EMPTY = "No files there."


def parse(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Mails, one in each file; a folder stands for all files in it."
        ),
    ],
    json_wanted: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON for each mail.")
    ] = False,
) -> None:
    """Say what mails are (bounce, complaint, auto-reply, unsubscribe), for whom and why; nothing is recorded."""
    told, unreadable = _Told(json_wanted), 0
    for path in _files(paths):
        try:
            with path.open("rb") as file:
                raw = file.read(READ_BYTES)
        except OSError as error:
            output.say(f"Error: {path} cannot be read ({error.strerror}).")
            unreadable += 1
            continue
        told.add(path, inbound.read(raw))
    told.end()
    if unreadable:
        raise typer.Exit(1)


def _files(paths: list[Path]) -> Iterator[Path]:
    """Yield the files named, and those in the folders named, in order; what is not there is yielded too."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            yield from (Path(folder, name) for name in sorted(names) if Path(folder, name).is_file())


@dataclass
class _Told:
    """Print lines of JSON at once, or a table at the end."""

    json_wanted: bool

    def __post_init__(self) -> None:
        self._rows: list[output.Record] = []

    def add(self, path: Path, report: Report) -> None:
        if self.json_wanted:
            print(json.dumps(_record(path, report)))
            return
        told = {"file": str(path), "kind": report.kind}
        nobody = {"recipient": "", "reason": "", "status": "", "evidence": report.evidence}
        named = [{name: getattr(row, name) for name in nobody} for row in report.rows]
        self._rows += [{**told, **row} for row in named or [nobody]]

    def end(self) -> None:
        if not self.json_wanted:
            output.table(self._rows, json_wanted=False, empty=_EMPTY)


def _record(path: Path, report: Report) -> output.Record:
    """Return what is printed of a mail: a row for each recipient that it names."""
    return {
        "file": str(path),
        "kind": report.kind,
        "feedback_type": report.feedback_type,
        "rows": [
            {
                "recipient": row.recipient,
                "original": row.original,
                "reason": row.reason,
                "category": row.category,
                "status": row.status,
                "hard": row.is_hard,
                "final": row.is_final,
                "evidence": row.evidence,
            }
            for row in report.rows
            if row.recipient
        ],
    }
