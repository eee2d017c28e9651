"""Keep editors and their keys to the API."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from newsletter.domain.editors import Role
from newsletter.domain.errors import Conflict, NotFound
from newsletter.runtime import ids
from newsletter.store.tables import ApiToken, Editor

PREFIX = "nlt_"  # so that scanners for leaked secrets, and people, know what it is
_SECRET_BYTES = 32
_SECRET_MAX = 200  # characters looked at
_USED_EVERY = timedelta(minutes=1)  # the last use is written down no more often: reading should not write


@dataclass(frozen=True)
class Key:
    """Hold a token with the editor in whose name it acts."""

    token: ApiToken
    editor: Editor


def add(
    session: Session, *, name: str, address: str, role: Role, newsletters: Collection[int], now: datetime
) -> Editor:
    """Add an editor; raise Conflict when the name is taken."""
    if find(session, name) is not None:
        raise Conflict(
            f"There is an editor {name!r} already.",
            hint="See them with: newsletter editors list",
            reason="name_taken",
        )
    editor = Editor(
        name=name, address=address, role=role, newsletters=sorted(set(newsletters)), created_at=now
    )
    session.add(editor)
    session.flush()
    return editor


def find(session: Session, name: str) -> Editor | None:
    """Return an editor by name, or None."""
    return session.scalar(select(Editor).where(Editor.name == name))


def by_name(session: Session, name: str) -> Editor:
    """Return an editor by name; raise NotFound."""
    found = find(session, name)
    if found is None:
        raise NotFound(
            f"There is no editor {name[:60]!r}.",
            hint="See them with: newsletter editors list",
            reason="unknown_editor",
        )
    return found


def get(session: Session, editor_id: int) -> Editor:
    """Return an editor by id; raise NotFound."""
    found = session.get(Editor, editor_id)
    if found is None:
        raise NotFound(f"There is no editor {editor_id}.", reason="unknown_editor")
    return found


def listing(session: Session, *, search: str = "") -> Sequence[Editor]:
    """Return editors by name; every word of ``search`` stands in name, address or role."""
    query = select(Editor).order_by(Editor.name)
    for word in search.split():
        columns = (Editor.name, Editor.address)
        holds = [column.icontains(word, autoescape=True) for column in columns]
        query = query.where(or_(*holds, Editor.role.in_([role for role in Role if word.lower() in role])))
    return session.scalars(query).all()


def active(session: Session) -> Sequence[Editor]:
    """Return the editors who are not disabled, by id."""
    return session.scalars(select(Editor).where(Editor.disabled_at.is_(None)).order_by(Editor.id)).all()


def add_token(
    session: Session,
    editor: Editor,
    *,
    name: str,
    role: Role,
    newsletters: Collection[int],
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, str]:
    """Add a key to the API and return it with its secret, which is shown once: only its hash is kept."""
    secret = PREFIX + urlsafe_b64encode(ids.secret_bytes(_SECRET_BYTES)).decode("ascii").rstrip("=")
    token = ApiToken(
        editor_id=editor.id,
        name=name,
        role=role,
        newsletters=sorted(set(newsletters)),
        secret_hash=_hashed(secret),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(token)
    session.flush()
    return token, secret


def token(session: Session, token_id: int) -> ApiToken:
    """Return a token by id; raise NotFound."""
    found = session.get(ApiToken, token_id)
    if found is None:
        raise NotFound(
            f"There is no token {token_id}.",
            hint="See them with: newsletter editors token list",
            reason="unknown_token",
        )
    return found


def tokens(session: Session) -> list[Key]:
    """Return all tokens with their editors, the oldest first."""
    rows = session.execute(
        select(ApiToken, Editor).join(Editor, Editor.id == ApiToken.editor_id).order_by(ApiToken.id)
    )
    return [Key(found, editor) for found, editor in rows]


def by_secret(session: Session, secret: str, *, now: datetime) -> Key | None:
    """Return what a secret opens; None when it is unknown, revoked, expired or its editor is disabled.

    It is looked up by its hash, so that how long this takes says nothing about a secret.
    """
    if not secret.startswith(PREFIX) or len(secret) > _SECRET_MAX or not secret.isascii():
        return None
    hashed = _hashed(secret)
    row = session.execute(
        select(ApiToken, Editor)
        .join(Editor, Editor.id == ApiToken.editor_id)
        .where(ApiToken.secret_hash == hashed)
    ).one_or_none()
    if row is None or not hmac.compare_digest(row[0].secret_hash, hashed):
        return None
    found, editor = row
    is_over = found.expires_at is not None and found.expires_at <= now
    if is_over or found.revoked_at is not None or editor.disabled_at is not None:
        return None
    return Key(found, editor)


def is_use_due(token: ApiToken, *, now: datetime) -> bool:
    """Say whether a use is to be written down."""
    return token.used_at is None or token.used_at <= now - _USED_EVERY


def _hashed(secret: str) -> bytes:
    return blake2b(secret.encode("ascii"), digest_size=32, person=b"api token").digest()
