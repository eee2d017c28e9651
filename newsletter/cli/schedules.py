"""Commands about the schedules of a newsletter."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.newsletters import Slug
from newsletter.cli.opening import opened
from newsletter.digest import newsletters as desk
from newsletter.domain.issues import IssueStatus
from newsletter.domain.schedules import Slot
from newsletter.reporting import upcoming as reporting
from newsletter.reporting.upcoming import Upcoming
from newsletter.store import newsletters
from newsletter.store.tables import Issue, Schedule

app = typer.Typer(
    no_args_is_help=True, help="Add, list, edit and stop the times at which issues are due; show what comes."
)
Number = Annotated[int, typer.Argument(help="The id that the list shows.")]
_CRON = 'Five cron fields, such as "0 7 * * 1-5": weekdays at seven.'


@app.command()
def add(
    newsletter: Slug,
    cron: Annotated[str, typer.Argument(help=_CRON)],
    zone: Annotated[str, typer.Option(help="An IANA time zone; otherwise the newsletter's.")] = "",
    json_wanted: output.AsJson = False,
) -> None:
    """Add a schedule."""
    with opened() as service, service.transaction() as session:
        found = newsletters.by_slug(session, newsletter)
        schedule = desk.add_schedule(session, found, cron=cron, zone=zone or None, now=service.clock.now())
        record = _record(schedule)
    output.record(record, json_wanted=json_wanted)


@app.command("list")
def listing(newsletter: Slug, json_wanted: output.AsJson = False, search: output.Search = "") -> None:
    """List the schedules of a newsletter, the next slot first."""
    with opened() as service, service.reading() as session:
        found = newsletters.by_slug(session, newsletter)
        records = [_record(schedule) for schedule in newsletters.schedules(session, found.id)]
    output.table(
        output.matching(records, search),
        json_wanted=json_wanted,
        empty=output.nothing("schedule", search, f'newsletter schedules add {newsletter} "0 7 * * *"'),
    )


@app.command()
def show(
    newsletter: Annotated[str, typer.Argument(help="A newsletter's short name; otherwise all of them.")] = "",
    count: Annotated[int, typer.Option("--next", min=1, max=366, help="How many slots.")] = 10,
    json_wanted: output.AsJson = False,
    search: output.Search = "",
) -> None:
    """Show when issues are due next: local time and UTC, holidays, days on which the clocks change."""
    with opened() as service, service.reading() as session:
        chosen = [newsletters.by_slug(session, newsletter)] if newsletter else newsletters.listing(session)
        found = reporting.upcoming(session, chosen, count=count, now=service.clock.now())
        records = [_slot(each) for each in found]
    output.table(
        output.matching(records, search),
        json_wanted=json_wanted,
        empty=output.nothing("slot", search, f'newsletter schedules add {newsletter or "SLUG"} "0 7 * * *"'),
    )


@app.command()
def edit(
    schedule: Number,
    cron: Annotated[str, typer.Option(help=_CRON)] = "",
    zone: Annotated[str, typer.Option(help="An IANA time zone.")] = "",
    json_wanted: output.AsJson = False,
) -> None:
    """Change when a schedule's issues are due; one planned ahead for a time that is none any more is skipped."""
    with opened() as service, service.transaction() as session:
        now = service.clock.now()
        record = _record(desk.edit_schedule(session, schedule, cron=cron or None, zone=zone or None, now=now))
    output.record(record, json_wanted=json_wanted)


@app.command()
def stop(schedule: Number) -> None:
    """Plan no more issues from a schedule, and skip the one that is planned ahead."""
    with opened() as service, service.transaction() as session:
        desk.stop_schedule(session, schedule, now=service.clock.now())
    output.say(f"Schedule {schedule} is stopped.")


@app.command()
def resume(schedule: Number) -> None:
    """Plan issues from a schedule again, from its next slot on."""
    with opened() as service, service.transaction() as session:
        record = _record(desk.resume_schedule(session, schedule, now=service.clock.now()))
    output.record(record, json_wanted=False)


def _record(schedule: Schedule) -> output.Record:
    return {
        "id": schedule.id,
        "cron": schedule.cron,
        "zone": schedule.zone,
        "next_slot_at": schedule.next_slot_at if schedule.is_active else None,
        "is_active": schedule.is_active,
    }


def _slot(each: Upcoming) -> output.Record:
    slot = each.slot
    return {
        "newsletter": each.newsletter.slug,
        "schedule": each.schedule.id,
        "local": f"{slot.local:%a %Y-%m-%d %H:%M}",
        "zone": f"{each.schedule.zone} (UTC{_signed(slot.local.utcoffset() or timedelta())})",
        "at": slot.at,
        "goes_out": not slot.is_holiday and (each.issue is None or each.issue.status in _GOING),
        "note": "; ".join(_notes(slot, each.issue)),
    }


_GOING = (IssueStatus.PLANNED, IssueStatus.BUILT, IssueStatus.MAILED)


def _notes(slot: Slot, issue: Issue | None) -> list[str]:
    notes = []
    if slot.is_holiday:
        notes.append("holiday: no issue")
    if issue is not None:
        why = f" ({issue.reason})" if issue.reason else ""
        notes.append(f"issue {issue.id} is {issue.status}{why}")
    if slot.shift:
        notes.append(f"the clocks change by {_signed(slot.shift)} h")
    if slot.is_moved:
        notes.append("its time is missing on this day, so right after the gap")
    return notes


def _signed(span: timedelta) -> str:
    minutes = abs(span) // timedelta(minutes=1)
    return f"{'-' if span < timedelta() else '+'}{minutes // 60}:{minutes % 60:02}"
