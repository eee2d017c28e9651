"""Count what monitoring asks for: small queries over what is open, never over all that ever was."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from newsletter.domain.arrivals import ArrivalStatus
from newsletter.domain.mailings import BatchStatus, MailingStatus
from newsletter.store import alerts, beats, leases, notices
from newsletter.store.mailings import IS_OPEN
from newsletter.store.tables import Arrival, Batch, Issue, Mailing, Newsletter, Schedule, Source, SourceStatus

_RECENT = timedelta(hours=24)
_RECENT_MAXIMUM = 20  # mailings: the newest


class RecentMailing(NamedTuple):
    """Hold a mailing that goes out, or went out lately."""

    mailing_id: int
    slug: str
    number: int
    kind: str
    is_finished: bool


@dataclass(frozen=True, kw_only=True)
class Gauges:
    """Hold what stands where now; ages are in seconds, 0 = nothing waits. ``last_beat_age`` None = never."""

    batches_due: int
    oldest_batch_age: float
    notices_waiting: int
    arrivals_waiting: int
    slot_lag: float
    last_beat_age: float | None
    alerts: dict[str, int]
    sources: dict[str, int]
    mailings: dict[str, int]


def read(session: Session, *, beat: str, now: datetime) -> Gauges:
    """Count what is open."""
    at = beats.last(session, beat)
    return Gauges(
        batches_due=leases.waiting_count(session, now=now),
        oldest_batch_age=_age(_oldest_batch(session, now=now), now),
        notices_waiting=notices.waiting(session),
        arrivals_waiting=session.scalar(select(func.count()).where(Arrival.status == ArrivalStatus.WAITING))
        or 0,
        slot_lag=_age(_oldest_slot(session, now=now), now),
        last_beat_age=None if at is None else _age(at, now),
        alerts=alerts.open_counts(session),
        sources=_sources(session),
        mailings=_mailings(session),
    )


def recent(session: Session, *, now: datetime) -> list[RecentMailing]:
    """Return the mailings that are not finished or began in the last day, the newest first."""
    rows = session.execute(
        select(Mailing.id, Newsletter.slug, Issue.number, Mailing.kind, Mailing.finished_at)
        .join(Issue, Issue.id == Mailing.issue_id)
        .join(Newsletter, Newsletter.id == Mailing.newsletter_id)
        .where(or_(Mailing.finished_at.is_(None), Mailing.started_at > now - _RECENT))
        .order_by(Mailing.id.desc())
        .limit(_RECENT_MAXIMUM)
    )
    return [RecentMailing(*row[:3], row[3].value, row[4] is not None) for row in rows]


def _oldest_batch(session: Session, *, now: datetime) -> datetime | None:
    return session.scalar(
        select(func.min(Batch.due_at))
        .join(Mailing, Mailing.id == Batch.mailing_id)
        .where(
            Mailing.finished_at.is_(None),
            Mailing.status == MailingStatus.RUNNING,
            IS_OPEN,
            Batch.status == BatchStatus.PENDING,
            Batch.due_at <= now,
        )
    )


def _oldest_slot(session: Session, *, now: datetime) -> datetime | None:
    return session.scalar(
        select(func.min(Schedule.next_slot_at)).where(Schedule.is_active, Schedule.next_slot_at <= now)
    )


def _sources(session: Session) -> dict[str, int]:
    failing = func.count().filter(Source.failure_count > 0)
    rows = session.execute(select(Source.status, func.count(), failing).group_by(Source.status))
    counts = Counter({"active": 0, "failing": 0, "stopped": 0})
    for status, count, failing_count in rows:
        if status is SourceStatus.STOPPED:
            counts["stopped"] += count
        else:
            counts += Counter({"active": count - failing_count, "failing": failing_count})
    return {state: counts[state] for state in ("active", "failing", "stopped")}


def _mailings(session: Session) -> dict[str, int]:
    rows = session.execute(
        select(Mailing.status, func.count()).where(Mailing.finished_at.is_(None)).group_by(Mailing.status)
    )
    return {MailingStatus.RUNNING.value: 0, MailingStatus.PAUSED.value: 0} | {
        row[0].value: row[1] for row in rows
    }


def _age(at: datetime | None, now: datetime) -> float:
    return 0.0 if at is None else max((now - at).total_seconds(), 0.0)
