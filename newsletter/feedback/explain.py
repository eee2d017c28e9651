"""Explain what stands against an address, what is known of its messages, and what the rules make of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.domain.addresses import EmailAddress
from newsletter.domain.scoring import Verdict, judge
from newsletter.feedback import histories
from newsletter.store import Session, outcomes, subscribers, suppressions
from newsletter.store.tables import Outcome, Subscriber, Suppression

_OUTCOMES_SHOWN = 50


@dataclass(frozen=True)
class Explanation:
    """Hold it; ``reader`` is None when nobody, or nobody any more, is known by this address."""

    reader: Subscriber | None
    suppressions: Sequence[Suppression]
    outcomes: Sequence[Outcome]
    verdict: Verdict


def explain(session: Session, address: EmailAddress, *, now: datetime) -> Explanation:
    """Gather all that is known of an address."""
    against = suppressions.of_address(session, address.key)
    reader = subscribers.find(session, address)
    if reader is None:
        return Explanation(None, against, (), Verdict())
    known = histories.load(session, [reader], now=now).get(reader.id)
    verdict = Verdict() if known is None else judge(known.history, now=now)
    told = outcomes.of_subscriber(session, reader.id, limit=_OUTCOMES_SHOWN)
    return Explanation(reader, against, told, verdict)
