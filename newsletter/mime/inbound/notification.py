"""Read the notifications of Amazon SES that a topic delivers by mail: JSON in the text, perhaps inside JSON.

Fields: Amazon SES Developer Guide, "Contents of Amazon SNS notifications for Amazon SES".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from newsletter.mime.inbound.deliveries import Delivery
from newsletter.mime.inbound.notice import Notice
from newsletter.mime.inbound.report import Kind

_LINE_BREAK = "!\n "  # what Sendmail puts into a line that is too long
_KINDS = {"bounce": Kind.BOUNCE, "complaint": Kind.FEEDBACK, "delivery": Kind.DELIVERED}
_RECIPIENTS = {
    Kind.BOUNCE: "bouncedRecipients",
    Kind.FEEDBACK: "complainedRecipients",
    Kind.DELIVERED: "recipients",
}


@dataclass(frozen=True)
class Notification:
    """Hold what SES tells: what happened, to whom, and the type of a complaint."""

    kind: Kind
    deliveries: list[Delivery]
    feedback_type: str


def read(notice: Notice) -> Notification | None:
    """Return the notification in a message, if it holds one."""
    start = notice.written.find("{")
    if start < 0 or "notificationType" not in notice.written:
        return None
    told = _object(notice.written[start:].replace(_LINE_BREAK, ""))
    inner = told.get("Message")
    if isinstance(inner, str):
        told = _object(inner)
    kind = _KINDS.get(str(told.get("notificationType")).lower())
    if kind is None:
        return None
    event = _mapping(told.get(str(told["notificationType"]).lower()))
    recipients = event.get(_RECIPIENTS[kind])
    return Notification(
        kind,
        [_delivery(each, event) for each in (recipients if isinstance(recipients, list) else [])],
        _text(event.get("complaintFeedbackType")) or "abuse",
    )


def _delivery(recipient: object, event: Mapping[str, object]) -> Delivery:
    fields = _mapping(recipient)
    said = _text(fields.get("diagnosticCode")).partition(";")
    return Delivery(
        _text(fields.get("emailAddress") or recipient)[:320],
        status=_text(fields.get("status")),
        texts=[(said[2] or said[0]).strip()],
        reporting_mta=_text(event.get("reportingMTA")).rpartition(";")[2].strip(),
    )


def _text(value: object) -> str:
    """Return a value that a database takes: JSON can hold NUL and halves of characters."""
    return "" if value is None else str(value).replace("\0", "").encode("utf-8", "replace").decode()


def _object(text: str) -> Mapping[str, object]:
    try:
        return _mapping(json.JSONDecoder(strict=False).raw_decode(text)[0])
    except (ValueError, RecursionError):
        return {}


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
