"""Write down what a provider's webhook tells; one event that cannot be used spares the others."""

from __future__ import annotations

from datetime import datetime

from newsletter.domain.arrivals import ArrivalResult
from newsletter.domain.outcomes import IdentifiedBy, OutcomeKind
from newsletter.feedback import identify, writing
from newsletter.feedback.identify import Identified
from newsletter.feedback.means import Means, Recorded
from newsletter.providers.base import FeedNotice, ProviderEvent, Unreadable
from newsletter.store import Session, alerts
from newsletter.store.tables import Arrival

_KIND = "events"
_NOTHING_NEW = frozenset({OutcomeKind.SUBMITTED})  # that the provider has it is our own fact


def record(session: Session, arrival: Arrival, means: Means, *, now: datetime) -> Recorded:
    """Read one body and write its outcomes; raise KeyError for a provider that is not set up any more."""
    feed = means.feeds[arrival.way]
    written: list[bool] = []
    errors: list[str] = []
    confirm_urls: list[str] = []
    count = 0
    for told in feed.events(arrival.body + (arrival.rest or b""), arrival.headers):
        match told:
            case Unreadable():
                errors.append(f"event {told.position}: {told.why}")
            case FeedNotice():
                alerts.note(session, "provider", arrival.way, told.text, now=now)
                confirm_urls += filter(None, [told.confirm_url])
            case ProviderEvent():
                count += _is_news(told)
                found = _message_of(session, told, means, now=now) if _is_news(told) else None
                if found is not None:
                    written.append(_write(session, arrival, found, told))
    result = writing.result(written) if count else ArrivalResult.IGNORED
    return Recorded(_KIND, result, "\n".join(errors), tuple(confirm_urls))


def _is_news(event: ProviderEvent) -> bool:
    """Say whether anything follows from an event; an unknown one is kept with its body, and means nothing."""
    return event.kind not in _NOTHING_NEW and (event.kind is not OutcomeKind.UNKNOWN or bool(event.reason))


def _message_of(session: Session, event: ProviderEvent, means: Means, *, now: datetime) -> Identified | None:
    """Return the message of ours that an event is about; about anybody else's a provider can tell us nothing."""
    traces = means.paths.in_text(event.message_id, now=now)
    if traces:
        return Identified(traces[0].delivery, IdentifiedBy.RETURNED, traces[0])
    if event.delivery is not None:
        named = identify.by_provider(session, event.delivery, event.recipient)
        if named is not None:
            return named
    mailed = identify.by_address(session, event.recipient, now=now)
    return None if mailed is None else Identified(mailed.delivery, IdentifiedBy.PROVIDER)


def _write(session: Session, arrival: Arrival, found: Identified, event: ProviderEvent) -> bool:
    return writing.add(
        session,
        arrival,
        found,
        kind=event.kind,
        event_key=event.event_key,
        at=event.at,
        reason=event.reason,
        category=event.category,
        evidence=event.text or event.name,
        is_hard=event.is_hard,
        is_final=event.is_final,
        reply_code=event.reply_code,
        status=event.status,
    )
