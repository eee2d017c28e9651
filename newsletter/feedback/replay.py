"""Judge all addresses anew by what is stored: what would have followed, had today's rules held from the beginning.

Nothing is asked of the DNS, and what people decided stays. A second replay changes nothing more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from newsletter.domain import scoring
from newsletter.domain.scoring import Decision, Verdict
from newsletter.domain.suppressions import BY_FEEDBACK, Pending
from newsletter.feedback import histories
from newsletter.feedback.histories import FAILURES, Known
from newsletter.feedback.suppress import apply
from newsletter.store import Session, Transactions, outcomes, subscribers, suppressions
from newsletter.store.tables import Suppression

_AT_ONCE = 100  # readers in one transaction


class Step(StrEnum):
    """Say what a replay does to an address."""

    SUPPRESS = "suppress"
    HOLD = "hold"
    LIFT = "lift"


@dataclass(frozen=True)
class Change:
    """Hold what would change for one address, and why; ``before`` is the reason that stands now, "": none."""

    subscriber_id: int
    address: str
    step: Step
    before: str
    reason: str
    failures: int
    score: float


def replay(transactions: Transactions, *, now: datetime, is_applied: bool) -> Iterator[Change]:
    """Yield what changes under today's rules; write it down when ``is_applied``."""
    reader = 0
    while True:
        with transactions() as session:
            ids = outcomes.readers_of(session, FAILURES, after_id=reader, limit=_AT_ONCE)
            known = histories.load(session, subscribers.get_many(session, ids), now=now)
            changes = [
                change
                for one in known.values()
                if (change := _change(session, one, now=now, is_applied=is_applied)) is not None
            ]
        yield from changes
        if len(ids) < _AT_ONCE:
            return
        reader = ids[-1]


def _change(session: Session, known: Known, *, now: datetime, is_applied: bool) -> Change | None:
    verdict = _verdict(session, known, now=now)
    standing = _standing(known.suppression, now=now)
    step = _step(verdict, standing, known)
    if step is None:
        return None
    if is_applied:
        _carry_out(session, known, verdict, step, now=now)
    return Change(
        known.reader.id,
        known.reader.address or "",
        step,
        standing.reason if standing else "",
        verdict.reason or "",
        len(verdict.events),
        round(verdict.score, 2),
    )


def _verdict(session: Session, known: Known, *, now: datetime) -> Verdict:
    verdict = scoring.replay(known.history, now=now)
    if any(event.category == "transit" for event in verdict.events):
        verdict = scoring.replay(histories.with_shared_trouble(session, known).history, now=now)
    return verdict


def _step(verdict: Verdict, standing: Suppression | None, known: Known) -> Step | None:
    if standing is None:
        return {Decision.SUPPRESS: Step.SUPPRESS, Decision.HOLD: Step.HOLD}.get(verdict.decision)
    if standing.reason not in BY_FEEDBACK:
        return None
    is_firm = standing.pending is None
    match verdict.decision:
        case Decision.SUPPRESS:
            # What an outbreak holds is no matter of rules: a second send decides, or a person.
            is_held_by_breaker = standing.pending is Pending.OUTBREAK and len(verdict.events) == 1
            return None if is_firm or is_held_by_breaker else Step.SUPPRESS
        case Decision.HOLD:
            return Step.HOLD if is_firm and _rests_on(standing, known) else None
        case Decision.NOTHING:
            return Step.LIFT if _rests_on(standing, known) else None
        case Decision.LOOK_UP:
            return None


def _rests_on(standing: Suppression, known: Known) -> bool:
    """Say whether a suppression rests on nothing but what is known: on older ones nobody can judge anew."""
    return bool(standing.outcome_ids) and set(standing.outcome_ids) <= {
        event.id for event in known.history.events
    }


def _carry_out(session: Session, known: Known, verdict: Verdict, step: Step, *, now: datetime) -> None:
    key = known.reader.address_key or ""
    if step is not Step.SUPPRESS:
        suppressions.withdraw(session, key, now=now)
    if step is not Step.LIFT:
        apply(session, known, verdict, now=now)


def _standing(suppression: Suppression | None, *, now: datetime) -> Suppression | None:
    if suppression is None or suppression.lifted_at is not None:
        return None
    has_ended = suppression.expires_at is not None and suppression.expires_at <= now
    return None if has_ended else suppression
