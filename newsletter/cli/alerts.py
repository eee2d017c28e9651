"""Commands about alerts: what a person should look at."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.store import alerts, newsletters
from newsletter.store.tables import Alert

app = typer.Typer(no_args_is_help=True, help="See what is wrong, and say when it has been seen to.")


@app.command("list")
def listing(
    with_resolved: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    json_wanted: output.AsJson = False,
    search: output.Search = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 100,
) -> None:
    """List alerts, the newest first."""
    with opened() as service, service.reading() as session:
        names = {each.id: each.slug for each in newsletters.listing(session)}
        found = alerts.listing(session, with_resolved=with_resolved, search=search, limit=limit)
        records = [_record(alert, names) for alert in found]
    output.table(
        records,
        json_wanted=json_wanted,
        empty=f"No alert holds {search!r}." if search else "There is no alert.",
    )


@app.command()
def resolve(
    alert: Annotated[int, typer.Argument(metavar="ID", help="The alert's id, as the list shows it.")],
    json_wanted: output.AsJson = False,
) -> None:
    """Say that an alert has been seen to; it comes back when what it tells of happens again."""
    with opened() as service, service.transaction() as session:
        names = {each.id: each.slug for each in newsletters.listing(session)}
        record = _record(alerts.resolve_by_id(session, alert, now=service.clock.now()), names)
    output.record(record, json_wanted=json_wanted)


def _record(alert: Alert, names: dict[int, str]) -> output.Record:
    return {
        "id": alert.id,
        "code": alert.code,
        "newsletter": names.get(alert.newsletter_id or 0),
        "subject": alert.subject,
        "text": alert.text,
        "count": alert.count,
        "first_at": alert.first_at,
        "last_at": alert.last_at,
        "mailed_at": alert.mailed_at,
        "resolved_at": alert.resolved_at,
    }
