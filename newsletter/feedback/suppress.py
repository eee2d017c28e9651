"""Apply the policy to what became known: the only way back into the store of readers is a suppression."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from newsletter.domain import suppressions as rules
from newsletter.domain.errors import FetchError
from newsletter.domain.scoring import Decision, Verdict, judge
from newsletter.feedback import breakers, histories
from newsletter.feedback.histories import FAILURES, Known
from newsletter.store import Session, Transactions, outcomes, subscribers, suppressions
from newsletter.store.tables import Outcome
from newsletter.transports import dns

_AT_ONCE = 100  # outcomes in one transaction: each may read a reader's history
_LOOK_UPS_AT_ONCE = 10  # nearly all of their time is waiting
_DNS_PATIENCE = 3.0  # seconds for one domain; without an answer the next failure asks again

# Say whether a domain takes no mail; None: nobody knows just now.
AskDns = Callable[[str], bool | None]


@dataclass(frozen=True)
class Suppressed:
    """Count the addresses that were suppressed, and those whose suppression waits for more."""

    count: int = 0
    held: int = 0

    def __add__(self, other: Suppressed) -> Suppressed:
        return Suppressed(self.count + other.count, self.held + other.held)


def has_no_mail(domain: str) -> bool | None:
    """Ask the DNS whether a domain takes no mail: there is no such domain, or a null MX (RFC 7505)."""
    try:
        return dns.mail_server(domain, patience=_DNS_PATIENCE) is None
    except FetchError:
        return None


def suppress(transactions: Transactions, *, now: datetime, ask_dns: AskDns = has_no_mail) -> Suppressed:
    """Look at each failure and complaint once, and do what follows; no transaction is open while the DNS is asked."""
    total = Suppressed()
    while True:
        with transactions() as session:
            some = outcomes.open_ones(session, FAILURES, limit=_AT_ONCE)
            unsure = _unsure(session, some, now=now)
            if not unsure:
                total += _act(session, some, {}, now=now)
        if unsure:
            with ThreadPoolExecutor(_LOOK_UPS_AT_ONCE) as pool:
                answers = dict(zip(unsure, pool.map(ask_dns, unsure), strict=True))
            with transactions() as session:
                total += _act(
                    session, outcomes.get_many(session, [each.id for each in some]), answers, now=now
                )
        if len(some) < _AT_ONCE:
            return total


def _unsure(session: Session, some: Sequence[Outcome], *, now: datetime) -> list[str]:
    """Return the domains that the DNS has to be asked about."""
    if not any(outcome.category == "invalid_domain" for outcome in some):
        return []
    known = _known(session, some, now=now).values()
    found = {_domain(one) for one in known if judge(one.history, now=now).decision is Decision.LOOK_UP}
    return sorted(found)


def _act(
    session: Session, some: Sequence[Outcome], answers: Mapping[str, bool | None], *, now: datetime
) -> Suppressed:
    known = _known(session, some, now=now)
    verdicts = {reader: judged(session, one, answers, now=now) for reader, one in known.items()}
    breaker = breakers.Breaker(session, now=now)
    total = Suppressed()
    for reader, verdict in verdicts.items():
        total += apply(session, known[reader], breaker.checked(known[reader].reader, verdict), now=now)
    breakers.look_at_mailings(session, some, now=now)
    outcomes.mark_acted(session, [outcome.id for outcome in some], now=now)
    return total


def _known(session: Session, some: Sequence[Outcome], *, now: datetime) -> dict[int, Known]:
    ids = {outcome.subscriber_id for outcome in some if outcome.subscriber_id is not None}
    return histories.load(session, subscribers.get_many(session, ids), now=now)


def judged(session: Session, known: Known, answers: Mapping[str, bool | None], *, now: datetime) -> Verdict:
    """Judge one address; what trouble many have at once is looked up only where it would decide."""
    dead = answers.get(_domain(known))
    verdict = judge(known.history, now=now, has_no_mail=dead)
    if any(event.category == "transit" for event in verdict.events):
        verdict = judge(histories.with_shared_trouble(session, known).history, now=now, has_no_mail=dead)
    return verdict


def apply(session: Session, known: Known, verdict: Verdict, *, now: datetime) -> Suppressed:
    """Write what follows from a verdict."""
    if verdict.reason is None or verdict.decision not in (Decision.SUPPRESS, Decision.HOLD):
        return Suppressed()
    lifetime = rules.EXPIRES_AFTER.get(verdict.reason) if verdict.pending is None else rules.PENDING_FOR
    is_new = suppressions.add(
        session,
        known.reader.address_key or "",
        reason=verdict.reason,
        evidence=_evidence(verdict),
        now=now,
        expires_at=None if lifetime is None else now + lifetime,
        pending=verdict.pending,
        outcome_ids=[event.id for event in verdict.events],
    )
    if not is_new:
        return Suppressed()
    return Suppressed(count=1) if verdict.pending is None else Suppressed(held=1)


def _evidence(verdict: Verdict) -> str:
    """Say what decided, in the words of the last event."""
    last = verdict.events[-1]
    sends = f" ({len(verdict.events)} sends, score {verdict.score:.2f})" if len(verdict.events) > 1 else ""
    return f"outcome {last.id}: {last.text or last.reason}{sends}"


def _domain(known: Known) -> str:
    return (known.reader.address_key or "").rpartition("@")[2]
