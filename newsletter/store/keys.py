"""Keep the signing keys."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.domain.errors import Conflict, NotFound
from newsletter.domain.return_paths import KEY_LIFETIME, ReturnPaths
from newsletter.domain.tokens import KeyRing
from newsletter.runtime import ids
from newsletter.store.tables import KeyPurpose, SigningKey

_KEY_BYTES = 32
_KEY_NUMBERS = 256  # the number travels in one octet of each token


def ring(session: Session, purpose: KeyPurpose) -> KeyRing:
    """Return the keys that verify; raise Conflict when there is none yet."""
    return _ring(purpose, [key for key in _of_purpose(session, purpose) if key.retired_at is None])


def ring_with_retired(session: Session, purpose: KeyPurpose) -> KeyRing:
    """Return all keys, for making again what one signed before it was retired; raise Conflict when there is none."""
    return _ring(purpose, _of_purpose(session, purpose))


def return_paths(session: Session, *, inbound_domain: str, message_domain: str) -> ReturnPaths:
    """Return what recognises our tokens, for a receiver to hold; raise Conflict when there is no key yet."""
    return ReturnPaths(
        ring(session, KeyPurpose.LINKS),
        ring(session, KeyPurpose.RETURN_PATH),
        inbound_domain,
        message_domain,
    )


def create_missing(session: Session, *, now: datetime) -> list[KeyPurpose]:
    """Make a first key for each purpose that has none; return those purposes."""
    present = set(session.scalars(select(SigningKey.purpose).distinct()))
    missing = [purpose for purpose in KeyPurpose if purpose not in present]
    for purpose in missing:
        _add(session, purpose, number=1, now=now)
    return missing


def rotate(session: Session, purpose: KeyPurpose, *, now: datetime) -> int:
    """Make a new key that signs from now on and return its number; older ones go on verifying."""
    newest = max((key.number for key in listing(session) if key.purpose is purpose), default=0)
    if newest + 1 >= _KEY_NUMBERS:
        raise Conflict(
            f"All {_KEY_NUMBERS - 1} key numbers of {purpose} are used.",
            hint="Keep the newest key.",
            reason="no_numbers",
        )
    _add(session, purpose, number=newest + 1, now=now)
    return newest + 1


def retire(session: Session, purpose: KeyPurpose, number: int, *, now: datetime) -> None:
    """Stop accepting what a key signed; keys of links and suppressions, and the newest of a purpose, stay."""
    if purpose is KeyPurpose.LINKS:
        raise Conflict(
            "Keys of links are never retired: readers must be able to leave from any old mail.",
            hint="Rotate instead: newsletter keys rotate links",
            reason="links_keys_stay",
        )
    if purpose is KeyPurpose.SUPPRESSIONS:
        raise Conflict(
            "Keys of suppressions are never retired: who was erased would be written to again.",
            hint="Rotate instead: newsletter keys rotate suppressions",
            reason="suppression_keys_stay",
        )
    if number == ring(session, purpose).newest:
        raise Conflict("The key that signs cannot be retired.", hint="Rotate first.", reason="newest_key")
    key = session.scalars(
        select(SigningKey).where(SigningKey.purpose == purpose, SigningKey.number == number)
    ).one_or_none()
    if key is None:
        raise NotFound(
            f"There is no key {number} of {purpose}.",
            hint="See the keys with: newsletter keys list",
            reason="unknown_key",
        )
    key.retired_at = now


def retire_old(session: Session, *, now: datetime) -> int:
    """Retire the keys of return paths that were replaced 60 days ago: what they signed has expired; return how many."""
    oldest_first = sorted(
        (key for key in _of_purpose(session, KeyPurpose.RETURN_PATH) if key.retired_at is None),
        key=lambda key: key.number,
    )
    old = [key for key, newer in pairwise(oldest_first) if newer.created_at <= now - KEY_LIFETIME]
    for key in old:
        key.retired_at = now
    return len(old)


def listing(session: Session) -> list[SigningKey]:
    """Return all keys, by purpose and number."""
    return list(session.scalars(select(SigningKey).order_by(SigningKey.purpose, SigningKey.number)))


def _of_purpose(session: Session, purpose: KeyPurpose) -> list[SigningKey]:
    return list(session.scalars(select(SigningKey).where(SigningKey.purpose == purpose)))


def _ring(purpose: KeyPurpose, keys: Iterable[SigningKey]) -> KeyRing:
    by_number = {key.number: key.secret for key in keys}
    if not by_number:
        raise Conflict(
            f"There is no key to sign {purpose} with.",
            hint="Make the keys with: newsletter init",
            reason="no_keys",
        )
    return KeyRing(by_number)


def _add(session: Session, purpose: KeyPurpose, *, number: int, now: datetime) -> None:
    session.add(
        SigningKey(purpose=purpose, number=number, secret=ids.secret_bytes(_KEY_BYTES), created_at=now)
    )
    session.flush()
