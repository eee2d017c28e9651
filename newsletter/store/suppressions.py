"""Keep the addresses that must get no mail.

An erased address is kept as its keyed hash: nobody can read it, and who signs up with it again is recognised.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import cast  # row counts need a cursor's type

from sqlalchemy import ColumnElement, CursorResult, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.domain.suppressions import (
    BY_FEEDBACK,
    LIFTED_BY_CONFIRMATION,
    Pending,
    SuppressionScope,
    hashed,
    may_be_asked,
)
from newsletter.store import keys as signing_keys
from newsletter.store import lists
from newsletter.store.tables import KeyPurpose, SigningKey, Subscriber, Suppression


def add(
    session: Session,
    address_key: str,
    *,
    reason: str,
    evidence: str,
    now: datetime,
    scope: str = SuppressionScope.BULK,
    expires_at: datetime | None = None,
    pending: Pending | None = None,
    outcome_ids: Sequence[int] = (),
) -> bool:
    """Suppress an address, or suppress it again after that was lifted; False when nothing had to change.

    A reason that lasts replaces one that ends or that a confirmation would lift; otherwise the first one stays. What
    is pending replaces nothing that stands, and is replaced by what is not.
    """
    address_key = _known_as(session, address_key)
    present = _standing(session, address_key, now=now, scope=scope)
    if present is not None and pending is not None:
        return False
    if (
        present is not None
        and present.pending is None
        and (expires_at is not None or may_be_asked(reason))
        and present.expires_at is None
    ):
        return False
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    values = {
        "reason": reason,
        "pending": pending,
        "evidence": evidence,
        "outcome_ids": list(outcome_ids),
        "created_at": now,
        "expires_at": expires_at,
        "lifted_at": None,
    }
    added = session.execute(
        dialect.insert(Suppression)
        .values(address_key=address_key, scope=scope, **values)
        .on_conflict_do_update(
            index_elements=["address_key", "scope"],
            set_=values,
            where=Suppression.lifted_at.is_not(None)
            | Suppression.expires_at.is_not(None)
            | Suppression.pending.is_not(None)
            | Suppression.reason.in_(LIFTED_BY_CONFIRMATION),
        )
        .returning(Suppression.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    return added is not None


def lift(session: Session, address_key: str, *, now: datetime, scope: str = SuppressionScope.BULK) -> bool:
    """Let an address get mail again, and forgive what failed until now; False when nothing stood against it."""
    result = session.execute(
        update(Suppression)
        .where(
            Suppression.address_key == _known_as(session, address_key),
            Suppression.scope == scope,
            _stands(now),
        )
        .values(lifted_at=now, forgiven_at=now)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount == 1


def withdraw(session: Session, address_key: str, *, now: datetime) -> None:
    """Take back what bounces or complaints did to an address, and forgive nothing: the rules judged otherwise."""
    session.execute(
        update(Suppression)
        .where(
            Suppression.address_key == address_key,
            Suppression.scope == SuppressionScope.BULK,
            Suppression.reason.in_(BY_FEEDBACK),
            _stands(now),
        )
        .values(lifted_at=now)
        .execution_options(synchronize_session=False)
    )


def active_keys(
    session: Session,
    keys: Collection[str],
    now: datetime,
    *,
    scopes: Collection[str] = (SuppressionScope.BULK,),
) -> set[str]:
    """Return those of the address keys that are suppressed now, in any of the scopes."""
    by_hash = {hashed(key, secret): key for secret in _secrets(session) for key in keys}
    found = session.scalars(
        select(Suppression.address_key).where(
            lists.among(session, Suppression.address_key, [*keys, *by_hash]),
            Suppression.scope.in_(scopes),
            _is_in_force(now),
        )
    )
    return {by_hash.get(key, key) for key in found}


def why(
    session: Session, address_key: str, *, now: datetime, scope: str = SuppressionScope.BULK
) -> Suppression | None:
    """Return what suppresses an address now."""
    found = _standing(session, _known_as(session, address_key), now=now, scope=scope)
    return found if found is not None and found.pending is None else None


def of_address(session: Session, address_key: str) -> list[Suppression]:
    """Return all that stands or ever stood against an address, in every scope."""
    return list(
        session.scalars(
            select(Suppression)
            .where(Suppression.address_key == _known_as(session, address_key))
            .order_by(Suppression.scope)
            .execution_options(populate_existing=True)
        )
    )


def of_keys(session: Session, address_keys: Collection[str]) -> dict[str, Suppression]:
    """Return what stands or stood against living addresses, for all bulk mail."""
    rows = session.scalars(
        select(Suppression)
        .where(
            lists.among(session, Suppression.address_key, address_keys),
            Suppression.scope == SuppressionScope.BULK,
        )
        .execution_options(populate_existing=True)
    )
    return {row.address_key: row for row in rows}


def listing(
    session: Session,
    *,
    now: datetime,
    search: str = "",
    reason: str | None = None,
    is_pending: bool = False,
    limit: int,
) -> list[Suppression]:
    """Return what stands against addresses, the newest first; ``search`` is a part of an address."""
    statement = select(Suppression).where(_stands(now))
    if search:
        key = search.casefold()
        statement = statement.where(
            Suppression.address_key.contains(key, autoescape=True)
            | (Suppression.address_key == _known_as(session, key))
        )
    if reason is not None:
        statement = statement.where(Suppression.reason == reason)
    if is_pending:
        statement = statement.where(Suppression.pending.is_not(None))
    ordered = statement.order_by(Suppression.created_at.desc(), Suppression.id.desc()).limit(limit)
    return list(session.scalars(ordered))


def hold(session: Session, *, domain_ids: Collection[int], since: datetime) -> int:
    """Hold what bounces did to addresses of some domains since an instant, until more is known; return how many."""
    at_domains = select(Subscriber.address_key).where(lists.among(session, Subscriber.domain_id, domain_ids))
    result = session.execute(
        update(Suppression)
        .where(
            Suppression.address_key.in_(at_domains),
            Suppression.scope == SuppressionScope.BULK,
            Suppression.created_at > since,
            Suppression.reason.in_(BY_FEEDBACK & LIFTED_BY_CONFIRMATION),
            Suppression.pending.is_(None),
            Suppression.lifted_at.is_(None),
        )
        .values(pending=Pending.OUTBREAK)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount


def forget_address(session: Session, address_key: str, *, now: datetime) -> None:
    """Put a keyed hash in the place of an address, wherever it is suppressed: that survives its erasure."""
    signing_keys.create_missing(session, now=now)
    newest = _secrets(session)[-1]
    session.execute(
        update(Suppression)
        .where(Suppression.address_key == address_key)
        .values(address_key=hashed(address_key, newest), evidence="")
        .execution_options(synchronize_session=False)
    )


def _known_as(session: Session, address_key: str) -> str:
    """Return the key under which an address is kept: itself, or its hash when it was erased."""
    hashes = [hashed(address_key, secret) for secret in _secrets(session)]
    found = session.scalars(
        select(Suppression.address_key).where(Suppression.address_key.in_(hashes)).limit(1)
    ).one_or_none()
    return found or address_key


def _secrets(session: Session) -> list[bytes]:
    return list(
        session.scalars(
            select(SigningKey.secret)
            .where(SigningKey.purpose == KeyPurpose.SUPPRESSIONS)
            .order_by(SigningKey.number)
        )
    )


def _standing(session: Session, address_key: str, *, now: datetime, scope: str) -> Suppression | None:
    return session.scalars(
        select(Suppression)
        .where(Suppression.address_key == address_key, Suppression.scope == scope, _stands(now))
        .execution_options(populate_existing=True)
    ).one_or_none()


def _stands(now: datetime) -> ColumnElement[bool]:
    return Suppression.lifted_at.is_(None) & (
        Suppression.expires_at.is_(None) | (Suppression.expires_at > now)
    )


def _is_in_force(now: datetime) -> ColumnElement[bool]:
    return _stands(now) & Suppression.pending.is_(None)
