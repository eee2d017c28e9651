"""Show issues: in a line, in full, and the account of their mailing."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from newsletter.cli import output
from newsletter.digest import build
from newsletter.domain.issues import OPEN
from newsletter.domain.mailings import Receipt
from newsletter.reporting import progress as progressing
from newsletter.store import Session, desk, issues, mailings, newsletters
from newsletter.store.tables import DeskItem, Issue

Number = Annotated[int, typer.Argument(metavar="ID", help="The issue's id, as the list shows it.")]


def summary(session: Session, issue: Issue) -> output.Record:
    """Return what a list shows of an issue."""
    return {
        "id": issue.id,
        "newsletter": newsletters.get(session, issue.newsletter_id).slug,
        "number": issue.number,
        "kind": issue.kind,
        "status": issue.status,
        "reason": issue.reason or ("template fault" if issue.fault else None),
        "cut_off_at": issue.cut_off_at,
        "stories": len(issues.frozen(issue).stories) if issue.frozen else None,
    }


def fields(session: Session, issue: Issue, *, now: datetime) -> output.Record:
    """Return all that is to be known about an issue; one that is not built shows what would go now."""
    mailing = mailings.of_issue(session, issue.id)
    progress = progressing.progress_of(session, mailing.id, now=now) if mailing else None
    is_open = issue.frozen is None and issue.status in OPEN
    stories = build.look(session, issue).stories if issue.frozen or is_open else ()
    return {
        **summary(session, issue),
        "revision": issue.revision,
        "planned_at": issue.planned_at,
        "built_at": issue.built_at,
        "approved_at": issue.approved_at,
        "approved_by": issue.approved_by,
        "approval_counts": issue.approved_revision == issue.revision,
        "held": issue.is_held,
        "note": issue.note,
        "subjects": issue.subjects,
        "desk": [_decided(item) for item in desk.items(session, issue.id)],
        "fault": issue.fault,
        "mailing": mailing.status if mailing else None,
        "mailing_started_at": mailing.started_at if mailing else None,
        "mailing_finished_at": mailing.finished_at if mailing else None,
        "mailing_fault": mailing.fault if mailing else None,
        "test_until": mailing.test_until if mailing else None,
        "winner": issue.subjects[mailing.winner] if mailing and mailing.winner is not None else None,
        "winner_reason": (mailing.winner_reason or None) if mailing else None,
        "progress": progress.as_dict() if progress else None,
        "stories_are": "what would go now" if is_open else "as it was built",
        "stories": [
            {"number": each.number, "article": each.article_id, "title": each.title, "new": each.is_fresh}
            for each in stories
        ],
    }


def drawn(account: Receipt) -> Table:
    """Return a receipt as a sum that a person can check."""
    table = Table(box=None, show_header=False, padding=(0, 2), show_footer=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    table.add_row("[bold]planned[/bold]", f"[bold]{account.planned:,}[/bold]")
    table.add_row("= submitted", f"{account.submitted:,}")
    for reason, count in account.withheld.items():
        table.add_row(f"+ withheld ({reason.replace('_', ' ')})", f"{count:,}")
    for name in ("failed", "deferred", "uncertain", "unclaimed"):
        table.add_row(f"+ {name}", f"{getattr(account, name):,}")
    table.add_row("", "[green]adds up[/green]" if account.adds_up else "[red]does not add up[/red]")
    return table


def _decided(item: DeskItem) -> output.Record:
    told: dict[str, object] = {"article": item.article_id}
    if item.pin is not None:
        told["pin"] = item.pin
    if item.title is not None:
        told["title"] = item.title
    return told | {name: True for name in ("is_banned", "is_missed") if getattr(item, name)}
