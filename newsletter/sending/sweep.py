"""Find what is due: the rows are the queue, and this is how the bell learns of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from newsletter.sending import first
from newsletter.store import (
    Session,
    Transactions,
    arrivals,
    domains,
    hooks,
    issues,
    leases,
    mailings,
    notices,
    outcomes,
    sources,
)

_DRAINS_AT_ONCE = 4  # rings for drains in one beat: more senders than that find the work by themselves


@dataclass(frozen=True)
class Due:
    """Hold the tasks to ring for, each with its arguments."""

    rings: tuple[tuple[str, tuple[int, ...]], ...]


def find_due(session: Session, *, now: datetime) -> Due:
    """Return what wants work now, in the order in which a reader would miss it."""
    rings: list[tuple[str, tuple[int, ...]]] = []
    if notices.is_due(session, now=now):
        rings.append(("newsletter.notices", ()))
    rings += [("newsletter.build", (issue_id,)) for issue_id in issues.due_builds(session, now=now)]
    rings += [("newsletter.expand", (issue_id,)) for issue_id in issues.ready(session)]
    if first.is_due(session, now=now):
        rings.append(("newsletter.first", ()))
    drain_count = min(_DRAINS_AT_ONCE, leases.waiting_count(session, now=now))
    rings += [("newsletter.drain", ())] * drain_count
    if sources.is_due(session, now=now):
        rings.append(("newsletter.poll", ()))
    if arrivals.is_due(session, now=now) or outcomes.are_open(session):
        rings.append(("newsletter.feedback", ()))
    if domains.has_unresolved(session, now=now):
        rings.append(("newsletter.resolve", ()))
    return Due(tuple(rings))


def tidy(transactions: Transactions, *, now: datetime) -> None:
    """Forget the webhooks whose repetitions need no answer any more; close the mailings that nobody closed."""
    with transactions() as session:
        hooks.forget(session, now=now)
        for mailing in mailings.unfinished(session):
            mailings.finish(session, mailing.id, now=now)
