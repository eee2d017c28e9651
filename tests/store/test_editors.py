"""Keys to the API: shown once, kept as a hash, and narrower than their editors."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from newsletter.digest import editors as desk
from newsletter.domain.editors import Role
from newsletter.domain.errors import Conflict, Forbidden
from newsletter.store import Database, Session, audit, editors
from tests.builders import EDITOR, add_newsletter
from tests.clocks import NOON


def add_ada(session: Session, role: Role = Role.SEND, **over: object) -> str:
    values: dict[str, object] = {"name": "Ada", "address": "ada@post.example.com", "role": role}
    return desk.add(session, **(values | over), actor=EDITOR, now=NOON).name  # type: ignore[arg-type]


def test_a_secret_opens_until_it_expires_is_revoked_or_its_editor_is_disabled(session: Session) -> None:
    add_ada(session)
    lives = timedelta(days=1)
    token, secret = desk.add_token(session, "Ada", name="CMS", lifetime=lives, actor=EDITOR, now=NOON)
    other, second = desk.add_token(session, "Ada", name="Phone", actor=EDITOR, now=NOON)

    key = editors.by_secret(session, secret, now=NOON)
    assert key is not None
    assert (key.editor.name, key.token.id, secret.encode() in key.token.secret_hash) == (
        *("Ada", token.id),
        False,
    )
    assert editors.by_secret(session, secret, now=NOON + lives) is None
    assert editors.by_secret(session, secret[:-1], now=NOON) is None
    desk.revoke_token(session, token.id, actor=EDITOR, now=NOON)
    assert editors.by_secret(session, secret, now=NOON) is None
    assert editors.by_secret(session, second, now=NOON) is not None
    desk.disable(session, "Ada", actor=EDITOR, now=NOON)
    assert editors.by_secret(session, second, now=NOON) is None
    assert [event.action for event in audit.listing(session, search="Ada")] == [
        *("editor_disable", "token_add", "token_add", "editor_add")
    ]
    assert other.id != token.id


def test_a_token_never_does_more_than_its_editor(session: Session) -> None:
    daily, weekly = add_newsletter(session), add_newsletter(session, slug="weekly")
    add_ada(session, Role.SEND, slugs=("daily",))
    with pytest.raises(Conflict):
        desk.add_token(session, "Ada", name="x", role=Role.ADMIN, actor=EDITOR, now=NOON)
    with pytest.raises(Conflict):
        desk.add_token(session, "Ada", name="x", slugs=("weekly",), actor=EDITOR, now=NOON)
    _, secret = desk.add_token(session, "Ada", name="x", actor=EDITOR, now=NOON)
    key = editors.by_secret(session, secret, now=NOON)
    assert key is not None

    desk.change_role(session, "Ada", Role.DRAFT, actor=EDITOR, now=NOON)
    actor = desk.actor_of_token(key)

    assert (actor.role, actor.newsletters) == (Role.DRAFT, frozenset({daily.id}))
    key.token.newsletters = [weekly.id]
    with pytest.raises(Forbidden):
        desk.actor_of_token(key)


def test_only_an_admin_of_all_newsletters_names_editors(session: Session) -> None:
    add_newsletter(session)
    add_ada(session, Role.ADMIN, slugs=("daily",))
    _, secret = desk.add_token(session, "Ada", name="x", actor=EDITOR, now=NOON)
    key = editors.by_secret(session, secret, now=NOON)
    assert key is not None

    with pytest.raises(Forbidden):
        desk.add(
            session,
            name="Ben",
            address="ben@post.example.com",
            role=Role.DRAFT,
            actor=desk.actor_of_token(key),
            now=NOON,
        )
    with pytest.raises(Conflict):
        add_ada(session)


@pytest.mark.parametrize("change", ["UPDATE audit_events SET action = 'x'", "DELETE FROM audit_events"])
def test_what_was_done_cannot_be_changed(database: Database, change: str) -> None:
    with database.transaction() as session:
        add_ada(session)

    with pytest.raises(Exception, match="append-only"), database.transaction() as session:
        session.execute(text(change))
