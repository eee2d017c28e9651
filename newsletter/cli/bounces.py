"""Commands about mails that come back."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli import output, parsing
from newsletter.cli.opening import opened
from newsletter.domain.errors import InvalidInput, NotFound
from newsletter.feedback import inbound
from newsletter.feedback.inbound import Understood
from newsletter.store import DatabaseUnavailable
from newsletter.subscribing import unsubscribe
from newsletter.wiring import App

app = typer.Typer(no_args_is_help=True, help="Take in mails that came back.")
app.command()(parsing.parse)


@app.callback()
def bounces() -> None:
    """Take in mails that came back."""


@app.command()
def ingest(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Mails, one in each file; - reads one from stdin.")
    ],
    json_wanted: output.AsJson = False,
) -> None:
    """Take in mails to the inbound domain; readers who ask by mail to leave are unsubscribed.

    A mail server can pipe each mail to "newsletter bounces ingest -"; while the database is away the command exits
    with 75, so that the server keeps the mail and tries again (sysexits.h, EX_TEMPFAIL).
    """
    try:
        with opened() as service:
            records = [_ingest(service, path) for path in files]
            unsubscribe.work_off(service.transaction, now=service.clock.now())
    except DatabaseUnavailable as error:
        output.say(f"Error: {error}")
        raise typer.Exit(os.EX_TEMPFAIL) from error
    output.table(records, json_wanted=json_wanted, empty="")


def _ingest(service: App, path: Path) -> output.Record:
    raw = _raw(path)
    if not service.settings.inbound_domain:
        raise InvalidInput(
            "No inbound domain is set, so no mail can be recognised as ours.",
            hint="Set NEWSLETTER_INBOUND_DOMAIN; see docs/operations/deliverability.md.",
            reason="no_inbound_domain",
        )
    with service.transaction() as session:
        understood = inbound.ingest(
            session, raw, inbound_domain=service.settings.inbound_domain, now=service.clock.now()
        )
    return _record(path, understood)


def _raw(path: Path) -> bytes:
    if str(path) == "-":
        return sys.stdin.buffer.read(inbound.MAX_BYTES)
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(
            f"{path} cannot be read ({error.strerror}).", hint="Check its name.", reason="no_file"
        ) from error


def _record(path: Path, understood: Understood) -> output.Record:
    return {
        "file": str(path),
        "kind": understood.kind,
        "reason": understood.reason,
        "subscriber_id": understood.subscriber_id,
    }
