"""Work off the queue of arrivals: each in a transaction of its own, so that one that breaks spares the others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.domain.arrivals import MailWay
from newsletter.domain.errors import NewsletterError
from newsletter.feedback import events, record
from newsletter.feedback.means import Means
from newsletter.providers.base import Fetch
from newsletter.runtime import logs
from newsletter.runtime.clock import Clock
from newsletter.store import OperationalError, Session, Transactions, alerts, arrivals, keys

_AT_ONCE = 20
_READ_FOR = timedelta(seconds=45)  # then the task ends, and another goes on
_log = logs.get(__name__)


@dataclass(frozen=True)
class Progress:
    """Say how many arrivals were read, and whether more wait."""

    count: int
    has_more: bool


def read_due(transactions: Transactions, means: Means, *, fetch: Fetch, clock: Clock) -> Progress:
    """Read what waits, oldest first, for at most 45 seconds; ``fetch`` confirms what a provider asks us to."""
    started, count = clock.monotonic(), 0
    while clock.monotonic() - started < _READ_FOR.total_seconds():
        with transactions() as session:
            ids = arrivals.claim(session, now=clock.now(), limit=_AT_ONCE)
        for arrival_id in ids:
            _read(transactions, means, arrival_id, fetch=fetch, now=clock.now())
        count += len(ids)
        if len(ids) < _AT_ONCE:
            return Progress(count, has_more=False)
    return Progress(count, has_more=True)


def sweep(transactions: Transactions, *, now: datetime) -> int:
    """Delete the arrivals of more than 30 days ago, and retire old keys of return paths; return how many arrivals."""
    with transactions() as session:
        keys.retire_old(session, now=now)
    count = 0
    while True:
        with transactions() as session:
            deleted = arrivals.sweep(session, now=now)
        count += deleted
        if not deleted:
            return count


def _read(transactions: Transactions, means: Means, arrival_id: int, *, fetch: Fetch, now: datetime) -> None:
    try:
        with transactions() as session:
            confirm_urls = _record(session, means, arrival_id, now=now)
    except OperationalError:
        raise  # the database is away; the arrival waits for its lease to end
    except Exception as error:  # noqa: BLE001 - the outermost loop of the reading
        # Whatever a stranger's mail does to us, it is kept for a person and the next one is read.
        _log.exception("arrival_failed", arrival=arrival_id)
        with transactions() as session:
            arrivals.failed(session, arrival_id, error=f"{type(error).__name__}: {error}", now=now)
        return
    for url in confirm_urls:
        _confirm(transactions, url, fetch=fetch, now=now)


def _record(session: Session, means: Means, arrival_id: int, *, now: datetime) -> tuple[str, ...]:
    arrival = arrivals.get(session, arrival_id)
    if arrival is None:
        return ()
    reader = record.record if arrival.way in set(MailWay) else events.record
    found = reader(session, arrival, means, now=now)
    arrivals.done(session, arrival_id, kind=found.kind, result=found.result, error=found.error, now=now)
    return found.confirm_urls


def _confirm(transactions: Transactions, url: str, *, fetch: Fetch, now: datetime) -> None:
    try:
        fetch(url)
    except NewsletterError as error:
        with transactions() as session:
            alerts.note(session, "provider", "confirmation", error.message, now=now)
