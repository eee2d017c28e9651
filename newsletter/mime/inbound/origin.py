"""Gather what identifies the delivery that an inbound message is about, and what loop protection must know."""

from __future__ import annotations

import re

from newsletter.mime.inbound import addresses, arf, dsn
from newsletter.mime.inbound.fields import Fields
from newsletter.mime.inbound.notice import Notice
from newsletter.mime.inbound.report import Origin

_ADDRESSED = ("delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "to", "cc")
_IDS_MAX = 20  # Message-IDs kept: References grows with a thread
_VALUE_MAX = 1000  # characters of one value
_MESSAGE_ID = re.compile(r"<[^<>\s]{3,250}>")
_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})
_NO_ANSWER_FIELDS = ("list-id", "list-unsubscribe", "list-post", "x-auto-response-suppress", "x-loop")
_NO_ANSWER_FROM = re.compile(r"(?:owner-|.{0,64}-(?:request|bounces?|owner|admin)@)", re.IGNORECASE)
_HOPS_MAX = 50  # Received fields: more than that is a loop (RFC 5321 §6.3 asks for a limit of 100 at least)


def of(notice: Notice) -> Origin:
    """Return what a message says of its own way and of the delivery behind it."""
    fields, returned = notice.mail.fields, notice.returned
    return_path = fields.first("return-path") if "return-path" in fields else None
    sender = addresses.in_fields(fields, "from")
    return Origin(
        addressed_to=tuple(addresses.in_fields(fields, *_ADDRESSED)),
        sender=sender[0] if sender else "",
        return_path=None if return_path is None else "".join(addresses.find(return_path)[:1]),
        original_envelope_id=dsn.envelope_id(notice) or arf.envelope_id(notice),
        message_ids=_message_ids(returned, fields),
        list_unsubscribe=returned.first("list-unsubscribe")[:_VALUE_MAX],
        feedback_id=returned.first("cfbl-feedback-id", "feedback-id")[:_VALUE_MAX],
        hop_count=len(fields.all("received")),
        forbids_answer=_forbids_answer(fields, sender[0] if sender else ""),
    )


def _message_ids(returned: Fields, fields: Fields) -> tuple[str, ...]:
    values = returned.all("message-id", "references") + fields.all("in-reply-to", "references")
    return tuple(dict.fromkeys(_MESSAGE_ID.findall(" ".join(values))))[:_IDS_MAX]


def _forbids_answer(fields: Fields, sender: str) -> bool:
    """Say whether no machine may answer (RFC 3834 §2, RFC 5321 §4.5.5)."""
    submitted = fields.first("auto-submitted").partition(";")[0].strip().lower()
    return (
        not sender
        or "<>" in fields.first("return-path")
        or submitted not in {"", "no"}
        or fields.first("precedence").strip().lower() in _BULK
        or any(name in fields for name in _NO_ANSWER_FIELDS)
        or addresses.is_of_machine(sender)
        or bool(_NO_ANSWER_FROM.match(sender))
        or len(fields.all("received")) > _HOPS_MAX
    )
