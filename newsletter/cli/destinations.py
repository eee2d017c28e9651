"""Commands about the destinations of mail: who throttles, who is limited, what must be mended."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.domain.errors import InvalidInput
from newsletter.sending import resolving
from newsletter.store import destinations, domains
from newsletter.store.tables import Destination

app = typer.Typer(
    no_args_is_help=True,
    help="See which receivers throttle, resume or limit them, and find out who they are.",
)

_DOMAINS_SHOWN = 20
_AT_ONCE = 100  # domains asked for between two commits
_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*/\s*(s|sec|second|m|min|minute|h|hour)?")
_PER_MINUTE = {"s": 60.0, "m": 1.0, "h": 1 / 60}

Name = Annotated[
    str,
    typer.Argument(metavar="GROUP", help="As destinations list shows it; a reader's domain will do."),
]


@app.command("list")
def listing(json_wanted: output.AsJson = False, search: output.Search = "") -> None:
    """List the destinations that throttled or are limited, those in trouble first; the others are not held back."""
    with opened() as service, service.reading() as session:
        now = service.clock.now()
        records = [_summary(row, now=now) for row in destinations.listing(session)]
    empty = "No destination has throttled, and none is limited."
    output.table(
        output.matching(records, search),
        json_wanted=json_wanted,
        empty=f"No destination holds {search!r}." if search else empty,
    )


@app.command()
def show(name: Name, json_wanted: output.AsJson = False) -> None:
    """Show one destination: what was learned of it over each relay, and whose domains belong to it."""
    with opened() as service, service.reading() as session:
        group = domains.group_named(session, name)
        rows = destinations.of_name(session, group)
        found = domains.names_of_group(session, group)
        now = service.clock.now()
        fields: dict[str, object] = {
            "destination": group,
            "domain_count": len(found),
            "domains": found[:_DOMAINS_SHOWN],
            "relays": [_details(row, now=now) for row in rows],
        }
    if json_wanted:
        output.as_json(fields)
        return
    output.record({key: fields[key] for key in ("destination", "domain_count", "domains")}, json_wanted=False)
    for details in (_details(row, now=now) for row in rows):
        output.record(details, json_wanted=False)
    if not rows:
        output.say("It has never throttled and has no limit.")


@app.command()
def resume(
    name: Name,
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget the learned rate as well, and send as fast as before.")
    ] = False,
) -> None:
    """Let mail go to a destination again, slowly: after what was at fault has been mended."""
    with opened() as service, service.transaction() as session:
        group = domains.group_named(session, name)
        destinations.resume(session, group, now=service.clock.now(), is_forgiven=forget)
        rates = [row.rate for row in destinations.named(session, group) if row.rate is not None]
    pace = f", beginning with {_per_minute(min(rates))}" if rates else ""
    output.say(f"Mail to {group} goes on within two seconds{pace}.")
    if rates:
        output.say(f"To send as fast as before: newsletter destinations resume {group} --forget")


@app.command()
def limit(
    name: Name,
    rate: Annotated[str, typer.Option(help="Such as 600/min, 10/s or 5000/h; none lifts the limit.")],
) -> None:
    """Let no more than so many messages go to a destination, over all relays and workers together."""
    wanted = _rate(rate)
    with opened() as service, service.transaction() as session:
        group = domains.group_named(session, name)
        destinations.limit(session, group, wanted, now=service.clock.now())
        has_readers = bool(domains.of_group(session, group))
    if wanted is None:
        output.say(f"{group} has no limit of yours any more.")
        return
    output.say(f"At most {_per_minute(wanted)} go to {group}, from within two seconds on.")
    if not has_readers:
        output.say(
            "No reader's domain belongs to it yet. Find out more with: newsletter destinations resolve"
        )


@app.command()
def resolve(
    nameserver: Annotated[
        str, typer.Option(help="IP address of the name server to ask; otherwise this machine's.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many domains at most.")] = 10_000,
    json_wanted: output.AsJson = False,
) -> None:
    """Ask the DNS to which destinations the readers' domains belong, those of many readers first."""
    asked = found = 0
    with opened() as service, output.counting("domains") as progress:
        while asked < limit:
            some = min(_AT_ONCE, limit - asked)
            resolved = resolving.resolve_some(
                service.transaction, limit=some, now=service.clock.now(), server=nameserver
            )
            if not resolved.asked_count:
                break
            asked, found = asked + resolved.asked_count, found + resolved.found_count
            progress(asked)
    output.record({"asked": asked, "found": found}, json_wanted=json_wanted)
    if found < asked:
        output.say(
            f"{asked - found:,} domains have no mail server that answers; they are asked for again in a day."
        )


def _rate(text: str) -> float | None:
    """Read 600/min, 10/s, 5000/h or none, as messages a minute."""
    if text.strip().lower() == "none":
        return None
    found = _RATE.fullmatch(text.strip().lower() if "/" in text else f"{text.strip()}/min")
    rate = float(found.group(1)) * _PER_MINUTE[(found.group(2) or "m")[0]] if found else 0.0
    if rate <= 0:
        raise InvalidInput(
            f"{text!r} is no rate.",
            hint="Give one such as 600/min, 10/s, 5000/h, or none.",
            reason="bad_rate",
        )
    return rate


def _summary(row: Destination, *, now: datetime) -> output.Record:
    return {
        "destination": row.mx_group or row.relay,
        "relay": row.relay or "all",
        "state": _state(row, now=now),
        "rate_per_minute": _rounded(row.rate),
        "limit_per_minute": _rounded(row.limit_rate),
        "last_hit_at": row.last_hit_at,
        "fault": row.fault,
    }


def _details(row: Destination, *, now: datetime) -> dict[str, object]:
    return {
        "relay": row.relay or "all",
        "state": _state(row, now=now),
        "rate_per_minute": _rounded(row.rate),
        "limit_per_minute": _rounded(row.limit_rate),
        "suspended_until": row.suspended_until,
        "hits_within_an_hour": row.hits,
        "last_hit_at": row.last_hit_at,
        "last_reply": row.last_reply,
        "fault": row.fault,
        "updated_at": row.updated_at,
    }


def _state(row: Destination, *, now: datetime) -> str:
    if row.suspended_until is not None and now < row.suspended_until:
        return f"suspended until {row.suspended_until:%Y-%m-%d %H:%M} UTC"
    if row.rate is not None:
        return "slowed"
    return "limited" if row.limit_rate is not None else "free"


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 1)


def _per_minute(rate: float) -> str:
    return f"{rate:g} message{'' if rate == 1 else 's'} a minute"
