"""Write down one thing that was told about a message."""

from __future__ import annotations

from datetime import datetime

from newsletter.domain import feedback_policy
from newsletter.domain.arrivals import ArrivalResult, MailWay
from newsletter.domain.outcomes import NOT_DELIVERED, IdentifiedBy, OutcomeKind, OutcomeSource, refusal_code
from newsletter.feedback.identify import Identified
from newsletter.store import Session, messages, outcomes
from newsletter.store.outcomes import Told
from newsletter.store.tables import Arrival

_TEXT_MAX = 500  # characters of evidence: a line has at most 512 octets (RFC 5321 §4.5.3.1.5)


def name(found: Identified) -> str:
    """Name the message in event keys; what proves nothing must not take the place of what does."""
    known = f"{found.delivery.mailing_id}:{found.delivery.subscriber_id}"
    return f"{known}:unproven" if found.by is IdentifiedBy.ADDRESS else known


def add(
    session: Session,
    arrival: Arrival,
    found: Identified,
    *,
    kind: OutcomeKind,
    event_key: str,
    at: datetime | None = None,
    reason: str = "",
    category: str = "",
    evidence: str = "",
    is_hard: bool = False,
    is_final: bool = True,
    named_recipient: str | None = None,
    reply_code: int | None = None,
    status: str = "",
    answer_to: str | None = None,
) -> bool:
    """Write an outcome of a message that was found; False when it is there already. ``at`` None: when it came in."""
    is_mail = arrival.way in set(MailWay)
    is_proven = found.by is not IdentifiedBy.ADDRESS
    if kind in NOT_DELIVERED and is_final and is_proven and named_recipient is None:
        # Who forwards mail has had it, wherever it came back from then.
        messages.came_back(
            session,
            found.delivery.mailing_id,
            found.delivery.subscriber_id,
            code=refusal_code(reply_code),
        )
    return outcomes.add(
        session,
        kind=kind,
        source=OutcomeSource.INBOUND_MAIL if is_mail else OutcomeSource.PROVIDER,
        at=arrival.received_at if at is None else min(at, arrival.received_at),
        event_key=event_key[:200],
        mailing_id=found.delivery.mailing_id,
        subscriber_id=found.delivery.subscriber_id,
        reason=reason[:40],
        category=category[:40],
        evidence=_plain(evidence, _TEXT_MAX),
        told=Told(
            identified_by=found.by,
            provider="" if is_mail else arrival.way,
            arrival_id=arrival.id,
            named_recipient=named_recipient and _plain(named_recipient, 320),
            is_hard=is_hard,
            is_final=is_final,
            reply_code=reply_code if reply_code is not None and 200 <= reply_code < 600 else None,
            reply_enhanced=status[:12] or None,
            answer_to=answer_to and _plain(answer_to, 320),
        ),
        needs_action=feedback_policy.needs_action(kind, reason=reason, is_final=is_final),
    )


def result(written: list[bool]) -> ArrivalResult:
    """Say what came of an arrival by what was new in it; nothing written: nobody knows whom it is about."""
    if not written:
        return ArrivalResult.UNIDENTIFIED
    return ArrivalResult.RECORDED if any(written) else ArrivalResult.KNOWN


def _plain(text: str, chars: int) -> str:
    """Return a text that any database and terminal can take."""
    cut = text[:chars]
    return cut if cut.isprintable() else "".join(char if char.isprintable() else " " for char in cut)
