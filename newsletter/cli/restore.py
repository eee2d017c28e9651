"""Command to read a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.store import backups

app = typer.Typer(help="Read a backup into an empty database.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    json_wanted: output.AsJson = False,
) -> None:
    """Read a backup into an empty database, all of it or nothing; a database in use is never overwritten."""
    with (
        opened(schema_needed=False) as service,
        output.counting("rows") as progress,
        file.open("rb") as stream,
    ):
        report = backups.read(service.database, stream, progress=progress)
    filled = {name: count for name, count in report.tables.items() if count}
    output.record({"rows": report.row_count, "tables": filled}, json_wanted=json_wanted)
