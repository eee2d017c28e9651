"""Take in mails that come back: unsubscribe mails are understood, everything else is told apart with a reason."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from email.parser import BytesHeaderParser

from newsletter.domain.errors import InvalidToken
from newsletter.domain.outcomes import OutcomeKind, OutcomeSource
from newsletter.domain.tokens import Delivery, KeyRing, read_local_part
from newsletter.store import Session, keys, outcomes
from newsletter.store.tables import KeyPurpose

MAX_BYTES = 1_000_000  # an unsubscribe mail is small; the rest of a larger mail is not read
_RECIPIENT_HEADERS = ("Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc")


@dataclass(frozen=True)
class Understood:
    """Say what an inbound mail is and what follows: ``kind`` and ``reason`` are stable codes."""

    kind: str
    reason: str
    subscriber_id: int | None = None


def ingest(session: Session, raw: bytes, *, inbound_domain: str, now: datetime) -> Understood:
    """Write an unsubscribe by mail down as an outcome that subscribing works off; the same mail again changes nothing.

    The token in the recipient's local part decides, not From (Microsoft strips the subject). A machine's mail, as
    an auto-reply or a bounce, unsubscribes nobody (RFC 3834 §2).
    """
    message = BytesHeaderParser().parsebytes(raw[:MAX_BYTES])
    delivery = _delivery(message, keys.ring(session, KeyPurpose.LINKS), inbound_domain)
    if delivery is None:
        return Understood("unknown", "no_token_of_ours")
    if _is_from_a_machine(message):
        return Understood("auto_reply", "not_from_a_person", delivery.subscriber_id)
    is_new = outcomes.add(
        session,
        kind=OutcomeKind.UNSUBSCRIBED,
        source=OutcomeSource.INBOUND_MAIL,
        at=now,
        event_key=f"mail:{hashlib.sha256(raw).hexdigest()}",
        mailing_id=delivery.mailing_id,
        subscriber_id=delivery.subscriber_id,
        reason="mail",
        needs_action=True,
    )
    return Understood("unsubscribe", "recorded" if is_new else "known_already", delivery.subscriber_id)


def _delivery(message: Message, ring: KeyRing, domain: str) -> Delivery | None:
    """Return the message that a recipient's address names.

    The addresses are picked out of the text: a signed one needs no parser, and the parsers of the standard library
    break on what strangers write around it.
    """
    ours = re.compile(rf"\b(u-[0-9a-z]{{34}})@{re.escape(domain)}(?!\.?[\w-])", re.IGNORECASE | re.ASCII)
    fields = [str(value) for name in _RECIPIENT_HEADERS for value in message.get_all(name, [])]
    for local in ours.findall("\n".join(fields)):
        try:
            return read_local_part(local, "u", ring, domain=domain)
        except InvalidToken:
            continue
    return None


def _is_from_a_machine(message: Message) -> bool:
    auto_submitted = str(message.get("Auto-Submitted", "no")).partition(";")[0].strip().lower()
    return_path = str(message.get("Return-Path", "?")).strip()
    precedence = str(message.get("Precedence", "")).strip().lower()
    return (
        auto_submitted != "no" or return_path == "<>" or precedence in {"auto_reply", "bulk", "junk", "list"}
    )
