"""Commands about addresses that must get no mail."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.domain import addresses
from newsletter.domain.errors import NotFound
from newsletter.domain.suppressions import SuppressionReason, SuppressionScope, scope_of_newsletter
from newsletter.feedback import explain
from newsletter.store import Session, newsletters, suppressions
from newsletter.store.tables import Outcome, Suppression

app = typer.Typer(no_args_is_help=True, help="See, add and lift what keeps mail from addresses.")
Address = Annotated[str, typer.Argument(help="A mail address.")]
OfNewsletter = Annotated[
    str, typer.Option("--newsletter", help="Slug: for that newsletter alone, and not for all.")
]
_ERASED = "(erased)"


@app.callback()
def suppressed() -> None:
    """See, add and lift what keeps mail from addresses."""


@app.command("list")
def listing(
    search: output.Search = "",
    reason: Annotated[SuppressionReason | None, typer.Option(help="Only those with this reason.")] = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Only those that wait for a second failure, or for you.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 50,
    json_wanted: output.AsJson = False,
) -> None:
    """List what stands against addresses now."""
    with opened() as service, service.reading() as session:
        found = suppressions.listing(
            session, now=service.clock.now(), search=search, reason=reason, is_pending=pending, limit=limit
        )
        names = _names(session)
    output.table(
        [_summary(row, names) for row in found],
        json_wanted=json_wanted,
        empty=output.nothing("suppression", search, "newsletter suppressions add ADDRESS"),
    )


@app.command()
def add(
    address: Address,
    newsletter: OfNewsletter = "",
    note: Annotated[str, typer.Option(help="Why, for whoever asks later.")] = "",
) -> None:
    """Keep bulk mail from an address until you lift that; what was pending for it is in force."""
    parsed = addresses.parse(address)
    with opened() as service, service.transaction() as session:
        is_new = suppressions.add(
            session,
            parsed.key,
            reason=SuppressionReason.MANUAL,
            evidence=note or "command line",
            now=service.clock.now(),
            scope=_scope(session, newsletter),
        )
    output.say("The address gets no more mail." if is_new else "It was suppressed for good already.")


@app.command()
def remove(address: Address, newsletter: OfNewsletter = "") -> None:
    """Let an address get mail again, whatever stood against it; failures until now do not count any more."""
    parsed = addresses.parse(address)
    with opened() as service, service.transaction() as session:
        now = service.clock.now()
        scopes = [_scope(session, newsletter)] if newsletter else _scopes(session, parsed.key)
        lifted = [scope for scope in scopes if suppressions.lift(session, parsed.key, now=now, scope=scope)]
    if not lifted:
        raise NotFound(
            "Nothing stands against this address.",
            hint=f"See what is known with: newsletter suppressions why {parsed}",
            reason="not_suppressed",
        )
    output.say("The address may get mail again.")


@app.command()
def why(address: Address, json_wanted: output.AsJson = False) -> None:
    """Say what stands or stood against an address, what came back from it, and what the rules make of that."""
    parsed = addresses.parse(address)
    with opened() as service, service.reading() as session:
        now = service.clock.now()
        found = explain.explain(session, parsed, now=now)
        names = _names(session)
    fields = {
        "address": str(parsed),
        "subscriber_id": found.reader.id if found.reader else None,
        "suppressions": [_full(row, names, now=now) for row in found.suppressions],
        "score": round(found.verdict.score, 2),
        "decision": found.verdict.decision,
        "outcomes": [_outcome(outcome) for outcome in found.outcomes],
    }
    output.record(fields, json_wanted=json_wanted)


def _scope(session: Session, newsletter: str) -> str:
    if not newsletter:
        return SuppressionScope.BULK
    return scope_of_newsletter(newsletters.by_slug(session, newsletter).id)


def _scopes(session: Session, address_key: str) -> list[str]:
    return [row.scope for row in suppressions.of_address(session, address_key)]


def _names(session: Session) -> dict[str, str]:
    return {scope_of_newsletter(each.id): each.slug for each in newsletters.listing(session)}


def _summary(row: Suppression, names: dict[str, str]) -> dict[str, object]:
    return {
        "address": _ERASED if row.address_key.startswith("#") else row.address_key,
        "scope": names.get(row.scope, row.scope),
        "reason": row.reason,
        "pending": row.pending,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "evidence": row.evidence,
    }


def _full(row: Suppression, names: dict[str, str], *, now: datetime) -> dict[str, object]:
    has_ended = row.expires_at is not None and row.expires_at <= now
    is_standing = row.lifted_at is None and not has_ended
    state = ("pending" if row.pending else "in force") if is_standing else "over"
    return {
        **_summary(row, names),
        "state": state,
        "lifted_at": row.lifted_at,
        "outcome_ids": row.outcome_ids,
    }


def _outcome(outcome: Outcome) -> dict[str, object]:
    return {
        "id": outcome.id,
        "at": outcome.at,
        "kind": outcome.kind,
        "reason": outcome.reason,
        "category": outcome.category,
        "mailing": outcome.mailing_id,
        "identified_by": outcome.identified_by,
        "named": outcome.named_recipient,
        "arrival": outcome.arrival_id,
        "evidence": outcome.evidence,
    }
