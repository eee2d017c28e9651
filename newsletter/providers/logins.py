"""Check calls of providers that sign nothing and log in instead: by a password, a token or a header of one's own."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime

from newsletter.providers.base import Call, bad_secret, digest, refused

_SECRET_CHARS = 16  # at least: what nobody guesses over the network


class LoginFeed:
    """Authenticate by logins: ``user:password``, ``Bearer token`` or ``Header-Name: value``."""

    def check(self, secret: str) -> None:
        """Raise InvalidInput when a login has none of the three forms, or can be guessed."""
        if not secret.isascii() or not secret.isprintable():
            raise bad_secret("A login must be in printable ASCII.")
        name, value = _expected(secret)
        password = secret.partition(":")[2] if value.startswith("basic ") else value.rpartition(" ")[2]
        if not name or len(password) < _SECRET_CHARS:
            raise bad_secret(
                "A login must be user:password, Bearer token or Header-Name: value,"
                f" with at least {_SECRET_CHARS} characters that are secret."
            )

    def authenticate(self, call: Call, secrets: Sequence[str], *, now: datetime) -> str:  # noqa: ARG002
        """Return the digest of the body when one of the logins stands in the headers."""
        # No early exit: how long it takes must not tell how far it came.
        matches = [_is_given(call.headers, secret) for secret in secrets]
        if not any(matches):
            raise refused("bad_login")
        return digest(call.body)


def _is_given(headers: Mapping[str, str], secret: str) -> bool:
    name, expected = _expected(secret)
    given = headers.get(name, "")
    if name == "authorization":
        scheme, _, rest = given.partition(" ")
        given = f"{scheme.lower()} {rest.strip()}"
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _expected(secret: str) -> tuple[str, str]:
    """Return the header's name in lower case and the value that it must have."""
    if secret.lower().startswith("bearer "):
        return "authorization", "bearer " + secret[len("bearer ") :].strip()
    name, colon, value = secret.partition(": ")
    if colon:
        return name.lower(), value.strip()
    return "authorization", "basic " + b64encode(secret.encode()).decode()
