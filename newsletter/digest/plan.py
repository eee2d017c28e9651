"""Plan issues: ahead of a schedule's slot, when one was missed, or by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from newsletter.digest import content
from newsletter.domain import schedules as slots
from newsletter.domain.errors import InvalidInput
from newsletter.domain.issues import IssueStatus, OnSilence, SkipReason, is_bound_to_slot
from newsletter.domain.rules import ScheduleRules
from newsletter.store import Session, Transactions, issues, newsletters, rules
from newsletter.store.tables import Issue, Newsletter, Schedule

_AHEAD_BY_HAND = timedelta(days=31)  # further ahead it is most likely a slip of the pen


def plan_due(transactions: Transactions, *, now: datetime) -> list[int]:
    """Plan what a schedule wants planned by now; return the ids of issues that await their cut-off or their build.

    An issue is planned its newsletter's lead before its slot, and not before the schedule's last slot is over, so
    that the desk has one issue of a schedule before it. After downtime only the newest missed slot is planned; one
    that is found too late is skipped, and says so. A slot is planned once, however many workers look and wherever
    the clock jumps.
    """
    with transactions() as session:
        wanted = [
            schedule.id
            for schedule in newsletters.active_schedules(session)
            if _next_to_plan(session, schedule, now=now) is not None
        ]
    planned: list[int] = []
    for schedule_id in wanted:
        planned += _plan_all(transactions, schedule_id, now=now)
    with transactions() as session:
        stale = {
            issue.id for issue in issues.past_cut_off(session, now=now) if skip_stale(session, issue, now=now)
        }
    return [issue_id for issue_id in planned if issue_id not in stale]


def plan_now(
    session: Session, newsletter_id: int, *, now: datetime, cut_off_at: datetime | None = None
) -> Issue:
    """Plan an issue outside every schedule; it is mailed only when somebody approves it.

    Its cut-off is now unless one is given; raise InvalidInput for one that is past or more than a month ahead.
    """
    cut_off_at = now if cut_off_at is None else cut_off_at
    if not now <= cut_off_at <= now + _AHEAD_BY_HAND:
        raise InvalidInput(
            "The cut-off must lie ahead, by a month at the most.",
            hint="Leave it out to build the issue at once.",
            reason="bad_cut_off",
        )
    newsletter = newsletters.get(session, newsletter_id)
    issue = issues.add(
        session,
        newsletter_id,
        since=fresh_since(session, newsletter, cut_off_at=cut_off_at),
        cut_off_at=cut_off_at,
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


def skip_stale(session: Session, issue: Issue, *, now: datetime) -> bool:
    """Skip an issue of a schedule that is not built when its time is over; say whether it was.

    That is after downtime, or when a fault was mended late. What waits for a person goes out whenever that person
    says so, and so does what somebody has approved since its slot.
    """
    if issue.is_held or newsletters.get(session, issue.newsletter_id).on_silence is OnSilence.HOLD:
        return False
    reason = _stale_reason(session, issue, now=now)
    if reason is None:
        return False
    return issues.move(
        session, issue.id, IssueStatus.SKIPPED, only_from=IssueStatus.PLANNED, reason=reason.value
    )


def _stale_reason(session: Session, issue: Issue, *, now: datetime) -> SkipReason | None:
    if issue.slot_at is None or not is_bound_to_slot(issue.slot_at, approved_at=issue.approved_at):
        return None
    newsletter = newsletters.get(session, issue.newsletter_id)
    schedule = rules.of(newsletter).schedule
    if slots.is_holiday(issue.slot_at, schedule.holidays, zone_name=newsletter.zone):
        return SkipReason.HOLIDAY
    if slots.is_too_late(issue.slot_at, now=now, limit=schedule.late_limit):
        return SkipReason.TOO_LATE
    return SkipReason.SUPERSEDED if issues.has_later(session, issue, until=now) else None


def _plan_all(transactions: Transactions, schedule_id: int, *, now: datetime) -> list[int]:
    """Plan the slots of one schedule that want it, each in a transaction of its own."""
    planned: list[int] = []
    while True:
        with transactions() as session:
            schedule = newsletters.lock_schedule(session, schedule_id)
            slot = None if schedule is None else _next_to_plan(session, schedule, now=now)
            if schedule is None or slot is None:
                return planned
            issue = _plan(session, schedule, slot, now=now)
            if issue is not None and issue.status is IssueStatus.PLANNED:
                planned.append(issue.id)


def _next_to_plan(session: Session, schedule: Schedule, *, now: datetime) -> datetime | None:
    """Return the slot that wants an issue now."""
    slot = schedule.next_slot_at
    if slot > now:
        slot = _after_clock_jump(session, schedule, now=now)
    limits = _rules(session, schedule)
    if slot <= now:
        return _newest_slot(schedule, slot, limits.late_limit, now=now)
    if slot - limits.lead > now:
        return None
    before = [issue.slot_at for issue in issues.of_slots(session, schedule.id, after=now)]
    return None if any(each is not None and each < slot for each in before) else slot


def _after_clock_jump(session: Session, schedule: Schedule, *, now: datetime) -> datetime:
    """Return the next slot, which is an earlier one when the machine's clock was ahead for a while.

    Then slots up to the wrong time seem to be over; those without an issue are still to come.
    """
    first = slots.next_slot(schedule.cron, schedule.zone, after=now)
    taken = [issue.slot_at for issue in issues.of_slots(session, schedule.id, after=now)]
    return first if first < schedule.next_slot_at and first not in taken else schedule.next_slot_at


def _plan(session: Session, schedule: Schedule, slot: datetime, *, now: datetime) -> Issue | None:
    schedule.next_slot_at = slots.next_slot(schedule.cron, schedule.zone, after=max(slot, now))
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
    reason = None if issue is None else _stale_reason(session, issue, now=now)
    if issue is not None and reason is not None:
        issues.move(session, issue.id, IssueStatus.SKIPPED, reason=reason.value)
    return issue


def _newest_slot(schedule: Schedule, slot: datetime, late_limit: timedelta, *, now: datetime) -> datetime:
    """Return the last slot from ``slot`` on that is not later than now, looking back no further than it is of use."""
    # One step before the limit, so that a slot right on it is found; a schedule of minutes has 360 in six hours.
    following = slots.next_slot(schedule.cron, schedule.zone, after=max(slot, now - late_limit))
    while following <= now:
        slot = following
        following = slots.next_slot(schedule.cron, schedule.zone, after=slot)
    return slot


def _rules(session: Session, schedule: Schedule) -> ScheduleRules:
    return rules.of(newsletters.get(session, schedule.newsletter_id)).schedule
