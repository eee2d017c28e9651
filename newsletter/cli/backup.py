"""Command to write a backup."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.store import backups

app = typer.Typer(help="Write the database, keys included, to one file.")


@app.command()
def backup(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write; otherwise a dated name in this folder.")
    ] = None,
    json_wanted: output.AsJson = False,
) -> None:
    """Write the database, keys included, to one file that only you can read; sending goes on meanwhile.

    The file fits SQLite and PostgreSQL alike. Whoever has it can read every address and sign every link.
    """
    with opened() as service, output.counting("rows") as progress:
        now = service.clock.now()
        path = file or Path(f"newsletter-{now:%Y%m%d-%H%M%S}.backup")
        with _whole(path) as stream:
            report = backups.write(service.database, stream, now=now, progress=progress)
    fields = {"file": str(path), "rows": report.row_count, "size_bytes": path.stat().st_size}
    output.record(fields, json_wanted=json_wanted)


@contextmanager
def _whole(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file for this user alone that takes its name at the end: a file of that name is always whole."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.unlink(missing_ok=True)  # never write into what somebody else has put there, or made readable
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
