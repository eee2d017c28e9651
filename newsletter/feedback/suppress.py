"""Apply the policy to what became known: the only way back into the store of readers is a suppression."""

from __future__ import annotations

from datetime import datetime

from newsletter.domain.bounces import INVALID_RECIPIENT
from newsletter.domain.outcomes import OutcomeKind
from newsletter.domain.suppressions import SuppressionReason
from newsletter.store import Session, Transactions, outcomes, subscribers, suppressions
from newsletter.store.tables import Outcome

_AT_ONCE = 500


def suppress(transactions: Transactions, *, now: datetime) -> int:
    """Look at each failure once; return how many addresses were suppressed.

    A mailbox that does not exist, by the word of a permanent refusal, is suppressed at the first. No other refusal
    is held against an address yet: it may be our server, our rate or our content.
    """
    count = 0
    while True:
        with transactions() as session:
            some = outcomes.open_ones(session, {OutcomeKind.FAILED}, limit=_AT_ONCE)
            count += sum(_apply(session, outcome, now=now) for outcome in some)
        if len(some) < _AT_ONCE:
            return count


def _apply(session: Session, outcome: Outcome, *, now: datetime) -> bool:
    outcome.acted_at = now
    if outcome.category != INVALID_RECIPIENT or outcome.subscriber_id is None:
        return False
    subscriber = subscribers.get(session, outcome.subscriber_id)
    if subscriber.address_key is None:
        return False
    evidence = " ".join(
        filter(None, [str(outcome.reply_code or ""), outcome.reply_enhanced, outcome.evidence])
    )
    return suppressions.add(
        session,
        subscriber.address_key,
        reason=SuppressionReason.HARD_BOUNCE,
        evidence=f"outcome {outcome.id}: {evidence}",
        now=now,
    )
