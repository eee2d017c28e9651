"""Command that shows what was done, by whom."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.store import Session, audit, newsletters
from newsletter.store.tables import AuditEvent

app = typer.Typer(no_args_is_help=True, help="See who did what at the desk.")


@app.callback()
def whole() -> None:
    """See who did what at the desk."""


@app.command("list")
def listing(
    issue: Annotated[int | None, typer.Option(min=1, help="Only what concerns this issue.")] = None,
    newsletter: Annotated[str, typer.Option(help="Only what concerns this newsletter.")] = "",
    json_wanted: output.AsJson = False,
    search: output.Search = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
) -> None:
    """List steps, the newest first."""
    with opened() as service, service.reading() as session:
        bound = [newsletters.by_slug(session, newsletter).id] if newsletter else []
        found = audit.listing(session, issue_id=issue, newsletter_ids=bound, search=search, limit=limit)
        records = [_record(session, event) for event in found]
    empty = f"No step holds {search!r}." if search else "Nobody has done anything yet."
    output.table(records, json_wanted=json_wanted, empty=empty)


def _record(session: Session, event: AuditEvent) -> output.Record:
    slug = None if event.newsletter_id is None else newsletters.get(session, event.newsletter_id).slug
    return {
        "at": event.at,
        "by": event.by,
        "way": event.way,
        "action": event.action,
        "newsletter": slug,
        "issue": event.issue_id,
        "article": event.article_id,
        "detail": event.detail,
    }
