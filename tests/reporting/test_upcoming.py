"""The slots that come next, with what is special about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from newsletter.digest import newsletters as setup
from newsletter.reporting import upcoming
from newsletter.store import Session, issues
from tests.builders import add_newsletter


def test_the_next_slots_name_holidays_changes_of_the_clocks_and_missing_times(session: Session) -> None:
    now = datetime(2027, 3, 26, 12, tzinfo=UTC)
    daily = add_newsletter(session, zone="Europe/Berlin", rules="schedule: {holidays: [2027-03-29]}")
    schedule = setup.add_schedule(session, daily, cron="30 2 * * *", now=now)
    other = add_newsletter(session, slug="weekly", zone="UTC")
    setup.add_schedule(session, other, cron="0 12 * * 0", now=now)
    slot = datetime(2027, 3, 27, 1, 30, tzinfo=UTC)
    planned = issues.add(
        session, daily.id, since=now, cut_off_at=slot, now=now, schedule_id=schedule.id, slot_at=slot
    )

    found = upcoming.upcoming(session, [daily, other], count=4, now=now)

    told = [
        (each.newsletter.slug, f"{each.slot.local:%d %H:%M}", each.slot.is_moved, each.slot.is_holiday)
        for each in found
    ]
    assert told == [
        ("daily", "27 02:30", False, False),
        ("daily", "28 03:00", True, False),
        ("weekly", "28 12:00", False, False),
        ("daily", "29 02:30", False, True),
    ]
    assert [each.slot.shift for each in found] == [
        timedelta(),
        timedelta(hours=1),
        timedelta(),
        timedelta(),
    ]
    assert [each.issue for each in found] == [planned, None, None, None]


def test_a_stopped_schedule_has_no_slots(session: Session) -> None:
    now = datetime(2027, 3, 26, 12, tzinfo=UTC)
    daily = add_newsletter(session)
    schedule = setup.add_schedule(session, daily, cron="0 7 * * *", now=now)
    setup.stop_schedule(session, schedule.id, now=now)

    assert upcoming.upcoming(session, [daily], count=4, now=now) == []
