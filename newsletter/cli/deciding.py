"""Commands that decide about issues."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli import acting, output
from newsletter.cli.opening import opened
from newsletter.cli.showing import Number
from newsletter.digest import desk
from newsletter.sending import control
from newsletter.store import audit, issues, mailings

app = typer.Typer()
Revision = Annotated[
    int | None,
    typer.Option("--revision", min=1, help="The revision that you looked at; refused when it has changed."),
]


@app.command()
def approve(issue: Number, by: acting.By = "", revision: Revision = None) -> None:
    """Approve an issue as it stands, before or after its build; a held one is ready again."""
    with opened() as service:
        with service.transaction() as session:
            desk.approve(session, issue, actor=acting.actor(by), now=service.clock.now(), revision=revision)
        service.bell.ring("newsletter.sweep")
    output.say(f"Issue {issue} is approved.")


@app.command()
def hold(issue: Number, by: acting.By = "", revision: Revision = None) -> None:
    """Keep an issue from being mailed until it is approved, before or after its build."""
    with opened() as service, service.transaction() as session:
        desk.hold(session, issue, actor=acting.actor(by), now=service.clock.now(), revision=revision)
    output.say(f"Issue {issue} is held. Let it go with: newsletter issues approve {issue}")


@app.command()
def veto(issue: Number, by: acting.By = "", revision: Revision = None) -> None:
    """Give an issue up before it is mailed; its articles are in the next one."""
    with opened() as service, service.transaction() as session:
        desk.veto(session, issue, actor=acting.actor(by), now=service.clock.now(), revision=revision)
    output.say(f"Issue {issue} is given up. What it would have carried is in the next one.")


@app.command()
def pause(issue: Number, by: acting.By = "") -> None:
    """Stop mailing an issue; messages under way are finished."""
    with opened() as service, service.transaction() as session:
        control.pause(session, issue)
        audit.append(
            session,
            acting.actor(by),
            "pause",
            now=service.clock.now(),
            issue_id=issue,
            newsletter_id=issues.get(session, issue).newsletter_id,
        )
    output.say(f"Issue {issue} is paused. Go on with: newsletter issues resume {issue}")


@app.command()
def resume(issue: Number, by: acting.By = "") -> None:
    """Go on mailing an issue that was paused."""
    with opened() as service:
        with service.transaction() as session:
            control.resume(session, issue)
            audit.append(
                session,
                acting.actor(by),
                "resume",
                now=service.clock.now(),
                issue_id=issue,
                newsletter_id=issues.get(session, issue).newsletter_id,
            )
        service.bell.ring("newsletter.drain")
    output.say(f"Issue {issue} goes on.")


@app.command()
def cancel(issue: Number, by: acting.By = "") -> None:
    """Give an issue up; when it is being mailed, nobody else gets it, and the receipt says so."""
    with opened() as service:
        now, actor = service.clock.now(), acting.actor(by)
        with service.transaction() as session:
            if mailings.of_issue(session, issue) is None:
                desk.cancel(session, issue, actor=actor, now=now)
            else:
                control.cancel(session, issue)
                newsletter_id = issues.get(session, issue).newsletter_id
                audit.append(session, actor, "cancel", now=now, issue_id=issue, newsletter_id=newsletter_id)
        service.bell.ring("newsletter.drain")
    output.say(f"Issue {issue} is cancelled.")
