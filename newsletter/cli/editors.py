"""Commands about editors and their keys to the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from newsletter.cli import acting, output
from newsletter.cli.opening import opened
from newsletter.digest import editors as desk
from newsletter.domain.editors import Role
from newsletter.store import Session, editors, newsletters
from newsletter.store.editors import Key
from newsletter.store.tables import Editor

app = typer.Typer(no_args_is_help=True, help="Name the editors, what they may do, and their keys to the API.")
token_app = typer.Typer(no_args_is_help=True, help="Give editors keys to the API, and take them back.")
app.add_typer(token_app, name="token")

Name = Annotated[str, typer.Argument(help="The editor's name.")]
Newsletters = Annotated[
    list[str] | None,
    typer.Option("--newsletter", help="Only for this newsletter; may be repeated. Otherwise for all."),
]


@app.command()
def add(
    name: Name,
    address: Annotated[str, typer.Option(help="Where mail of the desk goes.")],
    role: Annotated[Role, typer.Option(help="draft arranges, send also decides, admin does all.")],
    newsletter: Newsletters = None,
    by: acting.By = "",
    json_wanted: output.AsJson = False,
) -> None:
    """Add an editor."""
    with opened() as service, service.transaction() as session:
        editor = desk.add(
            session,
            name=name,
            address=address,
            role=role,
            slugs=newsletter or (),
            actor=acting.actor(by),
            now=service.clock.now(),
        )
        fields = _record(session, editor)
    output.record(fields, json_wanted=json_wanted)


@app.command("list")
def listing(json_wanted: output.AsJson = False, search: output.Search = "") -> None:
    """List editors."""
    with opened() as service, service.reading() as session:
        records = [_record(session, editor) for editor in editors.listing(session, search=search)]
    empty = output.nothing("editor", search, "newsletter editors add NAME --address ADDRESS --role send")
    output.table(records, json_wanted=json_wanted, empty=empty)


@app.command("role")
def role_(
    name: Name,
    role: Annotated[Role, typer.Argument(help="draft arranges, send also decides, admin does all.")],
    by: acting.By = "",
) -> None:
    """Let an editor do more or less."""
    with opened() as service, service.transaction() as session:
        desk.change_role(session, name, role, actor=acting.actor(by), now=service.clock.now())
    output.say(f"{name} has the role {role} now.")


@app.command()
def disable(name: Name, by: acting.By = "") -> None:
    """End what an editor may do; links in mails and tokens stop working at once."""
    with opened() as service, service.transaction() as session:
        desk.disable(session, name, actor=acting.actor(by), now=service.clock.now())
    output.say(f"{name} is disabled.")


@token_app.command("add")
def add_token(
    editor: Annotated[str, typer.Argument(help="In whose name it acts.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    role: Annotated[Role | None, typer.Option(help="At most the editor's own, which is the default.")] = None,
    newsletter: Newsletters = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="How long it works; else for ever.")
    ] = None,
    by: acting.By = "",
    json_wanted: output.AsJson = False,
) -> None:
    """Give an editor a key to the API; its secret is shown this once."""
    with opened() as service, service.transaction() as session:
        token, secret = desk.add_token(
            session,
            editor,
            name=name,
            role=role,
            slugs=newsletter or (),
            lifetime=None if days is None else timedelta(days=days),
            actor=acting.actor(by),
            now=service.clock.now(),
        )
        fields = {"id": token.id, "role": token.role, "expires_at": token.expires_at, "secret": secret}
    output.record(fields, json_wanted=json_wanted)
    output.say("Keep the secret now: only its hash is stored.")


@token_app.command("list")
def tokens(json_wanted: output.AsJson = False, search: output.Search = "") -> None:
    """List the keys to the API; secrets are shown to nobody."""
    with opened() as service, service.reading() as session:
        records = output.matching((_token(session, key) for key in editors.tokens(session)), search)
    empty = output.nothing("token", search, "newsletter editors token add EDITOR --name NAME")
    output.table(records, json_wanted=json_wanted, empty=empty)


@token_app.command()
def revoke(
    token: Annotated[int, typer.Argument(metavar="ID", help="As the list shows it.")], by: acting.By = ""
) -> None:
    """Stop a key from opening anything, at once."""
    with opened() as service, service.transaction() as session:
        desk.revoke_token(session, token, actor=acting.actor(by), now=service.clock.now())
    output.say(f"Token {token} is revoked.")


def _record(session: Session, editor: Editor) -> output.Record:
    return {
        "name": editor.name,
        "address": editor.address,
        "role": editor.role,
        "newsletters": _slugs(session, editor.newsletters),
        "created_at": editor.created_at,
        "disabled_at": editor.disabled_at,
    }


def _token(session: Session, key: Key) -> output.Record:
    return {
        "id": key.token.id,
        "editor": key.editor.name,
        "name": key.token.name,
        "role": key.token.role,
        "newsletters": _slugs(session, key.token.newsletters),
        "expires_at": key.token.expires_at,
        "used_at": key.token.used_at,
        "revoked_at": key.token.revoked_at,
    }


def _slugs(session: Session, newsletter_ids: list[int]) -> list[str] | str:
    return [newsletters.get(session, found).slug for found in newsletter_ids] or "all"
