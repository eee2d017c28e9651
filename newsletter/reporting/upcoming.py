"""Say when issues are due next, and which of those times are left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice

from newsletter.domain import schedules
from newsletter.domain.schedules import Slot
from newsletter.store import Session, issues, newsletters, rules
from newsletter.store.tables import Issue, Newsletter, Schedule


@dataclass(frozen=True, kw_only=True)
class Upcoming:
    """Hold a slot of a schedule; ``issue`` is the one that is planned for it already."""

    newsletter: Newsletter
    schedule: Schedule
    slot: Slot
    issue: Issue | None


def upcoming(session: Session, chosen: Sequence[Newsletter], *, count: int, now: datetime) -> list[Upcoming]:
    """Return the next slots of all active schedules of some newsletters, in the order in which they come."""
    found = [
        _of_schedule(session, newsletter, schedule, count=count, now=now)
        for newsletter in chosen
        for schedule in newsletters.schedules(session, newsletter.id)
        if schedule.is_active
    ]
    return list(islice(merge(*found, key=lambda each: (each.slot.at, each.schedule.id)), count))


def _of_schedule(
    session: Session, newsletter: Newsletter, schedule: Schedule, *, count: int, now: datetime
) -> list[Upcoming]:
    slots = schedules.slots(
        schedule.cron,
        schedule.zone,
        after=now,
        count=count,
        holidays=rules.of(newsletter).schedule.holidays,
        holiday_zone=newsletter.zone,
    )
    planned = {issue.slot_at: issue for issue in issues.of_slots(session, schedule.id, after=now)}
    return [
        Upcoming(newsletter=newsletter, schedule=schedule, slot=slot, issue=planned.get(slot.at))
        for slot in slots
    ]
