"""Commands about the schedules of a newsletter."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.newsletters import Slug
from newsletter.cli.opening import opened
from newsletter.digest import newsletters as desk
from newsletter.store import newsletters
from newsletter.store.tables import Schedule

app = typer.Typer(no_args_is_help=True, help="Add, list and stop the times at which issues are due.")
Number = Annotated[int, typer.Argument(help="The id that the list shows.")]


@app.command()
def add(
    newsletter: Slug,
    cron: Annotated[str, typer.Argument(help='Five cron fields, such as "0 7 * * 1-5": weekdays at seven.')],
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
def stop(schedule: Number) -> None:
    """Plan no more issues from a schedule."""
    with opened() as service, service.transaction() as session:
        desk.stop_schedule(session, schedule)
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
