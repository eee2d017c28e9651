"""Command that sends breaking news."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli import acting, output, showing
from newsletter.cli.opening import opened
from newsletter.digest import breaking, telling
from newsletter.digest import build as building
from newsletter.store import issues, newsletters

app = typer.Typer(no_args_is_help=True, help="Send one article at once, ahead of every digest.")


@app.callback()
def whole() -> None:
    """Send one article at once, ahead of every digest."""


@app.command()
def send(
    article: Annotated[int, typer.Option(min=1, help="Id of the article.")],
    newsletter: Annotated[
        str, typer.Option(help="To the readers of this newsletter; needed when several have the article.")
    ] = "",
    subject: Annotated[str, typer.Option(help="Otherwise the article's headline.")] = "",
    flash: Annotated[bool, typer.Option("--flash", help="No quiet hours and no cap holds it back.")] = False,
    approve: Annotated[
        bool, typer.Option("--approve", help="Send it now; otherwise editors are asked by mail.")
    ] = False,
    again: Annotated[
        bool, typer.Option("--again", help="Also when it was breaking news before; nobody gets it twice.")
    ] = False,
    by: acting.By = "",
    json_wanted: output.AsJson = False,
) -> None:
    """Send an article as breaking news; it is left out of the next digest for those who had it."""
    with opened() as service:
        now = service.clock.now()
        with service.transaction() as session:
            issue = breaking.send(
                session,
                newsletters.by_slug(session, newsletter).id
                if newsletter
                else breaking.home(session, article),
                article,
                actor=acting.actor(by),
                now=now,
                subject=subject,
                is_flash=flash,
                is_again=again,
                is_approved=approve,
            )
            issue_id, asked = issue.id, len(telling.deciders(session, issue))
        building.build(
            service.transaction,
            issue_id,
            environment=service.environment,
            now=now,
            message_max_bytes=service.settings.message_max_bytes,
        )
        service.bell.ring("newsletter.expand", issue_id)
        service.bell.ring("newsletter.notices")
        with service.reading() as session:
            fields = showing.fields(session, issues.get(session, issue_id), now=now)
    output.record(fields, json_wanted=json_wanted)
    by_command = f"newsletter issues approve {issue_id}"
    if approve:
        output.say(f"Issue {issue_id} is on its way. Account: newsletter issues receipt {issue_id}")
    else:
        output.say(f"Editors asked by mail: {asked}. It also goes out with: {by_command}")
