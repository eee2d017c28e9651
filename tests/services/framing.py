"""Look at messages as they come over the wire: is each one whole, and well made?"""

from __future__ import annotations

import email
import email.policy
import re
from hashlib import sha256

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([^>\r\n]+)>", re.IGNORECASE | re.MULTILINE)
_TO = re.compile(rb"^To:(.*(?:\r\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_LINE_MAXIMUM = 998  # octets without its end (RFC 5321 §4.5.3.1.6)


class Framing:
    """Say of each message what it is called, its fingerprint and what is wrong with it.

    Every ``parse_every``-th is parsed whole: parsing costs many times as much as taking a message in.
    """

    def __init__(self, *, parse_every: int = 1) -> None:
        self._parse_every = parse_every
        self._count = 0

    def look_at(self, octets: bytes, *, reader: str) -> dict[str, object]:
        """Return id, sha, size and complaint ("" when there is none) of what stood before the final dot."""
        message = octets.replace(b"\r\n.", b"\r\n") if b"\r\n." in octets else octets
        head = message[: message.find(b"\r\n\r\n") + 2]
        found = _MESSAGE_ID.findall(head)
        complaint = _complaint(message, head, reader) or ("" if len(found) == 1 else "Message-ID")
        self._count += 1
        if not complaint and self._count % self._parse_every == 0:
            complaint = _parsed(message)
        return {
            "id": found[0].decode("ascii", "replace") if found else "",
            "sha": sha256(message).hexdigest(),
            "size": len(message),
            "complaint": complaint,
        }


def _complaint(message: bytes, head: bytes, reader: str) -> str:
    ends = message.count(b"\r\n")
    if not ends == message.count(b"\r") == message.count(b"\n"):
        return "bare CR or LF"
    if not message.endswith(b"--\r\n"):
        return "no closing boundary at the end"
    if not head or b"\0" in message:
        return "no head, or NUL"
    to = _TO.search(head)
    if to is None or reader.lower().encode() not in to[1].lower():
        return "To is somebody else"
    return ""


def _parsed(message: bytes) -> str:
    if max(map(len, message.split(b"\r\n"))) > _LINE_MAXIMUM:
        return "a line too long"
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    parts = list(parsed.walk())
    defects = [defect for part in parts for defect in part.defects]
    if defects:
        return f"defects: {defects[0]!r}"
    if [part.get_content_type() for part in parts[1:]] != ["text/plain", "text/html"]:
        return "not a text part and an HTML part"
    if not all(part.get_content().strip() for part in parts[1:]):
        return "an empty part"
    return ""
