"""Canonicalise a body the plain way (RFC 6376 §3.4.4), to hold against what the encoder writes."""

from __future__ import annotations

import re


def relaxed(body: bytes) -> bytes:
    """Return the relaxed form of a body."""
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    return b"".join(line + b"\r\n" for line in lines)
