"""Commands about signing keys."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.domain import webhooks
from newsletter.store import keys
from newsletter.store.tables import KeyPurpose, SigningKey

app = typer.Typer(no_args_is_help=True, help="List and rotate the signing keys.")


@app.command("list")
def listing(
    json_wanted: output.AsJson = False,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the secrets of hooks, which the website signs with.")
    ] = False,
) -> None:
    """List the keys; the newest of a purpose signs, all that are not retired verify."""
    with opened() as service, service.reading() as session:
        records = [_record(key, reveal=reveal) for key in keys.listing(session)]
    output.table(records, json_wanted=json_wanted, empty="There is no key. Make them with: newsletter init")


@app.command()
def rotate(
    purpose: Annotated[KeyPurpose, typer.Argument(help="What the key signs.")],
) -> None:
    """Make a new key that signs from now on; older ones go on verifying, so that old links work."""
    with opened() as service, service.transaction() as session:
        number = keys.rotate(session, purpose, now=service.clock.now())
    output.say(f"Key {number} of {purpose} signs from now on.")
    if purpose is KeyPurpose.HOOKS:
        output.say(
            "Give the website its new secret: newsletter keys list --reveal. "
            "Then end the old one: newsletter keys retire hooks NUMBER"
        )


@app.command()
def retire(
    purpose: Annotated[KeyPurpose, typer.Argument(help="What the key signs.")],
    number: Annotated[int, typer.Argument(min=1, max=255)],
) -> None:
    """Stop accepting what a key signed; keys of links and keys that sign now stay."""
    with opened() as service, service.transaction() as session:
        keys.retire(session, purpose, number, now=service.clock.now())
    output.say(f"Key {number} of {purpose} is retired.")


def _record(key: SigningKey, *, reveal: bool) -> output.Record:
    fields: dict[str, object] = {
        "purpose": key.purpose,
        "number": key.number,
        "created_at": key.created_at,
        "retired_at": key.retired_at,
    }
    if reveal:
        is_shared = key.purpose is KeyPurpose.HOOKS and key.retired_at is None
        fields["secret"] = webhooks.encode_secret(key.secret) if is_shared else None
    return fields
