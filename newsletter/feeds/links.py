"""Read Link headers (RFC 8288 §3)."""

from __future__ import annotations

import re

_HEADER_MAX = 8_000  # characters
_LINK = re.compile(
    r"<([^<>]{1,2000})>((?:\s{0,9};\s{0,9}[\w*!-]{1,40}\s{0,3}=\s{0,3}(?:\"[^\"]{0,500}\"|[^\s,;\"]{1,500}))*+)"
)
_REL = re.compile(r";\s{0,9}rel\s{0,3}=\s{0,3}(?:\"([^\"]{0,500})\"|([^\s,;\"]{1,500}))", re.IGNORECASE)


def links_of(header: str) -> dict[str, str]:
    """Return the first target of each relation."""
    found: dict[str, str] = {}
    for target, parameters in _LINK.findall(header[:_HEADER_MAX]):
        rel = _REL.search(parameters)
        for name in (rel[1] or rel[2] or "").lower().split() if rel else ():
            found.setdefault(name, target.strip())
    return found
