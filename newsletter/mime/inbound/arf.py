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
# Senders of feedback loops that were there before the format was.
_LOOP = re.compile(
    r"\bscomp@aol\.|\bstaff@hotmail\.com|\bfeedback-?loop\b|\bfbl@|\bfeedback@arf\.", re.IGNORECASE
)
_BLOCK = re.compile(r"^Feedback-Type[ \t]*:", re.IGNORECASE | re.MULTILINE)
# Whom a provider's mail system names in a copy of our message that it returns.
_MICROSOFTS = "x-hmxmroriginalrecipient"
_IN_COPY = (_MICROSOFTS, "x-original-to", "delivered-to", "x-rcpt-to", "to")


def feedback_type(notice: Notice) -> str:
    """Return the type of feedback in lower case, or "" when this is no feedback.

    The mail by which Apple's clients unsubscribe counts as opt-out: it is marked as an auto-reply, but a person asked.
    """
    fields = _report(notice)
    if "feedback-type" in fields:
        found = fields.first("feedback-type").partition(";")[0].strip().lower()
        return found if found in _TYPES else "other"
    if notice.mail.parameters.get("report-type", "").lower() == "feedback-report" or _copy(notice):
        return "abuse"
    if _LOOP.search(notice.mail.fields.text("from")[:300]) and notice.returned:
        return "abuse"
    return "opt-out" if "x-apple-unsubscribe" in notice.mail.fields else ""


def complainers(notice: Notice) -> list[str]:
    """Return whose feedback it is; none when the provider leaves that out, as RFC 6590 lets it."""
    fields = _report(notice)
    named = [addresses.of_field(value) for value in fields.all(*_RECIPIENT)]
    named = [address for address in dict.fromkeys(named) if address]
    if named:
        return named
    if "x-apple-unsubscribe" in notice.mail.fields:
        return addresses.in_fields(notice.mail.fields, "from")[:1]
    copy = _copy(notice) or notice.returned
    found = (addresses.in_fields(copy, name)[:1] for name in _IN_COPY)
    return next(filter(None, found), [])


def envelope_id(notice: Notice) -> str:
    """Return the id that we gave with the envelope (RFC 5965 §3.2)."""
    return _report(notice).first("original-envelope-id")[:200]


def _copy(notice: Notice) -> Fields | None:
    """Return the header of our message as Microsoft returns it: attached, or as if it were its own."""
    return next((each for each in (notice.returned, notice.mail.fields) if _MICROSOFTS in each), None)


def _report(notice: Notice) -> Fields:
    part = notice.mail.of_type("message/feedback-report")
    if part:
        return Fields(part.text)
    for part in notice.own_parts:
        found = _BLOCK.search(part.text) if part.type.startswith(("text/", "message/")) else None
        if found:
            return Fields(part.text[found.start() :])
    return Fields("")
