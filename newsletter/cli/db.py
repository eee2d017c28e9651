"""Commands about the database."""

from __future__ import annotations

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.store import keys, migrate

app = typer.Typer(no_args_is_help=True, help="Bring the database to this version's tables.")


@app.callback()
def db() -> None:
    """Bring the database to this version's tables."""


@app.command()
def upgrade() -> None:
    """Move the tables to this version and make signing keys that are missing; harmless to repeat."""
    with opened(schema_needed=False) as service:
        migrate.upgrade(service.database)
        with service.transaction() as session:
            made = keys.create_missing(session, now=service.clock.now())
    output.say(f"The database is at revision {migrate.head()}.")
    if made:
        output.say(f"Made keys for: {', '.join(made)}.")
