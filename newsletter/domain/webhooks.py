"""Sign and verify webhooks as Standard Webhooks has them (standardwebhooks.com, specification 1.0).

The signed text is ``{id}.{timestamp}.{body}`` with the body's raw octets; the header holds ``v1,`` and the base64 of
an HMAC-SHA256, several divided by blanks while a secret is being replaced.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from newsletter.domain.errors import InvalidInput, InvalidSignature

TOLERANCE = timedelta(minutes=5)  # between the sender's clock and ours, either way
REMEMBERED = timedelta(hours=24)  # how long the same id is answered with the same response

_SECRET_PREFIX = "whsec_"  # noqa: S105 - the published mark of a secret, not a secret
_VERSION = "v1,"
_ID_MAX_CHARS = 200
_SIGNATURES_MAX = 10  # more than any rotation needs; each costs one HMAC


def encode_secret(secret: bytes) -> str:
    """Return a secret in the form that client libraries take."""
    return _SECRET_PREFIX + b64encode(secret).decode()


def sign(secret: bytes, *, delivery_id: str, sent_at: datetime, body: bytes) -> dict[str, str]:
    """Return the three headers that prove a body."""
    timestamp = str(int(sent_at.timestamp()))
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": _signature(secret, delivery_id, timestamp, body),
    }


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[bytes], *, now: datetime) -> str:
    """Return the delivery's id when one of the secrets signed it lately; raise InvalidSignature otherwise.

    ``headers`` must find names in lower case.
    """
    delivery_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not (delivery_id and timestamp and given):
        raise InvalidSignature(
            "The webhook is not signed.",
            hint="Send webhook-id, webhook-timestamp and webhook-signature.",
            reason="missing_signature",
        )
    _check_id(delivery_id)
    _check_age(timestamp, now=now)
    candidates = given.split()[:_SIGNATURES_MAX]
    # No early exit: how long it takes must not tell how far it came.
    matches = [
        hmac.compare_digest(candidate.encode(), _signature(secret, delivery_id, timestamp, body).encode())
        for secret in secrets
        for candidate in candidates
    ]
    if not any(matches):
        raise InvalidSignature(
            "The webhook's signature does not fit its body.",
            hint="Sign the raw body with the secret that this shows: newsletter keys list",
            reason="bad_signature",
        )
    return delivery_id


def _check_id(delivery_id: str) -> None:
    if len(delivery_id) > _ID_MAX_CHARS or "." in delivery_id or not delivery_id.isprintable():
        raise InvalidInput(
            "The webhook-id cannot be used.",
            hint=f"Use at most {_ID_MAX_CHARS} printable characters and no full stop.",
            reason="bad_delivery_id",
        )


def _check_age(timestamp: str, *, now: datetime) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 12):
        raise InvalidSignature(
            "The webhook-timestamp is no number of seconds.",
            hint="Send Unix seconds.",
            reason="bad_timestamp",
        )
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise InvalidSignature(
            "The webhook is too old, or from the future.",
            hint="Sign each attempt anew, and check the clocks of both machines.",
            reason="old_timestamp",
        )


def _signature(secret: bytes, delivery_id: str, timestamp: str, body: bytes) -> str:
    signed = b".".join((delivery_id.encode(), timestamp.encode(), body))
    return _VERSION + b64encode(hmac.digest(secret, signed, sha256)).decode()


def decode_secret(text: str) -> bytes:
    """Read a secret in the published form back."""
    try:
        return b64decode(text.removeprefix(_SECRET_PREFIX), validate=True)
    except ValueError as error:
        raise InvalidInput(
            "That is no webhook secret.", hint="It begins with whsec_.", reason="bad_secret"
        ) from error
