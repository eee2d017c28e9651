"""Plan issues: when a schedule's slot has come, or by hand."""

from __future__ import annotations

from datetime import datetime

from newsletter.digest import content
from newsletter.domain import schedules as rules
from newsletter.domain.issues import IssueStatus, SkipReason
from newsletter.store import Session, Transactions, issues, newsletters
from newsletter.store.tables import Issue, Newsletter, Schedule


def plan_due(transactions: Transactions, *, now: datetime) -> list[int]:
    """Plan an issue for each schedule whose slot has come; return the ids of those to build.

    After downtime only the newest missed slot is planned; one that is found too late is skipped, and says so. A
    slot is planned once, however many workers look.
    """
    planned: list[int] = []
    while True:
        with transactions() as session:
            schedule = newsletters.lock_due_schedule(session, now=now)
            if schedule is None:
                return planned
            issue = _plan(session, schedule, now=now)
            if issue is not None and issue.status is IssueStatus.PLANNED:
                planned.append(issue.id)


def plan_now(session: Session, newsletter_id: int, *, now: datetime) -> Issue:
    """Plan an issue outside every schedule; its cut-off is now, and it is mailed only when somebody approves it."""
    newsletter = newsletters.get(session, newsletter_id)
    issue = issues.add(
        session,
        newsletter_id,
        since=fresh_since(session, newsletter, cut_off_at=now),
        cut_off_at=now,
        now=now,
    )
    assert issue is not None  # only a schedule's slot can be taken
    return issue


def fresh_since(
    session: Session, newsletter: Newsletter, *, cut_off_at: datetime, except_id: int = 0
) -> datetime:
    """Return after which instant an article is new to the readers of an issue with that cut-off.

    It is the cut-off of the last issue that was not skipped or cancelled, so that what a skipped issue would have
    carried is in the next one. The first issue reaches back to the newsletter's beginning.
    """
    last = issues.last_cut_off(session, newsletter.id, until=cut_off_at, except_id=except_id)
    return last or min(newsletter.created_at, cut_off_at) - content.LONGEST_REACH


def _plan(session: Session, schedule: Schedule, *, now: datetime) -> Issue | None:
    slot = _newest_slot(schedule, now=now)
    schedule.next_slot_at = rules.next_slot(schedule.cron, schedule.zone, after=max(slot, now))
    newsletter = newsletters.get(session, schedule.newsletter_id)
    issue = issues.add(
        session,
        newsletter.id,
        since=fresh_since(session, newsletter, cut_off_at=slot),
        cut_off_at=slot,
        now=now,
        schedule_id=schedule.id,
        slot_at=slot,
    )
    if issue is not None and rules.is_too_late(slot, now=now):
        issue.status = IssueStatus.SKIPPED
        issue.reason = SkipReason.TOO_LATE
    return issue


def _newest_slot(schedule: Schedule, *, now: datetime) -> datetime:
    """Return the last slot that is not later than now, looking no further back than a slot is of use."""
    slot = schedule.next_slot_at
    # One step before the limit, so that a slot right on it is found; a schedule of minutes has 360 in that time.
    following = rules.next_slot(schedule.cron, schedule.zone, after=max(slot, now - rules.LATE_LIMIT))
    while following <= now:
        slot = following
        following = rules.next_slot(schedule.cron, schedule.zone, after=slot)
    return slot
