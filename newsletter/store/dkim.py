"""Keep the keys that sign the messages of domains; of each domain at most one signs new messages."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.domain import dkim
from newsletter.domain.errors import Conflict, NotFound
from newsletter.store import inserts
from newsletter.store.tables import DkimKey


def add(session: Session, domain: str, selector: str, *, private_key: bytes, now: datetime) -> DkimKey:
    """Add a key that signs nothing yet; raise Conflict when the domain has one at the selector."""
    row = {"domain": domain, "selector": selector, "private_key": private_key, "created_at": now}
    if not inserts.missing(session, DkimKey, [row], returning=DkimKey.id):
        raise Conflict(
            f"{domain} has a key at selector {selector} already.",
            hint=f"Choose another selector, or see its record with: newsletter dkim record {domain}",
            reason="selector_taken",
        )
    return get(session, domain, selector)


def get(session: Session, domain: str, selector: str) -> DkimKey:
    """Return a key; raise NotFound when there is none."""
    key = session.scalar(select(DkimKey).where(DkimKey.domain == domain, DkimKey.selector == selector))
    if key is None:
        raise NotFound(
            f"{domain} has no key at selector {selector}.",
            hint="See the keys with: newsletter dkim list",
            reason="unknown_dkim_key",
        )
    return key


def listing(session: Session) -> list[DkimKey]:
    """Return all keys, by domain, the oldest first."""
    return list(session.scalars(select(DkimKey).order_by(DkimKey.domain, DkimKey.id)))


def of_domain(session: Session, domain: str) -> list[DkimKey]:
    """Return the keys of one domain, the oldest first."""
    return list(session.scalars(select(DkimKey).where(DkimKey.domain == domain).order_by(DkimKey.id)))


def activate(session: Session, key: DkimKey, *, now: datetime) -> list[DkimKey]:
    """Let a key sign from now on, and those of its domain that signed before no more; return these."""
    replaced = [other for other in of_domain(session, key.domain) if _signs(other) and other.id != key.id]
    for other in replaced:
        other.retired_at = now
    if not _signs(key):
        key.activated_at, key.retired_at = now, None
    session.flush()
    return replaced


def retire(session: Session, key: DkimKey, *, now: datetime) -> None:
    """Let a key sign nothing new; raise Conflict when it signs nothing."""
    if not _signs(key):
        raise Conflict(
            f"The key {key.selector} of {key.domain} does not sign.",
            hint="See the keys with: newsletter dkim list",
            reason="not_signing",
        )
    key.retired_at = now
    session.flush()


def signing_key(session: Session, domain: str) -> DkimKey | None:
    """Return the key that signs for a domain: its own, else that of the nearest parent; None when nothing signs."""
    places = dkim.signing_domains(domain)
    active = [key for key in of_signing_domains(session, domain) if _signs(key)]
    return min(active, key=lambda key: (places.index(key.domain), -key.id), default=None)


def of_signing_domains(session: Session, domain: str) -> list[DkimKey]:
    """Return all keys that sign or ever signed for a domain."""
    return list(
        session.scalars(
            select(DkimKey)
            .where(DkimKey.domain.in_(dkim.signing_domains(domain)))
            .where(DkimKey.activated_at.is_not(None))
            .order_by(DkimKey.id)
        )
    )


def _signs(key: DkimKey) -> bool:
    return key.activated_at is not None and key.retired_at is None
