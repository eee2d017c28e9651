"""Command to run the whole service on one machine."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import typer

from newsletter import wiring
from newsletter.cli import output, tree
from newsletter.cli.tree import Inbox
from newsletter.runtime import settings as runtime_settings
from newsletter.runtime.clock import SystemClock
from newsletter.runtime.settings import Settings
from newsletter.store import keys, migrate

app = typer.Typer(help="Run web, workers and scheduler in one process tree, on embedded defaults.")
_CLOCK = SystemClock()


@app.command()
def up(
    host: Annotated[str, typer.Option(help="Where the web process listens.")] = tree.HOST,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Its port.")] = 8000,
) -> None:
    """Run web, workers and scheduler in one process tree until Ctrl-C.

    Without DATABASE_URL it keeps a SQLite file in the data folder, without REDIS_URL it runs a broker of its own, and
    without NEWSLETTER_RELAY_HOST every mail lands in an inbox page on this machine and nowhere else.
    """
    given = runtime_settings.load()
    given.data_dir.mkdir(parents=True, exist_ok=True)
    caught = None if "relay_host" in given.model_fields_set else Inbox(given.data_dir / "inbox", clock=_CLOCK)
    settings = _settings(given, web_port=port, smtp_port=caught.smtp_port if caught else None)
    prepare(settings)
    with (
        tree.told_to_stop() as stop,
        caught.running() if caught else nullcontext(),
        tree.running(settings, web_host=host, web_port=port, logs=None, clock=_CLOCK) as processes,
    ):
        output.say(f"The service runs at {settings.public_url}. Ctrl-C stops it.")
        if caught:
            output.say(f"No relay is set: mail lands in the inbox at {caught.url}, and nowhere else.")
        output.say(f"In another terminal: . {tree.write_environment(settings)}; newsletter doctor")
        processes.watch(stop)
        output.say("Stopping ...")


def prepare(settings: Settings) -> None:
    """Make the tables and keys when they are missing."""
    service = wiring.build(settings)
    service.database.ping()
    migrate.upgrade(service.database)
    with service.transaction() as session:
        keys.create_missing(session, now=service.clock.now())
    service.database.dispose()


def _settings(given: Settings, *, web_port: int, smtp_port: int | None) -> Settings:
    """Return the settings given, with the embedded defaults for what is not; no SMTP port: a relay is given."""
    overrides: dict[str, object] = {"data_dir": given.data_dir.absolute()}
    if "public_url" not in given.model_fields_set:
        overrides["public_url"] = f"http://{tree.HOST}:{web_port}"
    if smtp_port is not None:
        overrides |= {"relay_host": tree.HOST, "relay_port": smtp_port, "relay_tls": "off"}
    return runtime_settings.load(**overrides)
