"""Commands that fetch mail that came back, and put it into the queue."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.domain.arrivals import ArrivalStatus, MailWay
from newsletter.domain.errors import InvalidInput, NotFound
from newsletter.feedback import collect, suppress, take
from newsletter.inbound import mail
from newsletter.inbound.mail import Mail
from newsletter.store import DatabaseUnavailable, arrivals
from newsletter.subscribing import unsubscribe
from newsletter.wiring import App

_STDIN = Path("-")
_BELL = "newsletter.feedback"


def ingest(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Mails, one in each file; - reads one from stdin.")
    ],
    recipient: Annotated[
        list[str] | None,
        typer.Option(help="Address that the mail came to, when the mail server tells it; may be repeated."),
    ] = None,
    sender: Annotated[
        str | None, typer.Option(help="Address in its MAIL FROM; empty for a null return path.")
    ] = None,
    json_wanted: output.AsJson = False,
) -> None:
    """Take in mails that came back, and say what they are and what came of them.

    A mail server can pipe each mail to "newsletter bounces ingest -": then it is kept, and a worker reads it. While
    the database is away the command ends with 75, so that the server keeps the mail and tries again (sysexits.h,
    EX_TEMPFAIL).
    """
    try:
        with opened() as service:
            kept = [
                (path, arrival_id)
                for path in files
                for arrival_id in _keep(service, _read(path, recipients=recipient or (), sender=sender))
            ]
            _have_read(service, is_piped=_STDIN in files)
            records = [_record(service, path, arrival_id) for path, arrival_id in kept]
    except DatabaseUnavailable as error:
        output.say(f"Error: {error}")
        raise typer.Exit(os.EX_TEMPFAIL) from error
    output.table(records, json_wanted=json_wanted, empty="")


def poll(json_wanted: output.AsJson = False) -> None:
    """Look into the IMAP folder and the Maildir now, whether that is due or not; exit with 1 when one is at fault."""
    with opened() as service:
        if not service.mailboxes:
            raise InvalidInput(
                "No mailbox is set.",
                hint="Set NEWSLETTER_IMAP_HOST or NEWSLETTER_MAILDIR; see docs/operations/bounces.md.",
                reason="no_mailbox",
            )
        interval = timedelta(seconds=service.settings.collect_seconds)
        found = {
            mailbox.way: collect.collect(
                service.transaction, mailbox, interval=interval, clock=service.clock, force=True
            )
            for mailbox in service.mailboxes
        }
        service.bell.ring(_BELL)
    records = [
        {
            "mailbox": way,
            "mails": each.mail_count,
            "new": each.new_count,
            "state": each.fault or ("ok" if each.was_looked_into else "busy"),
            "text": each.fault_text,
        }
        for way, each in found.items()
    ]
    output.table(records, json_wanted=json_wanted, empty="")
    if any(each.fault for each in found.values()):
        raise typer.Exit(1)


def _have_read(service: App, *, is_piped: bool) -> None:
    """Let a worker read what a mail server brings, many at a time; what a person brings is read here, to be shown."""
    if is_piped:
        service.bell.ring(_BELL)
        return
    service.read_arrivals()
    suppress.suppress(service.transaction, now=service.clock.now())
    unsubscribe.work_off(service.transaction, now=service.clock.now())


def _read(path: Path, *, recipients: Sequence[str], sender: str | None) -> Mail:
    envelope = tuple(recipients)
    if path == _STDIN:
        return mail.read(sys.stdin.buffer, recipients=envelope, sender=sender)
    try:
        with path.open("rb") as file:
            return mail.read(file, recipients=envelope, sender=sender)
    except OSError as error:
        raise NotFound(
            f"{path} cannot be read ({error.strerror}).", hint="Check its name.", reason="no_file"
        ) from error


def _keep(service: App, found: Mail) -> list[int]:
    with service.transaction() as session:
        take.take(session, [found], way=MailWay.INGEST, now=service.clock.now())
        arrived = [arrivals.find(session, found.raw, recipient=each) for each in found.recipients or (None,)]
        return [arrival.id for arrival in arrived if arrival is not None]


def _record(service: App, path: Path, arrival_id: int) -> output.Record:
    with service.reading() as session:
        arrival = arrivals.get(session, arrival_id)
    assert arrival is not None  # it was kept a moment ago
    return {
        "file": str(path),
        "arrival": arrival.id,
        "kind": arrival.kind,
        "result": arrival.result if arrival.status is ArrivalStatus.READ else arrival.status,
        "error": arrival.error,
    }
