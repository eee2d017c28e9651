"""Command to write a backup."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

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
        unfinished = path.with_name(path.name + ".part")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            report = backups.write(service.database, stream, now=now, progress=progress)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)  # a file of the final name is always whole
    fields = {"file": str(path), "rows": report.row_count, "size_bytes": path.stat().st_size}
    output.record(fields, json_wanted=json_wanted)
