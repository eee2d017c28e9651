"""Say who the editors are, and give them keys to the API."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from newsletter.domain import addresses, articles
from newsletter.domain.editors import Actor, Role, Way, common, is_at_least, narrower, require
from newsletter.domain.errors import Conflict, Forbidden, InvalidInput
from newsletter.store import Session, audit, editors, newsletters
from newsletter.store.editors import Key
from newsletter.store.tables import ApiToken, Editor

_NAME_MAX = 120


def add(
    session: Session,
    *,
    name: str,
    address: str,
    role: Role,
    slugs: Collection[str] = (),
    actor: Actor,
    now: datetime,
) -> Editor:
    """Add an editor for the newsletters named, or for all; raise Conflict when the name is taken."""
    require(actor, Role.ADMIN)
    bound = _ids(session, slugs)
    editor = editors.add(
        session,
        name=_named(name),
        address=str(addresses.parse(address)),
        role=role,
        newsletters=bound,
        now=now,
    )
    audit.append(session, actor, "editor_add", now=now, editor=editor.name, role=role, newsletters=bound)
    return editor


def change_role(session: Session, name: str, role: Role, *, actor: Actor, now: datetime) -> Editor:
    """Let an editor do more or less; their tokens never do more than they may."""
    require(actor, Role.ADMIN)
    editor = editors.by_name(session, name)
    editor.role = role
    audit.append(session, actor, "editor_role", now=now, editor=name, role=role)
    return editor


def disable(session: Session, name: str, *, actor: Actor, now: datetime) -> Editor:
    """End what an editor may do: links in mails and tokens stop working at once; what they did stays known."""
    require(actor, Role.ADMIN)
    editor = editors.by_name(session, name)
    if editor.disabled_at is None:
        editor.disabled_at = now
        audit.append(session, actor, "editor_disable", now=now, editor=name)
    return editor


def add_token(
    session: Session,
    editor_name: str,
    *,
    name: str,
    role: Role | None = None,
    slugs: Collection[str] = (),
    lifetime: timedelta | None = None,
    actor: Actor,
    now: datetime,
) -> tuple[ApiToken, str]:
    """Give an editor a key to the API and return it with its secret, which cannot be shown again.

    Role and newsletters can only narrow what the editor may do; raise Conflict when they leave nothing.
    """
    require(actor, Role.ADMIN)
    editor = editors.by_name(session, editor_name)
    if editor.disabled_at is not None:
        raise Conflict(f"{editor.name} is disabled.", hint="Choose another editor.", reason="disabled")
    wanted, bound = role or editor.role, _ids(session, slugs)
    if not is_at_least(editor.role, wanted) or common(editor.newsletters, bound) is None:
        raise Conflict(
            f"A token does no more than its editor: {editor.name} has the role {editor.role.value!r}.",
            hint="Give a lower role, or newsletters of the editor.",
            reason="too_much",
        )
    token, secret = editors.add_token(
        session,
        editor,
        name=_named(name),
        role=wanted,
        newsletters=bound,
        now=now,
        expires_at=None if lifetime is None else now + lifetime,
    )
    audit.append(session, actor, "token_add", now=now, editor=editor.name, token=token.id, role=wanted)
    return token, secret


def revoke_token(session: Session, token_id: int, *, actor: Actor, now: datetime) -> ApiToken:
    """Stop a token from opening anything."""
    require(actor, Role.ADMIN)
    token = editors.token(session, token_id)
    if token.revoked_at is None:
        token.revoked_at = now
        audit.append(session, actor, "token_revoke", now=now, token=token_id)
    return token


def actor_of_token(key: Key) -> Actor:
    """Return who acts with a token; raise Forbidden when editor and token have no newsletter in common."""
    bound = common(key.editor.newsletters, key.token.newsletters)
    if bound is None:
        raise Forbidden(
            "This token is for newsletters that its editor is not for.",
            hint="Make another: newsletter editors token add",
            reason="role_missing",
        )
    return Actor(
        name=key.editor.name,
        way=Way.API,
        role=narrower(key.editor.role, key.token.role),
        newsletters=bound,
    )


def actor_by_mail(editor: Editor) -> Actor:
    """Return an editor who follows a link of a mail; raise Forbidden when that one is disabled."""
    if editor.disabled_at is not None:
        raise Forbidden(f"{editor.name} is disabled.", hint="Ask an admin.", reason="disabled")
    return Actor(name=editor.name, way=Way.MAIL, role=editor.role, newsletters=frozenset(editor.newsletters))


def _ids(session: Session, slugs: Collection[str]) -> Sequence[int]:
    return sorted({newsletters.by_slug(session, slug).id for slug in slugs})


def _named(name: str) -> str:
    clean = articles.plain_text(name, limit=_NAME_MAX)
    if not clean:
        raise InvalidInput("The name is empty.", hint="Give a name.", reason="name_empty")
    return clean
