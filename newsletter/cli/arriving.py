"""Commands that show what came in from outside: mails that came back, and the bodies of webhooks."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.domain.arrivals import TO_LOOK_AT, ArrivalResult, ArrivalStatus
from newsletter.domain.errors import NotFound
from newsletter.store import arrivals
from newsletter.store.tables import Arrival


def list_(
    status: Annotated[
        ArrivalStatus | None, typer.Option(help="Only those that wait, were read, or could not be.")
    ] = None,
    result: Annotated[ArrivalResult | None, typer.Option(help="Only those of which this has come.")] = None,
    to_look_at: Annotated[
        bool, typer.Option("--to-look-at", help="Only those that a person should look at.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
    json_wanted: output.AsJson = False,
) -> None:
    """List what came back in the last 30 days, what it was, and what came of it."""
    results = TO_LOOK_AT if to_look_at else frozenset(() if result is None else (result,))
    with opened() as service, service.reading() as session:
        records = [
            _summary(row) for row in arrivals.listing(session, status=status, results=results, limit=limit)
        ]
    output.table(records, json_wanted=json_wanted, empty="Nothing came back.")


def show(
    arrival_id: Annotated[int, typer.Argument(metavar="ID", help="Its number in the list.")],
    raw: Annotated[
        bool, typer.Option("--raw", help="Write its octets as they came, and nothing else.")
    ] = False,
    json_wanted: output.AsJson = False,
) -> None:
    """Show one of them, with what could not be read of it."""
    with opened() as service, service.reading() as session:
        row = arrivals.get(session, arrival_id)
        if row is None:
            raise NotFound(
                f"Nothing with number {arrival_id} came in, or it is gone after 30 days.",
                hint="See what there is with: newsletter bounces list",
                reason="unknown_arrival",
            )
        if raw:
            sys.stdout.buffer.write(row.body + (row.rest or b""))
            sys.stdout.flush()
            return
        output.record(
            {**_summary(row), "peer": row.peer, "size_bytes": row.size_bytes, "error": row.error},
            json_wanted=json_wanted,
        )


def _summary(row: Arrival) -> dict[str, object]:
    return {
        "id": row.id,
        "received_at": row.received_at,
        "way": row.way,
        "recipient": row.recipient,
        "sender": row.sender,
        "status": row.status,
        "kind": row.kind,
        "result": row.result,
    }
