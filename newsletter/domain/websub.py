"""Say when to subscribe to a hub, and whether what comes from it is to be believed (W3C WebSub)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

LEASE_WANTED = timedelta(days=10)  # what most hubs grant
ANSWERED_WITHIN = timedelta(
    hours=24
)  # a hub may verify later than it was asked; after a day it verifies something else
SIGNATURE_HEADER = "x-hub-signature"
CHALLENGE_MAX = 500  # characters
_LEASE_MIN, _LEASE_MAX = timedelta(minutes=5), timedelta(days=90)
_MARGIN = timedelta(days=1)
_RETRY_NEW, _RETRY_RENEWAL = timedelta(hours=6), timedelta(hours=1)
# The methods of WebSub §7.1. SHA-1 is broken for collisions and not for HMAC, the oldest hubs sign with nothing else,
# and what it lets through is a look at a feed.
_METHODS = frozenset({"sha1", "sha256", "sha384", "sha512"})


@dataclass(frozen=True, kw_only=True)
class HubState:
    """Hold how a subscription stands: when the hub was last asked, and until when it promised to tell."""

    asked_at: datetime | None
    until: datetime | None


def is_due(state: HubState, *, now: datetime) -> bool:
    """Say whether to ask for a subscription: for a new one, or for one that ends within a day or a quarter of it."""
    if state.asked_at is None:
        return True
    if state.until is None or state.until <= now:
        return now - state.asked_at >= _RETRY_NEW
    margin = min(_MARGIN, (state.until - state.asked_at) / 4)
    return now >= state.until - margin and now - state.asked_at >= _RETRY_RENEWAL


def may_confirm(state: HubState, *, now: datetime) -> bool:
    """Say whether a hub that wants a confirmation can be one that was asked."""
    return state.asked_at is not None and now - state.asked_at <= ANSWERED_WITHIN


def lease(seconds: str) -> timedelta:
    """Return how long a hub will tell; what it does not say, or says wildly, is bounded."""
    is_number = seconds.isascii() and seconds.isdigit()
    granted = timedelta(seconds=int(seconds[:10])) if is_number else LEASE_WANTED
    return max(_LEASE_MIN, min(granted, _LEASE_MAX))


def is_signed(header: str, body: bytes, secret: str) -> bool:
    """Say whether a body was signed with the secret: ``method=hexadecimal digits`` (WebSub §7.1)."""
    method, _, digits = header.strip().partition("=")
    if method.lower() not in _METHODS:
        return False
    expected = hmac.new(secret.encode(), body, method.lower()).hexdigest()
    return hmac.compare_digest(digits.strip().lower().encode(), expected.encode())
