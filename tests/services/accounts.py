"""Compare what a database says of a mailing with what the SMTP server saw, reader by reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any  # JSON

from sqlalchemy import func, select, update

from newsletter.domain.mailings import BatchStatus, MessageStatus
from newsletter.domain.outcomes import OutcomeKind
from newsletter.store import Database, Session
from newsletter.store.tables import Batch, Message, MessageDetail, Outcome, Window
from tests.services.audience import Audience, reader_of
from tests.services.witness import Evidence

_SHOWN = 10  # readers named in one complaint


@dataclass(frozen=True)
class Books:
    """Hold what the database says: the state of each reader, and who was ever in doubt."""

    status: Mapping[int, MessageStatus]
    in_doubt: frozenset[int]


@dataclass(frozen=True)
class Limits:
    """Hold what may have gone wrong, as far as it may explain doubts."""

    connections: int  # of one process
    kills: int  # processes killed, orphans and idle ones included
    hosts_lost: int = 0
    window_size: int = 256

    def doubts(self, drops: int) -> int:
        """Return how many messages can be in doubt."""
        return self.connections * self.kills + drops + self.window_size * self.hosts_lost


@dataclass(kw_only=True)
class Findings:
    """Hold what a run came to; ``broken`` names each invariant that did not hold, with the readers concerned."""

    messages: int
    kills: int
    connections: int
    drops_after_dot: int
    lost: int
    twice: int
    twice_unreported: int
    uncertain: int
    receipt: dict[str, Any]
    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as one flat JSON object."""
        return dict(vars(self))


def compare(
    books: Books,
    evidence: Evidence,
    audience: Audience,
    receipt: dict[str, Any],
    *,
    limits: Limits,
    is_hold: bool,
) -> Findings:
    """Check every invariant of the brief."""
    received = {reader_of(address): count for address, count in evidence.received.items()}
    twice = {reader for reader, count in received.items() if count > 1}
    lost = {
        reader
        for reader in audience.reader_ids
        if reader not in received and books.status.get(reader) in {None, MessageStatus.SUBMITTED}
    }
    findings = Findings(
        messages=len(audience.reader_ids),
        kills=limits.kills,
        connections=limits.connections,
        drops_after_dot=evidence.drops_after_dot,
        lost=len(lost),
        twice=len(twice),
        twice_unreported=len(twice - books.in_doubt),
        uncertain=len(books.in_doubt),
        receipt=receipt,
        figures={
            "explained": limits.doubts(evidence.drops_after_dot),
            "drops_in_body": evidence.drops_in_body,
            "refused": len(evidence.refused),
            "copies": len(evidence.copies),
            "relay_connections": evidence.connection_count,
        },
    )
    rules = _Rules(books, evidence, received)
    findings.broken += rules.of_readers(audience.reader_ids, lost=lost, twice=twice)
    findings.broken += rules.of_counts(len(twice), limits, is_hold=is_hold)
    findings.broken += _of_receipt(receipt, books.status.values(), len(audience.reader_ids))
    findings.broken += evidence.complaints()
    return findings


