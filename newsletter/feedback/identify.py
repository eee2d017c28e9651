"""Find out which message a report is about: by a token of ours wherever it stands, else by the address named.

The ladder, best proof first: the address that the report was sent to; the envelope id that it gives back; what it
returns of our message; the provider's word; the address that it names, if we mailed it in the last days. The first
three bear a MAC, so that nobody else can have written them. When a token and the address disagree, the token wins:
somebody forwards mail, and the reader is ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.domain import addresses
from newsletter.domain.errors import InvalidInput
from newsletter.domain.outcomes import IdentifiedBy
from newsletter.domain.return_paths import BOUNCE_LIFETIME, ReturnPaths, Trace
from newsletter.domain.tokens import Delivery
from newsletter.mime.inbound import Origin, parts
from newsletter.store import Session, mailings, messages, subscribers

MAILED_WITHIN = timedelta(days=10)  # twice the time that servers try; an older message is named by nobody


@dataclass(frozen=True)
class Identified:
    """Hold the message that a report is about and how it was found; ``trace`` is the token, None: there was none."""

    delivery: Delivery
    by: IdentifiedBy
    trace: Trace | None = None


def by_token(
    paths: ReturnPaths, origin: Origin, *, recipient: str | None, raw: bytes, now: datetime
) -> Identified | None:
    """Return the message whose token a report bears; ``recipient`` is that of the envelope, None: not known.

    The body is looked through last, because that costs most.
    """
    for by, texts in (
        (IdentifiedBy.RECIPIENT, (recipient or "", *origin.addressed_to)),
        (IdentifiedBy.ENVELOPE_ID, (origin.original_envelope_id,)),
        (IdentifiedBy.RETURNED, (*origin.message_ids, origin.list_unsubscribe, origin.feedback_id)),
        (IdentifiedBy.RETURNED, _bodies(raw)),
    ):
        trace = _first(paths, texts, addressed=by is IdentifiedBy.RECIPIENT, now=now)
        if trace is not None:
            return Identified(trace.delivery, by, trace)
    return None


def by_address(session: Session, address: str, *, now: datetime) -> Identified | None:
    """Return the last message that went to exactly this address, when that is not long ago: it proves nothing."""
    return by_addresses(session, [address], now=now).get(address)


def by_addresses(session: Session, named: Iterable[str], *, now: datetime) -> dict[str, Identified]:
    """Return the same for each of the addresses that are readers', by the address as it was written."""
    keys = {address: key for address in named if (key := _key(address)) is not None}
    ids = subscribers.ids_of(session, sorted(set(keys.values())))
    found = {}
    for address, key in keys.items():
        reader = ids.get(key)
        mailing = reader and messages.last_mailing(session, reader, since=now - MAILED_WITHIN)
        if reader and mailing:
            found[address] = Identified(Delivery(mailing, reader), IdentifiedBy.ADDRESS)
    return found


def by_provider(session: Session, delivery: Delivery, address: str) -> Identified | None:
    """Return the message that a provider names, when it was ours and went to the address that it names."""
    key = _key(address)
    if address and (key is None or subscribers.ids_of(session, [key]).get(key) != delivery.subscriber_id):
        return None
    if mailings.find(session, delivery.mailing_id) is None:
        return None
    found = messages.of_subscriber(session, delivery.subscriber_id, mailing_ids=[delivery.mailing_id])
    return Identified(delivery, IdentifiedBy.PROVIDER) if found else None


def is_fresh(found: Identified, *, now: datetime) -> bool:
    """Say whether a bounce may still be about this message: Message-IDs and links bear tokens that never expire."""
    return found.trace is None or found.trace.signed_on >= (now - BOUNCE_LIFETIME).date()


def _key(address: str) -> str | None:
    try:
        return addresses.parse(address).key
    except InvalidInput:
        return None


def _first(paths: ReturnPaths, texts: Iterable[str], *, addressed: bool, now: datetime) -> Trace | None:
    """Return the first token in some texts; addresses of ours are of two kinds only."""
    for text in texts:
        for trace in paths.in_text(text, now=now):
            if not addressed or trace.kind in {"b", "u"}:
                return trace
    return None


def _bodies(raw: bytes) -> Iterator[str]:
    for part in parts.parse(raw).parts:
        yield part.text if part.type != "text/html" else part.content.decode("utf-8", "replace")
