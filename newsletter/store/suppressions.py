"""Keep the addresses that must get no mail."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import cast  # row counts need a cursor's type

from sqlalchemy import ColumnElement, CursorResult, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from newsletter.domain.suppressions import LIFTED_BY_CONFIRMATION, SuppressionScope, may_be_asked
from newsletter.store import lists
from newsletter.store.tables import Suppression


def add(
    session: Session,
    address_key: str,
    *,
    reason: str,
    evidence: str,
    now: datetime,
    scope: str = SuppressionScope.BULK,
    expires_at: datetime | None = None,
) -> bool:
    """Suppress an address, or suppress it again after that was lifted; False when nothing had to change.

    A reason that lasts replaces one that ends or that a confirmation would lift; otherwise the first one stays.
    """
    present = why(session, address_key, now=now, scope=scope)
    if (
        present is not None
        and (expires_at is not None or may_be_asked(reason))
        and present.expires_at is None
    ):
        return False
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    values = {
        "reason": reason,
        "evidence": evidence,
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
            | Suppression.reason.in_(LIFTED_BY_CONFIRMATION),
        )
        .returning(Suppression.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    return added is not None


def lift(session: Session, address_key: str, *, now: datetime, scope: str = SuppressionScope.BULK) -> bool:
    """Let an address get mail again; return False when it was not suppressed."""
    result = session.execute(
        update(Suppression)
        .where(Suppression.address_key == address_key, Suppression.scope == scope, _is_active(now))
        .values(lifted_at=now)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount == 1


def active_keys(
    session: Session, keys: Collection[str], now: datetime, *, scope: str = SuppressionScope.BULK
) -> set[str]:
    """Return those of the address keys that are suppressed now."""
    return set(
        session.scalars(
            select(Suppression.address_key).where(
                lists.among(session, Suppression.address_key, keys),
                Suppression.scope == scope,
                _is_active(now),
            )
        )
    )


def why(
    session: Session, address_key: str, *, now: datetime, scope: str = SuppressionScope.BULK
) -> Suppression | None:
    """Return what suppresses an address now."""
    return session.scalars(
        select(Suppression)
        .where(Suppression.address_key == address_key, Suppression.scope == scope, _is_active(now))
        .execution_options(populate_existing=True)
    ).one_or_none()


def _is_active(now: datetime) -> ColumnElement[bool]:
    return Suppression.lifted_at.is_(None) & (
        Suppression.expires_at.is_(None) | (Suppression.expires_at > now)
    )
