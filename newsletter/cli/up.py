"""Command to run the whole service on one machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from newsletter import wiring
from newsletter.cli import output, tree
from newsletter.runtime import settings as runtime_settings
from newsletter.runtime.clock import SystemClock
from newsletter.runtime.settings import Settings
from newsletter.store import keys, migrate

app = typer.Typer(help="Run web, workers and scheduler in one process tree, on embedded defaults.")
_SMTP_PORT = 1025
_PAGE_PORT = 8025


@app.command()
def up(
    host: Annotated[str, typer.Option(help="Where the web process listens.")] = tree.HOST,
    port: Annotated[int, typer.Option(help="Its port.")] = 8000,
) -> None:
    """Run web, workers and scheduler in one process tree until Ctrl-C.

    Without DATABASE_URL it keeps a SQLite file in the data folder, without REDIS_URL it runs a broker of its own, and
    without NEWSLETTER_RELAY_HOST every mail lands in an inbox page on this machine and nowhere else.
    """
    clock = SystemClock()
    smtp_port = tree.free_port(_SMTP_PORT)
    settings = _settings(smtp_port=smtp_port, web_port=port)
    prepare(settings)
    logs = None  # to stderr, with the names of the processes
    with (
        tree.told_to_stop() as stop,
        _inbox(settings, smtp_port=smtp_port) as inbox_url,
        tree.running(settings, web_host=host, web_port=port, logs=logs, clock=clock) as processes,
    ):
        output.say(f"The service runs at {settings.public_url}. Ctrl-C stops it.")
        if inbox_url:
            output.say(f"No relay is set: mail lands in the inbox at {inbox_url}, and nowhere else.")
        output.say(f"In another terminal: . {tree.write_environment(settings)}; newsletter doctor")
        processes.watch(stop)
        output.say("Stopping ...")


def prepare(settings: Settings) -> None:
    """Make the tables and keys when they are missing."""
    service = wiring.build(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    service.database.ping()
    migrate.upgrade(service.database)
    with service.transaction() as session:
        keys.create_missing(session, now=service.clock.now())
    service.database.dispose()


def _settings(*, smtp_port: int, web_port: int) -> Settings:
    given = runtime_settings.load()
    overrides: dict[str, object] = {"data_dir": given.data_dir.absolute()}
    if "public_url" not in given.model_fields_set:
        overrides["public_url"] = f"http://{tree.HOST}:{web_port}"
    if "relay_host" not in given.model_fields_set:
        overrides |= {"relay_host": tree.HOST, "relay_port": smtp_port, "relay_tls": "off"}
    return runtime_settings.load(**overrides)


@contextmanager
def _inbox(settings: Settings, *, smtp_port: int) -> Iterator[str]:
    """Run the inbox when it is the relay; yield its address, "" without one."""
    if (settings.relay_host, settings.relay_port) != (tree.HOST, smtp_port):
        yield ""
        return
    page_port = tree.free_port(_PAGE_PORT)
    inbox = tree.Inbox(
        settings.data_dir / "inbox", smtp_port=smtp_port, page_port=page_port, clock=SystemClock()
    )
    with inbox.running():
        yield inbox.url
