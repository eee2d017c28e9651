"""Export the readers of a newsletter as CSV that can be imported again."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import StringIO

from newsletter.store import Session, newsletters, subscriptions
from newsletter.store.tables import Subscriber, Subscription, Topic
from newsletter.subscribing.rows import FORMULA_MARKS

COLUMNS = (
    "address",
    "name",
    "topics",
    "language",
    "cadence",
    "status",
    "requested_at",
    "confirmed_at",
    "ended_at",
    "end_reason",
    "zone",
    "hour",
    "snoozed_until",
)


def export_csv(session: Session, newsletter_slug: str) -> Iterator[str]:
    """Yield the lines of a CSV file, the names of the columns first; everybody who has, had or asked for it."""
    newsletter = newsletters.by_slug(session, newsletter_slug)
    topics = newsletters.topics(session, newsletter.id, with_retired=True)
    yield _line(COLUMNS)
    for subscriber, subscription in subscriptions.readers(session, newsletter.id):
        yield _line(_cells(subscriber, subscription, topics))


def _cells(subscriber: Subscriber, subscription: Subscription, topics: Sequence[Topic]) -> tuple[str, ...]:
    followed = [topic.slug for topic in topics if subscription.topics >> topic.number & 1]
    return (
        _inert(subscriber.address or ""),
        _inert(subscriber.name),
        ";".join(followed),
        subscriber.language or "",
        subscription.cadence.value,
        subscription.status.value,
        _instant(subscription.requested_at),
        _instant(subscription.confirmed_at),
        _instant(subscription.ended_at),
        subscription.end_reason.value if subscription.end_reason else "",
        subscriber.zone or "",
        "" if subscription.hour is None else str(subscription.hour),
        _instant(subscription.snoozed_until),
    )


def _inert(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula; the import takes it off."""
    return f"'{cell}" if cell[:1] and cell[0] in FORMULA_MARKS else cell


def _instant(instant: datetime | None) -> str:
    return instant.isoformat() if instant else ""


def _line(cells: Sequence[str]) -> str:
    buffer = StringIO()
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()
