"""Keep the mailboxes that mail is collected from: one worker at a time looks into each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from newsletter.store import inserts
from newsletter.store.tables import CollectedMailbox

LEASE = timedelta(
    minutes=4
)  # a round takes 45 s and one portion of mails; a worker is stopped after three minutes


@dataclass(frozen=True)
class Claim:
    """Hold the right to look into a mailbox; ``failure_count`` says how often in a row that failed before."""

    name: str
    until: datetime
    failure_count: int


def claim(session: Session, name: str, *, now: datetime, force: bool = False) -> Claim | None:
    """Take a mailbox that is due; None when it is not, or somebody else has it. ``force``: due or not."""
    inserts.missing(session, CollectedMailbox, [_unseen(name, now)], returning=CollectedMailbox.name)
    until = now + LEASE
    statement = update(CollectedMailbox).where(
        CollectedMailbox.name == name,
        or_(CollectedMailbox.lease_until.is_(None), CollectedMailbox.lease_until <= now),
    )
    if not force:
        statement = statement.where(CollectedMailbox.next_at <= now)
    taken = session.execute(
        statement.values(lease_until=until)
        .returning(CollectedMailbox.failure_count)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if taken is None else Claim(name, until, taken.failure_count)


def collected(
    session: Session,
    claim: Claim,
    *,
    now: datetime,
    fault: str = "",
    fault_text: str = "",
) -> None:
    """Give a mailbox back after a look, due again; ``fault`` says what of it could not be taken."""
    row = _held(session, claim)
    if row is not None:
        row.collected_at, row.failure_count = now, 0
        row.next_at, row.lease_until = now, None
        row.fault, row.fault_text = fault, fault_text


def failed(session: Session, claim: Claim, *, fault: str, fault_text: str, next_at: datetime) -> None:
    """Give a mailbox back that could not be looked into."""
    row = _held(session, claim)
    if row is not None:
        row.failure_count += 1
        row.next_at, row.lease_until = next_at, None
        row.fault, row.fault_text = fault, fault_text


def get(session: Session, name: str) -> CollectedMailbox | None:
    """Return how a mailbox fares; None when nobody has looked into it yet."""
    return session.get(CollectedMailbox, name, populate_existing=True)


def _held(session: Session, claim: Claim) -> CollectedMailbox | None:
    return session.scalar(
        select(CollectedMailbox)
        .where(CollectedMailbox.name == claim.name, CollectedMailbox.lease_until == claim.until)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _unseen(name: str, now: datetime) -> dict[str, object]:
    return {"name": name, "next_at": now, "failure_count": 0, "fault": "", "fault_text": ""}
