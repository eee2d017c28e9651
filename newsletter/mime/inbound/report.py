"""Say what an inbound message is: the values that reading one gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ROWS_MAX = 500  # recipients of one report that are kept; more than that is nobody's newsletter bounce


class Kind(StrEnum):
    """Name what an inbound message is."""

    BOUNCE = "bounce"
    DELAYED = "delayed"
    FEEDBACK = "feedback"
    AUTO_REPLY = "auto_reply"
    DELIVERED = "delivered"
    MDN = "mdn"
    UNSUBSCRIBE = "unsubscribe"
    OTHER = "other"


class AutoReply(StrEnum):
    """Name what kind of machine answered."""

    VACATION = "vacation"
    TICKET = "ticket"
    CHALLENGE = "challenge"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Row:
    """Hold what a message says about one recipient.

    ``recipient`` is the address that failed, ``original`` the one that was mailed, as far as the message tells
    ("" when it names none: then only the token of the return path can say whose it is). ``status`` is of RFC 3463
    or "". ``is_final`` is False while the other side still tries. ``evidence`` is the line that decided.
    """

    recipient: str
    original: str
    reason: str
    category: str
    status: str
    is_hard: bool
    is_final: bool
    evidence: str
    reporting_mta: str = ""
    remote_mta: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Hold what identifies the delivery that a message is about, and what loop protection must know of it.

    ``addressed_to`` are the addresses of the inbound message itself (Delivered-To, X-Original-To, Envelope-To, To);
    ``message_ids``, ``list_unsubscribe`` and ``feedback_id`` stand in the returned message or, of an answer, in
    its References. ``forbids_answer`` says that RFC 3834 §2 lets no machine answer.
    """

    addressed_to: tuple[str, ...] = ()
    sender: str = ""
    return_path: str | None = None
    original_envelope_id: str = ""
    message_ids: tuple[str, ...] = ()
    list_unsubscribe: str = ""
    feedback_id: str = ""
    hop_count: int = 0
    forbids_answer: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what an inbound message is; ``rows_left_off`` counts the recipients beyond ROWS_MAX."""

    kind: Kind
    rows: tuple[Row, ...] = ()
    feedback_type: str | None = None
    auto_reply: AutoReply | None = None
    evidence: str = ""
    family: str = ""
    origin: Origin = Origin()
    rows_left_off: int = 0
