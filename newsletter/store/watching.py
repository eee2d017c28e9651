"""Look for what a person must be told of: a few rows by index, asked once a minute."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple, cast  # frozen issues are JSON objects; a CASE has no type

from sqlalchemy import case, func, literal, or_, select, update
from sqlalchemy.orm import Session

from newsletter.domain.issues import IssueKind, IssueStatus
from newsletter.domain.mailings import BatchStatus, MailingStatus
from newsletter.domain.watch import LOOK_BACK, WatchedIssue
from newsletter.store.mailings import IS_OPEN
from newsletter.store.tables import Batch, Issue, Mailing, Newsletter, Schedule, Window

_WINDOWS_BACK = 20_000  # windows looked through for a mailing's newest: some five million readers
_EARLIER = 5  # issues that say what is usual


class RunningMailing(NamedTuple):
    """Hold a mailing that goes out, and when something was last decided in it, None = never."""

    mailing_id: int
    issue_id: int
    number: int
    newsletter_id: int
    slug: str
    started_at: datetime
    fault: str | None


def slots(session: Session, *, since: datetime, until: datetime) -> list[WatchedIssue]:
    """Return the issues of schedules whose slots lie in a time, oldest first."""
    rows = session.execute(
        select(
            Issue.id,
            Issue.newsletter_id,
            Issue.number,
            Issue.slot_at,
            Issue.status,
            Issue.reason,
            Issue.fault,
            Issue.is_held,
        )
        # By the index over status and cut-off, which is the slot: a walk through all issues would read their contents.
        .where(
            Issue.status.in_(list(IssueStatus)),
            Issue.cut_off_at > since,
            Issue.cut_off_at <= until,
            Issue.slot_at.is_not(None),
        )
        .order_by(Issue.slot_at, Issue.id)
    )
    return [
        WatchedIssue(*row) for row in cast("Iterable[Any]", rows)
    ]  # a slot that was asked for is not NULL


def unplanned(session: Session, *, until: datetime) -> list[tuple[int, datetime]]:
    """Return newsletter and slot of the active schedules whose slot has passed and that nobody has planned."""
    rows = session.execute(
        select(Schedule.newsletter_id, Schedule.next_slot_at).where(
            Schedule.is_active, Schedule.next_slot_at <= until
        )
    )
    return [(row[0], row[1]) for row in rows]


def last_mailed_slots(session: Session) -> dict[int, datetime]:
    """Return the cut-off of each newsletter's newest digest that goes, or went, out."""
    rows = session.execute(
        select(Issue.newsletter_id, func.max(Issue.cut_off_at))
        .where(Issue.status == IssueStatus.MAILED, Issue.kind == IssueKind.DIGEST)
        .group_by(Issue.newsletter_id)
    )
    return {row[0]: row[1] for row in rows}


def running(session: Session) -> list[RunningMailing]:
    """Return the mailings that go out now."""
    rows = session.execute(
        select(
            Mailing.id,
            Mailing.issue_id,
            Issue.number,
            Mailing.newsletter_id,
            Newsletter.slug,
            Mailing.started_at,
            Mailing.fault,
        )
        .join(Issue, Issue.id == Mailing.issue_id)
        .join(Newsletter, Newsletter.id == Mailing.newsletter_id)
        .where(Mailing.finished_at.is_(None), Mailing.status == MailingStatus.RUNNING)
    )
    return [RunningMailing(*row) for row in rows]


def last_step(session: Session, mailing_id: int) -> datetime | None:
    """Return when something was last decided in a mailing, as far as the newest windows tell."""
    newest = select(func.coalesce(func.max(Window.id), literal(0))).scalar_subquery()
    return session.scalar(
        select(func.max(Window.planned_at))
        .join(Batch, Batch.id == Window.batch_id)
        .where(Batch.mailing_id == mailing_id, Window.id > newest - _WINDOWS_BACK)
    )


def due_since(session: Session, mailing_id: int, *, now: datetime) -> datetime | None:
    """Return when the oldest batch of a mailing that wants work fell due."""
    at = case((Batch.status == BatchStatus.PENDING, Batch.due_at), else_=Batch.retry_at)
    query = select(func.min(at)).where(Batch.mailing_id == mailing_id, IS_OPEN, at <= now)
    return cast("datetime | None", session.scalar(query))


def built_since(session: Session, instant: datetime) -> list[tuple[int, int]]:
    """Return id and newsletter of the digests that were built since an instant."""
    rows = session.execute(
        select(Issue.id, Issue.newsletter_id).where(
            Issue.status.in_((IssueStatus.BUILT, IssueStatus.MAILED)),
            Issue.kind == IssueKind.DIGEST,
            Issue.cut_off_at > instant - LOOK_BACK,
            Issue.built_at > instant,
        )
    )
    return [(row[0], row[1]) for row in rows]


def frozen_before(session: Session, newsletter_id: int, issue_id: int) -> list[dict[str, Any]]:
    """Return the content of a digest and of the few before it, the newest first."""
    found = session.scalars(
        select(Issue.frozen)
        .where(
            Issue.newsletter_id == newsletter_id,
            Issue.id <= issue_id,
            Issue.kind == IssueKind.DIGEST,
            Issue.frozen.is_not(None),
            or_(Issue.id == issue_id, Issue.status == IssueStatus.MAILED),
        )
        .order_by(Issue.id.desc())
        .limit(1 + _EARLIER)
    )
    return [each for each in found if each]


def make_fallback(session: Session, issue_id: int) -> bool:
    """Let a planned issue be built as headlines alone; False when it is that already, or not planned."""
    found = session.scalar(
        update(Issue)
        .where(Issue.id == issue_id, Issue.status == IssueStatus.PLANNED, Issue.is_fallback.is_(False))
        .values(is_fallback=True)
        .returning(Issue.id)
        .execution_options(synchronize_session=False)
    )
    return found is not None