class _Rules:
    """Check what must hold between the books and the evidence."""

    def __init__(self, books: Books, evidence: Evidence, received: Mapping[int, int]) -> None:
        self._books = books
        self._evidence = evidence
        self._received = received
        self._answered = {reader_of(address) for address in evidence.answered}
        self._refused = {reader_of(address) for address in evidence.refused}

    def of_readers(self, planned: Collection[int], *, lost: set[int], twice: set[int]) -> list[str]:
        """Return the broken rules that name readers."""
        submitted, failed = self._with(MessageStatus.SUBMITTED), self._with(MessageStatus.FAILED)
        settled = submitted | self._with(MessageStatus.UNCERTAIN)
        waiting = self._with(MessageStatus.DEFERRED) | self._with(MessageStatus.EXPIRED)
        rules = {
            "lost": lost,
            "received twice without having been in doubt": twice - self._books.in_doubt,
            "received more than twice": {r for r, count in self._received.items() if count > 2},
            "recorded without a plan, or planned without a record": self._books.status.keys() ^ set(planned),
            "submitted without a 250": submitted - self._answered,
            "answered with 250, and neither submitted nor uncertain": self._answered - settled,
            "received, and neither submitted nor uncertain": self._received.keys() - settled,
            "failed, and never refused for good": failed - self._refused,
            "refused for good, and neither failed nor uncertain": self._refused
            - failed
            - self._with(MessageStatus.UNCERTAIN),
            "uncertain without a record of the doubt": self._with(MessageStatus.UNCERTAIN)
            - self._books.in_doubt,
            "withheld": self._with(MessageStatus.WITHHELD),
            "still deferred, or expired": waiting,
        }
        return [f"{rule}: {_named(readers)}" for rule, readers in rules.items() if readers]

    def of_counts(self, twice_count: int, limits: Limits, *, is_hold: bool) -> list[str]:
        """Return the broken rules that are about numbers."""
        drops = self._evidence.drops_after_dot
        doubts = len(self._books.in_doubt)
        broken = []
        if twice_count > limits.doubts(drops):
            broken.append(f"{twice_count} received twice, more than {limits.doubts(drops)} can be explained")
        most = limits.doubts(drops + self._evidence.drops_in_body)
        if doubts > most:
            broken.append(f"{doubts} were in doubt, more than {most} can be explained")
        if is_hold and twice_count:
            broken.append(f"{twice_count} received twice though the policy is hold")
        return broken

    def _with(self, status: MessageStatus) -> set[int]:
        return {reader for reader, its in self._books.status.items() if its is status}


def read(database: Database, mailing_id: int) -> Books:
    """Read the books of a mailing."""
    with database.reading() as session:
        rows = session.execute(
            select(Message.subscriber_id, Message.status).where(Message.mailing_id == mailing_id)
        )
        status = {reader: MessageStatus(its) for reader, its in rows}
        doubts = session.scalars(
            select(Outcome.subscriber_id).where(
                Outcome.mailing_id == mailing_id, Outcome.kind == OutcomeKind.UNCERTAIN
            )
        )
        return Books(status, frozenset(reader for reader in doubts if reader is not None))


def is_over(session: Session, mailing_id: int) -> bool:
    """Say whether every reader has a result and nothing is to be tried again."""
    is_open = (Batch.mailing_id == mailing_id) & (
        (Batch.status == BatchStatus.PENDING) | Batch.retry_at.is_not(None)
    )
    counts = (
        select(func.count()).select_from(Batch).where(is_open),
        select(func.count()).select_from(Window).where(Window.closed_at.is_(None)),
        select(func.count()).select_from(MessageDetail).where(MessageDetail.next_attempt_at.is_not(None)),
    )
    return not any(session.scalar(count) for count in counts)


def let_time_pass(session: Session, *, past: datetime) -> None:
    """Make due what waits for a later attempt, as if the hours of the retry schedule had gone by.

    The schedule is the product's and counts in minutes, so the instants in the database are moved, not the schedule.
    """
    for model, column in (
        (MessageDetail, MessageDetail.next_attempt_at),
        (Batch, Batch.retry_at),
        (Batch, Batch.due_at),
    ):
        session.execute(
            update(model)
            .where(column > past)
            .values({column.key: past})
            .execution_options(synchronize_session=False)
        )


def _of_receipt(receipt: Mapping[str, Any], statuses: Iterable[MessageStatus], planned: int) -> list[str]:
    """Check the receipt against the rows, number by number."""
    counts = Counter(statuses)
    expected = {
        "planned": planned,
        "submitted": counts[MessageStatus.SUBMITTED],
        "failed": counts[MessageStatus.FAILED] + counts[MessageStatus.EXPIRED],
        "deferred": counts[MessageStatus.DEFERRED],
        "uncertain": counts[MessageStatus.UNCERTAIN],
        "unclaimed": 0,
    }
    broken = [
        f"the receipt says {receipt[name]} {name}, the rows say {number}"
        for name, number in expected.items()
        if receipt[name] != number
    ]
    total = sum(receipt[name] for name in ("submitted", "failed", "deferred", "uncertain", "unclaimed"))
    if receipt["planned"] != total + sum(receipt["withheld"].values()):
        broken.append("the receipt does not add up")
    return broken


def _named(readers: Collection[int]) -> str:
    """Name some readers, and say how many there are."""
    some = ", ".join(map(str, sorted(readers)[:_SHOWN]))
    return f"{len(readers)} ({some}{', ...' if len(readers) > _SHOWN else ''})"
