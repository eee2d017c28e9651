"""Commands about issues."""

from __future__ import annotations

import sys
import webbrowser
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli import acting, arranging, clicked, deciding, output, proofing, proofs, showing, watching
from newsletter.cli.newsletters import Slug
from newsletter.cli.opening import opened
from newsletter.cli.showing import Number
from newsletter.digest import build as building
from newsletter.digest import desk, plan
from newsletter.domain import schedules
from newsletter.domain.errors import Conflict
from newsletter.domain.issues import IssueStatus
from newsletter.reporting import receipts
from newsletter.store import issues, mailings, newsletters
from newsletter.store.tables import Issue
from newsletter.wiring import App

app = typer.Typer(no_args_is_help=True, help="Plan, build, preview, approve, send and account for issues.")
_NOBODY = "reader@example.com"  # whom a preview is addressed to
for commands in (arranging, deciding, clicked):
    app.add_typer(commands.app)


@app.command("list")
def listing(
    newsletter: Annotated[str, typer.Option(help="Only issues of this newsletter.")] = "",
    status: Annotated[IssueStatus | None, typer.Option(help="Only issues that stand here.")] = None,
    json_wanted: output.AsJson = False,
    search: Annotated[
        str, typer.Option("--search", help="Only issues with stories that hold these words.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
) -> None:
    """List issues, the newest first."""
    with opened() as service, service.reading() as session:
        newsletter_id = newsletters.by_slug(session, newsletter).id if newsletter else None
        found = issues.listing(
            session, newsletter_id=newsletter_id, status=status, search=search, limit=limit
        )
        records = [showing.summary(session, issue) for issue in found]
    output.table(
        records,
        json_wanted=json_wanted,
        empty=output.nothing("issue", search, "newsletter issues plan SLUG"),
    )


@app.command()
def show(issue: Number, json_wanted: output.AsJson = False) -> None:
    """Show one issue: where it stands, why, and what is in it."""
    with opened() as service, service.reading() as session:
        fields = showing.fields(session, issues.get(session, issue), now=service.clock.now())
    output.record(fields, json_wanted=json_wanted)


@app.command("plan")
def plan_(
    newsletter: Slug,
    cut_off: Annotated[
        str, typer.Option(help="Until when articles count, such as 2026-12-24T17:00; otherwise now.")
    ] = "",
    json_wanted: output.AsJson = False,
) -> None:
    """Plan an issue outside every schedule, with what is new up to its cut-off; nothing goes before "issues send"."""
    with opened() as service, service.transaction() as session:
        found = newsletters.by_slug(session, newsletter)
        cut_off_at = schedules.instant(cut_off, found.zone) if cut_off else None
        planned = plan.plan_now(session, found.id, now=service.clock.now(), cut_off_at=cut_off_at)
        fields = showing.summary(session, planned)
    output.record(fields, json_wanted=json_wanted)


@app.command()
def build(issue: Number, json_wanted: output.AsJson = False) -> None:
    """Freeze a planned issue's content and render it."""
    with opened() as service:
        _build(service, issue, now=service.clock.now())
        with service.reading() as session:
            found = issues.get(session, issue)
            fields = showing.fields(session, found, now=service.clock.now())
            if found.fault:
                raise Conflict(
                    found.fault, hint=f"Then: newsletter issues build {issue}", reason="template_fault"
                )
    output.record(fields, json_wanted=json_wanted)


@app.command()
def preview(
    newsletter: Annotated[str, typer.Option(help="Slug of the newsletter.")],
    issue: proofs.Issue = None,
    reader: proofs.Reader = "",
    topics: proofs.Topics = "",
    out: Annotated[Path | None, typer.Option(help="Write the HTML here; - is stdout.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Print the text part instead.")] = False,
    language: proofs.Language = "",
) -> None:
    """Show an issue as a reader would get it, in the browser; no state moves."""
    wanted = proofs.chosen(newsletter, issue, reader, topics, language)
    with opened() as service:
        found = proofing.compose(service, wanted, [_NOBODY])
        default = service.settings.data_dir / "previews" / f"{newsletter}.html"
    _, message = found.mails[0]
    parsed = message_from_bytes(message, policy=policy.default)
    part = parsed.get_body(("plain",) if text else ("html",))
    assert part is not None  # every digest has both parts
    if text or str(out) == "-":
        sys.stdout.write(part.get_content())
        return
    path = out or default
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(part.get_content(), encoding="utf-8")
    tested = [f"Subject {place}: {text}" for place, text in enumerate(found.subjects, 1)]
    output.say("\n".join([*(tested or [f"Subject: {parsed['Subject']}"]), f"Wrote {path}."]))
    if out is None:
        webbrowser.open(path.absolute().as_uri())


@app.command()
def send(
    issue: Number,
    by: acting.By = "",
    watch: Annotated[
        bool, typer.Option("--watch", help="Show how it goes until everybody has a result.")
    ] = False,
) -> None:
    """Approve an issue, build it when it is not built yet, and let the workers mail it now."""
    with opened() as service:
        now = service.clock.now()
        with service.transaction() as session:
            desk.approve(session, issue, actor=acting.actor(by), now=now)
        status = _build(service, issue, now=now)
        if status not in (IssueStatus.BUILT, IssueStatus.MAILED):  # a worker may be faster
            with service.reading() as session:
                raise _not_ready(issues.get(session, issue))
        if not service.bell.ring("newsletter.expand", issue):
            output.say("The broker does not answer: workers will find the issue at their next beat.")
        output.say(f"Issue {issue} is on its way. Account: newsletter issues receipt {issue}")
        if watch:
            watching.watch(service, issue)


@app.command("watch")
def watch_(issue: Number) -> None:
    """Show an issue while it is mailed, until everybody has a result."""
    with opened() as service:
        with service.reading() as session:
            found = issues.get(session, issue)
        if found.status not in (IssueStatus.BUILT, IssueStatus.MAILED):
            raise _not_ready(found)
        watching.watch(service, issue)


@app.command()
def receipt(issue: Number, json_wanted: output.AsJson = False) -> None:
    """Account for every planned reader of an issue; exit with 1 when the account does not add up."""
    with opened() as service, service.reading() as session:
        mailing = mailings.of_issue(session, issues.get(session, issue).id)
        if mailing is None:
            raise Conflict(
                f"Issue {issue} has not been mailed, so there is nothing to account for.",
                hint=f"See where it stands with: newsletter issues show {issue}",
                reason="no_mailing",
            )
        account = receipts.receipt(session, mailing.id)
        status, fault = mailing.status, mailing.fault
        first = receipts.first_digests(session, issue)
    if json_wanted:
        told = {"receipt": account.as_dict(), "mailing": status, "fault": fault}
        output.as_json(told | {"first_digests": first.as_dict() if first else None})
    else:
        output.console().print(showing.drawn(account))
        output.say(f"The mailing is {status}.{f' {fault}' if fault else ''}")
        if first is not None:
            output.say("As first digests, to readers who have confirmed since:")
            output.console().print(showing.drawn(first))
    if not account.adds_up or (first is not None and not first.adds_up):
        raise typer.Exit(1)


def _build(service: App, issue_id: int, *, now: datetime) -> IssueStatus:
    return building.build(
        service.transaction,
        issue_id,
        environment=service.environment,
        now=now,
        message_max_bytes=service.settings.message_max_bytes,
    )


def _not_ready(issue: Issue) -> Conflict:
    if issue.fault:
        return Conflict(issue.fault, hint=f"Then: newsletter issues send {issue.id}", reason="template_fault")
    because = f" ({issue.reason.replace('_', ' ')})" if issue.reason else ""
    return Conflict(
        f"Issue {issue.id} is {issue.status}{because}: it cannot be mailed now.",
        hint=f"See where it stands with: newsletter issues show {issue.id}",
        reason="not_built",
    )
