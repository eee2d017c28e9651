"""Ask a reader to confirm, within the caps that keep strangers from flooding an inbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from newsletter.domain.addresses import EmailAddress
from newsletter.domain.subscriptions import (
    CONFIRMATION_GAP,
    CONFIRMATION_LIFETIME,
    CONFIRMATIONS_PER_ADDRESS,
)
from newsletter.domain.suppressions import SuppressionScope, may_be_asked
from newsletter.store import Session, consent, notices, suppressions
from newsletter.store.tables import Notice, NoticeKind


class Silence(StrEnum):
    """Say why a signup is not answered with a mail; the page and the webhook never tell."""

    ROLE_ADDRESS = "role_address"
    BLOCKED = "blocked"
    SUPPRESSED = "suppressed"
    ALREADY_ACTIVE = "already_active"
    ASKED_LATELY = "asked_lately"
    ASKED_TOO_OFTEN = "asked_too_often"
    INBOX_CAP = "inbox_cap"


def silence_for_address(session: Session, address: EmailAddress, *, now: datetime) -> Silence | None:
    """Say why nobody at this address may be asked anything; None when they may."""
    if address.is_role:
        return Silence.ROLE_ADDRESS
    if suppressions.why(session, address.key, now=now, scope=SuppressionScope.CONFIRMATIONS):
        return Silence.BLOCKED
    suppression = suppressions.why(session, address.key, now=now)
    if suppression is not None and not may_be_asked(suppression.reason):
        return Silence.SUPPRESSED
    return None


def silences(
    session: Session,
    subscriber_id: int,
    newsletter_ids: Sequence[int],
    *,
    abuse_key: str,
    now: datetime,
) -> dict[int, Silence]:
    """Say for which newsletters the reader must not be asked now, and why.

    What was asked before the reader last confirmed anything does not count: it was no stranger's doing.
    """
    asked = notices.asked(session, abuse_key)
    lately = now - CONFIRMATION_GAP
    if sum(one.at > lately for one in asked) >= CONFIRMATIONS_PER_ADDRESS:
        return dict.fromkeys(newsletter_ids, Silence.INBOX_CAP)
    confirmed_at = consent.last_confirmed_at(session, subscriber_id)
    unanswered = [
        one
        for one in asked
        if one.subscriber_id == subscriber_id and (confirmed_at is None or one.at > confirmed_at)
    ]
    found: dict[int, Silence] = {}
    for newsletter_id in newsletter_ids:
        times = [one.at for one in unanswered if newsletter_id in one.newsletters]
        if any(at > lately for at in times):
            found[newsletter_id] = Silence.ASKED_LATELY
        elif len(times) >= CONFIRMATIONS_PER_ADDRESS:
            found[newsletter_id] = Silence.ASKED_TOO_OFTEN
    return found


def ask(session: Session, subscriber_id: int, newsletter_ids: Sequence[int], *, now: datetime) -> Notice:
    """Queue one confirmation mail for all these newsletters."""
    return notices.add(
        session,
        NoticeKind.CONFIRMATION,
        subscriber_id,
        newsletter_ids[0],
        {"newsletters": list(newsletter_ids)},
        now=now,
        expires_at=now + CONFIRMATION_LIFETIME,
    )
