"""Command to set an installation up."""

from __future__ import annotations

import typer

from newsletter.cli import db, output

app = typer.Typer(help="Prepare the database and the signing keys.")


@app.command()
def init() -> None:
    """Prepare the database and the signing keys, and say what comes next; harmless to repeat."""
    db.upgrade()
    output.say(
        "\nNext:\n"
        "  newsletter newsletters add daily --help     who it is from, what it looks like\n"
        "  newsletter sources add daily URL            a feed that fills it\n"
        '  newsletter schedules add daily "0 7 * * *"  when it goes out\n'
        "  newsletter keys list --reveal               the secret that your website signs signups with\n"
        "  newsletter doctor                           what is still missing"
    )
