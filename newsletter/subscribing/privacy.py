"""Erase a reader: what names a person goes, what the accounts need stays (GDPR Art. 17)."""

from __future__ import annotations

from datetime import datetime

from newsletter.domain.subscriptions import EndReason
from newsletter.store import (
    Session,
    arrivals,
    messages,
    notices,
    outcomes,
    subscribers,
    subscriptions,
    suppressions,
)


def erase(session: Session, subscriber_id: int, *, now: datetime) -> bool:
    """Blank a reader's row and all that belongs to it; False when that was done before.

    The row stays, so that receipts add up. Mail under way goes to nobody any more. The mails that came back about the
    reader are deleted, and what suppresses the address is kept as a keyed hash: who complained is not written to when
    the address signs up again. Consent stays as the proof that it was given, without the address.
    """
    subscriber = subscribers.lock(session, subscriber_id)
    if subscriber is None or subscriber.address_key is None:
        return False
    subscriptions.end(session, subscriber_id, reason=EndReason.REMOVED, now=now)
    notices.withhold(session, subscriber_id, now=now)
    arrivals.delete_many(session, outcomes.forget(session, subscriber_id))
    messages.forget(session, subscriber_id)
    suppressions.forget_address(session, subscriber.address_key, now=now)
    subscribers.forget(session, subscriber_id, now=now)
    return True
