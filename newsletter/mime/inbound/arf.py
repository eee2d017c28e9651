"""Read complaints of feedback loops: RFC 5965 and its kin, and the forms of those who began before it."""

from __future__ import annotations

import re

from newsletter.mime.inbound import addresses
from newsletter.mime.inbound.fields import Fields
from newsletter.mime.inbound.notice import Notice

_TYPES = frozenset(
    {"abuse", "fraud", "virus", "other", "not-spam", "opt-out", "auth-failure", "miscategorized"}
)
_RECIPIENT = ("original-rcpt-to", "removal-recipient", "redacted-address")
_BLOCK = re.compile(r"^Feedback-Type[ \t]*:", re.IGNORECASE | re.MULTILINE)
# Whom a provider's mail system names in a copy of our message that it returns.
_IN_COPY = ("x-hmxmroriginalrecipient", "x-original-to", "delivered-to", "x-rcpt-to", "to")


def feedback_type(notice: Notice) -> str:
    """Return the type of feedback in lower case, or "" when this is no feedback."""
    fields = _report(notice)
    if "feedback-type" in fields:
        found = fields.first("feedback-type").partition(";")[0].strip().lower()
        return found if found in _TYPES else "other"
    return "abuse" if "x-hmxmroriginalrecipient" in notice.returned else ""


def complainers(notice: Notice) -> list[str]:
    """Return whose feedback it is; none when the provider leaves that out, as RFC 6590 lets it."""
    fields = _report(notice)
    named = [addresses.of_field(value) for value in fields.all(*_RECIPIENT)]
    named = [address for address in dict.fromkeys(named) if address]
    if named:
        return named
    for name in _IN_COPY:
        found = addresses.in_fields(notice.returned, name)
        if found:
            return found[:1]
    return []


def envelope_id(notice: Notice) -> str:
    """Return the id that we gave with the envelope (RFC 5965 §3.2)."""
    return _report(notice).first("original-envelope-id")[:200]


def _report(notice: Notice) -> Fields:
    part = notice.mail.of_type("message/feedback-report")
    if part:
        return Fields(part.text)
    for part in notice.own_parts:
        found = _BLOCK.search(part.text) if part.type.startswith(("text/", "message/")) else None
        if found:
            return Fields(part.text[found.start() :])
    return Fields("")
