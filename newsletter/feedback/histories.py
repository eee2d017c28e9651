"""Gather what the rules judge an address by from what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from newsletter.domain.mailings import TAKEN, MessageStatus
from newsletter.domain.outcomes import IdentifiedBy, OutcomeKind
from newsletter.domain.scoring import SILENCE, Ended, Event, History
from newsletter.store import Session, mailings, messages, outcomes, shares, suppressions
from newsletter.store.tables import Outcome, Subscriber, Suppression

LOOKED_AT = timedelta(days=400)  # how far back sends are looked at: of a yearly newsletter the last one
FAILURES = (
    OutcomeKind.FAILED,
    OutcomeKind.BOUNCED,
    OutcomeKind.EXPIRED,
    OutcomeKind.COMPLAINED,
    OutcomeKind.SUPPRESSED,
    OutcomeKind.AUTO_REPLIED,
)
_READ = (OutcomeKind.OPENED, OutcomeKind.CLICKED)
_LIFE = (*_READ, OutcomeKind.DELIVERED, OutcomeKind.REPLIED)
_MACHINE = "machine"  # what a provider says opened it


@dataclass(frozen=True)
class Known:
    """Hold a reader, what stands or stood against the address, and its history since that was last forgiven."""

    reader: Subscriber
    suppression: Suppression | None
    history: History


def load(session: Session, readers: Iterable[Subscriber], *, now: datetime) -> dict[int, Known]:
    """Return what is known of readers, by id; of erased ones nothing."""
    living = {reader.id: reader for reader in readers if reader.address_key is not None}
    against = suppressions.of_keys(session, [reader.address_key or "" for reader in living.values()])
    told: dict[int, list[Outcome]] = defaultdict(list)
    for outcome in outcomes.of_subscribers(session, living, (*FAILURES, *_LIFE)):
        told[outcome.subscriber_id or 0].append(outcome)
    started = mailings.started_since(session, now - LOOKED_AT)
    sends = _sends(
        session, [reader for reader in living if _needs_sends(told[reader], started, now)], started
    )
    return {
        reader_id: _known(reader, against.get(reader.address_key or ""), told[reader_id], started, sends, now)
        for reader_id, reader in living.items()
    }


def with_shared_trouble(session: Session, known: Known) -> Known:
    """Return the same, with the failures marked that at least half of the domain's readers had on that day."""
    events = [
        replace(event, is_shared=_is_shared(session, known.reader, event.at))
        if event.category == "transit"
        else event
        for event in known.history.events
    ]
    return replace(known, history=replace(known.history, events=events))


def _is_shared(session: Session, reader: Subscriber, at: datetime) -> bool:
    """Say whether others had the same trouble; of a domain with one reader nobody can tell."""
    if reader.domain_id is None:
        return False
    day = datetime.combine(at.date(), time(), at.tzinfo)
    failed, all_of_them = shares.in_trouble(session, reader.domain_id, category="transit", day=day)
    return failed > 1 and 2 * failed >= all_of_them


def _needs_sends(told: Collection[Outcome], started: Mapping[int, datetime], now: datetime) -> bool:
    """Say whether it matters which messages arrived: one failure of these days is judged by itself."""
    failures = [o for o in told if o.kind in FAILURES]
    return len(failures) > 1 or any(started.get(o.mailing_id or 0, now) + SILENCE <= now for o in failures)


@dataclass(frozen=True)
class _Send:
    """Hold one message to a reader: which mailing, when it went out, whether it was taken."""

    mailing_id: int
    at: datetime
    was_submitted: bool


def _sends(
    session: Session, readers: Collection[int], started: Mapping[int, datetime]
) -> Mapping[int, list[_Send]]:
    found: dict[int, list[_Send]] = defaultdict(list)
    for reader, mailing, seconds, status in messages.of_subscribers(session, readers, mailing_ids=started):
        if status is not MessageStatus.WITHHELD:
            at = started[mailing] + timedelta(seconds=seconds)
            found[reader].append(_Send(mailing, at, status in TAKEN))
    return found


def _known(
    reader: Subscriber,
    suppression: Suppression | None,
    told: list[Outcome],
    started: Mapping[int, datetime],
    sends: Mapping[int, list[_Send]],
    now: datetime,
) -> Known:
    since = None if suppression is None else suppression.forgiven_at
    failures = [o for o in told if o.kind in FAILURES and (since is None or o.at > since) and _counts(o)]
    seen = [o for o in told if o.kind in _LIFE and o.reason != _MACHINE]
    mine = sends.get(reader.id, [])
    failed = {o.mailing_id for o in told if o.kind in FAILURES and o.kind is not OutcomeKind.AUTO_REPLIED}
    read_at: dict[int, datetime] = {}
    for o in seen:
        if o.kind in _READ and o.mailing_id is not None:
            read_at.setdefault(o.mailing_id, o.at)
    history = History(
        events=[_event(o, started) for o in failures],
        seen_at=[o.at for o in seen],
        read_at=read_at,
        arrived=[
            started[send.mailing_id]
            for send in mine
            if send.was_submitted and send.mailing_id not in failed and send.at + SILENCE <= now
        ],
        mailed_at=[started[send.mailing_id] for send in mine],
        ended=_ended(suppression, now=now),
    )
    return Known(reader, suppression, history)


def _ended(suppression: Suppression | None, *, now: datetime) -> Ended | None:
    if suppression is None or suppression.pending is not None or suppression.lifted_at is not None:
        return None
    until = suppression.expires_at
    return None if until is None or until > now else Ended(suppression.reason, until)


def _counts(outcome: Outcome) -> bool:
    """Say whether a server gave up on a message, and not we, as when the next issue took its place."""
    return outcome.is_final and (outcome.kind is not OutcomeKind.EXPIRED or outcome.reply_code is not None)


def _event(outcome: Outcome, started: Mapping[int, datetime]) -> Event:
    return Event(
        id=outcome.id,
        at=outcome.at,
        mailed_at=started.get(outcome.mailing_id or 0, outcome.at),
        mailing_id=outcome.mailing_id,
        kind=outcome.kind,
        reason=outcome.reason,
        category=outcome.category,
        is_permanent=outcome.is_hard or outcome.kind is OutcomeKind.FAILED,
        is_proven=outcome.identified_by is not IdentifiedBy.ADDRESS,
        text=_said(outcome),
    )


def _said(outcome: Outcome) -> str:
    """Return a server's words with their codes, which a report repeats and a dialogue keeps apart."""
    codes = (str(outcome.reply_code or ""), outcome.reply_enhanced or "")
    return " ".join(
        [*(code for code in codes if code and code not in outcome.evidence), outcome.evidence]
    ).strip()
