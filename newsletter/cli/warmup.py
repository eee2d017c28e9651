"""Commands about the warm-up of senders."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.domain import addresses
from newsletter.domain import warmup as rules
from newsletter.store import Session, newsletters, warmups
from newsletter.store.tables import WarmupState

app = typer.Typer(no_args_is_help=True, help="Let the domain of a new sender grow.")

Domain = Annotated[str, typer.Argument(help="The domain of the From address, such as post.example.com.")]


@app.command()
def start(domain: Domain) -> None:
    """Begin a warm-up: 200 messages on the first day, and more each day on which receivers are content."""
    named = addresses.domain_a_label(domain)
    with opened() as service, service.transaction() as session:
        warmups.start(session, named, rules.begin(service.clock.now().date()))
        is_used = any(
            each.from_address.lower().endswith(f"@{named}") for each in newsletters.listing(session)
        )
    output.say(
        f"At most {rules.FIRST} messages of {named} go out today; in {rules.DAYS} days it has no ceiling."
    )
    output.say(f"See how it goes with: newsletter warmup show {named}")
    if not is_used:
        output.say(
            "No newsletter sends from this domain. See the addresses with: newsletter newsletters list"
        )


@app.command()
def show(
    domain: Annotated[str, typer.Argument(help="The domain; otherwise all are listed.")] = "",
    json_wanted: output.AsJson = False,
    search: output.Search = "",
) -> None:
    """Show what may go out today, what did, and why the ceiling rose or stayed."""
    with opened() as service, service.reading() as session:
        today = service.clock.now()
        if domain:
            row = warmups.get(session, addresses.domain_a_label(domain))
            fields = _fields(session, row, now=today) | {"history": row.history}
            output.record(fields, json_wanted=json_wanted)
            return
        records = [_fields(session, row, now=today) for row in warmups.listing(session)]
    output.table(
        output.matching(records, search),
        json_wanted=json_wanted,
        empty=output.nothing("warm-up", search, "newsletter warmup start DOMAIN"),
    )


@app.command()
def stop(domain: Domain) -> None:
    """End a warm-up: the domain has no ceiling any more."""
    named = addresses.domain_a_label(domain)
    with opened() as service, service.transaction() as session:
        warmups.stop(session, named)
    output.say(f"{named} has no ceiling any more, from within ten seconds on.")


def _fields(session: Session, row: WarmupState, *, now: datetime) -> dict[str, object]:
    midnight = datetime.combine(now.date(), time(), UTC)
    is_over = row.day >= rules.DAYS
    return {
        "domain": row.domain,
        "started_on": row.started_on,
        "day": f"{min(row.day + 1, rules.DAYS)} of {rules.DAYS}",
        "ceiling": None if is_over else row.ceiling,
        "used_today": warmups.used_count(session, row.domain, since=midnight),
        "state": "over" if is_over else str(row.history[-1]["why"]) if row.history else "begun",
    }
