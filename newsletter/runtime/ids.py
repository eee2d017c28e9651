"""Draw chance: the only module that does."""

from __future__ import annotations

import random  # noqa: TID251 - the one place
import secrets  # noqa: TID251 - the one place
import uuid


def secret_bytes(count: int) -> bytes:
    """Return ``count`` octets that nobody can guess."""
    return secrets.token_bytes(count)


def nonce() -> str:
    """Return twelve hexadecimal digits that no text contains by accident."""
    return secrets.token_hex(6)


def worker_name() -> str:
    """Return a name for a holder of leases."""
    return secrets.token_hex(8)


def jitter() -> float:
    """Return a number in [0, 1)."""
    return random.random()


def unique_id() -> str:
    """Return a UUID (RFC 9562, version 4) in its usual form."""
    return str(uuid.uuid4())  # noqa: TID251 - the one place
