"""Read what our own mail server says about who signed a mail (RFC 8601)."""

from __future__ import annotations

import re
from collections.abc import Collection

from newsletter.mime.inbound.fields import Fields

_VALUE_MAX = 4_000  # characters of one field that are looked at
_COMMENT = re.compile(r"\([^()]*\)")
_SIGNER = re.compile(
    r"\bheader\.(?:d|i)\s*=\s*\"?(?:[^\s;@\"]{0,200}@)?([A-Za-z0-9.-]{1,253})", re.IGNORECASE
)


def is_signed_by(fields: Fields, domains: Collection[str], *, server: str) -> bool:
    """Say whether a mail bears a valid DKIM signature of one of the domains, or of a domain below one.

    Only the word of ``server`` counts: our own mail server's name in Authentication-Results, which it takes out of
    mails that strangers send (RFC 8601 §5). Without one nothing is proven.
    """
    if not server or not domains:
        return False
    return any(
        signer == domain or signer.endswith(f".{domain}")
        for value in fields.all("authentication-results")
        for signer in _signers(value[:_VALUE_MAX], server)
        for domain in domains
    )


def _signers(value: str, server: str) -> list[str]:
    who, *results = _COMMENT.sub(" ", value).split(";")
    if who.split()[:1] != [server]:
        return []
    passed = (result for result in results if re.match(r"\s*dkim\s*=\s*pass\b", result, re.IGNORECASE))
    return [found.group(1).lower() for result in passed if (found := _SIGNER.search(result))]
