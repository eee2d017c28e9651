"""Issues planned ahead of their slots, slots that are left out, and clocks that jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.digest import build as building
from newsletter.digest import desk, plan
from newsletter.digest import newsletters as setup
from newsletter.domain.errors import InvalidInput
from newsletter.domain.issues import IssueStatus, SkipReason
from newsletter.store import Database, Session, issues, newsletters
from newsletter.store.tables import Issue
from tests.builders import EDITOR, add_article, add_newsletter
from tests.clocks import NOON
from tests.sending.press import ENVIRONMENT

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
SLOT = datetime(2026, 11, 25, 7, tzinfo=UTC)


def scheduled(database: Database, *crons: str, rules: str = "") -> list[int]:
    """Add a newsletter with schedules in UTC and an article; return the schedules."""
    with database.transaction() as session:
        newsletter = add_newsletter(session, rules=rules)
        add_article(session, newsletter, title="A ferry", seen_at=NOON)
        return [setup.add_schedule(session, newsletter, cron=cron, now=NOON).id for cron in crons]


def plan_at(database: Database, now: datetime) -> list[int]:
    return plan.plan_due(database.transaction, now=now)


def build_at(database: Database, issue_id: int, now: datetime) -> IssueStatus:
    return building.build(database.transaction, issue_id, environment=ENVIRONMENT, now=now)


def told(database: Database) -> list[tuple[str, str, str | None]]:
    """Return slot, status and reason of all issues, the first slot first."""
    with database.reading() as session:
        found = sorted(issues.listing(session), key=lambda issue: (issue.cut_off_at, issue.id))
        return [(f"{i.cut_off_at:%d %H:%M}", i.status.value, i.reason) for i in found]


def change(session: Session, issue_id: int, **values: object) -> None:
    for name, value in values.items():
        setattr(session.get_one(Issue, issue_id), name, value)


def test_an_issue_planned_ahead_is_built_at_its_slot_and_not_before(database: Database) -> None:
    scheduled(database, "0 7 * * *", rules="schedule: {lead_minutes: 180}")

    (issue_id,) = plan_at(database, SLOT - 3 * HOUR)

    assert build_at(database, issue_id, SLOT - MINUTE) is IssueStatus.PLANNED
    assert build_at(database, issue_id, SLOT) is IssueStatus.BUILT


def test_a_lead_longer_than_the_rhythm_begins_with_the_slot_before(database: Database) -> None:
    scheduled(database, "0 * * * *", rules="schedule: {lead_minutes: 600}")

    plan_at(database, SLOT - 10 * MINUTE)
    plan_at(database, SLOT - 5 * MINUTE)
    before = told(database)
    plan_at(database, SLOT)

    assert before[-1][:2] == ("25 07:00", "planned")
    assert told(database)[-1][:2] == ("25 08:00", "planned")
    assert len(told(database)) == len(before) + 1


def test_a_slot_on_a_holiday_is_skipped_and_says_so(database: Database) -> None:
    scheduled(database, "0 7 * * *", rules="schedule: {holidays: [2026-11-25]}")

    planned = plan_at(database, SLOT - HOUR)
    plan_at(database, SLOT + DAY - HOUR)

    assert planned == []
    assert told(database) == [("25 07:00", "skipped", "holiday"), ("26 07:00", "planned", None)]


def test_a_day_made_a_holiday_while_its_issue_is_planned_ahead_is_one(database: Database) -> None:
    scheduled(database, "0 7 * * *")
    (issue_id,) = plan_at(database, SLOT - HOUR)
    with database.transaction() as session:
        newsletter_id = session.get_one(Issue, issue_id).newsletter_id
        newsletter = newsletters.get(session, newsletter_id)
        newsletter.rules = "schedule: {holidays: [2026-11-25]}"

    assert build_at(database, issue_id, SLOT) is IssueStatus.SKIPPED
    assert told(database) == [("25 07:00", "skipped", "holiday")]


@pytest.mark.parametrize(("late", "status"), [(30, "planned"), (31, "skipped")])
def test_a_newsletter_says_how_late_is_too_late(database: Database, late: int, status: str) -> None:
    scheduled(database, "0 7 * * *", rules="schedule: {late_minutes: 30}")

    plan_at(database, SLOT + late * MINUTE)

    assert [found[1] for found in told(database)] == [status]


def test_an_issue_that_was_planned_before_the_downtime_can_be_too_late_too(database: Database) -> None:
    scheduled(database, "0 7 * * *")
    (issue_id,) = plan_at(database, SLOT - HOUR)

    assert build_at(database, issue_id, SLOT + 7 * HOUR) is IssueStatus.SKIPPED
    assert told(database) == [("25 07:00", "skipped", "too_late")]


def test_an_editor_who_approves_after_the_slot_wants_it_however_late(database: Database) -> None:
    scheduled(database, "0 7 * * *")
    (issue_id,) = plan_at(database, SLOT - HOUR)
    with database.transaction() as session:
        change(session, issue_id, approved_at=SLOT + 8 * HOUR, approved_by="ada", approved_revision=1)

    plan_at(database, SLOT + 9 * HOUR)

    assert build_at(database, issue_id, SLOT + 9 * HOUR) is IssueStatus.BUILT


def test_of_two_schedules_that_missed_their_slots_the_later_one_counts(database: Database) -> None:
    scheduled(database, "0 7 * * *", "0 9 * * *")

    planned = plan_at(database, SLOT + 3 * HOUR)

    assert told(database) == [("25 07:00", "skipped", "superseded"), ("25 09:00", "planned", None)]
    assert len(planned) == 1


def test_a_clock_set_back_plans_no_slot_twice_and_forgets_none(database: Database) -> None:
    scheduled(database, "0 7 * * *")
    plan_at(database, SLOT)

    for hours in (-30, -26, -2, -1, 0, 1, 23, 25):
        plan_at(database, SLOT + hours * HOUR)

    slots = [slot for slot, *_ in told(database)]
    assert slots == sorted(set(slots))
    assert slots[-2:] == ["25 07:00", "26 07:00"]


def test_a_clock_that_was_ahead_for_a_while_costs_no_slot(database: Database) -> None:
    scheduled(database, "0 7 * * *")
    plan_at(database, SLOT + 40 * DAY)

    for hours in (-2, -1, 0, 22, 23, 24, 46, 47):
        plan_at(database, SLOT + hours * HOUR)

    assert [slot for slot, *_ in told(database)][:3] == ["25 07:00", "26 07:00", "27 07:00"]


def test_a_changed_schedule_gives_up_what_it_planned_ahead_and_may_come_back(database: Database) -> None:
    (schedule_id,) = scheduled(database, "0 7 * * *")
    now = SLOT - HOUR
    plan_at(database, now)
    with database.transaction() as session:
        setup.edit_schedule(session, schedule_id, cron="30 7 * * *", now=now)
    plan_at(database, now + MINUTE * 35)
    with database.transaction() as session:
        setup.edit_schedule(session, schedule_id, cron="0 7 * * *", now=now + MINUTE * 40)

    plan_at(database, now + MINUTE * 40)

    assert told(database) == [
        ("25 07:00", "skipped", SkipReason.RESCHEDULED),
        ("25 07:00", "planned", None),
        ("25 07:30", "skipped", SkipReason.RESCHEDULED),
    ]


def test_a_change_that_leaves_the_next_slot_where_it_is_keeps_its_issue(database: Database) -> None:
    (schedule_id,) = scheduled(database, "0 7 * * *")
    plan_at(database, SLOT - HOUR)

    with database.transaction() as session:
        setup.edit_schedule(session, schedule_id, cron="0 7 * * 1-5", now=SLOT - HOUR)
    plan_at(database, SLOT - HOUR)

    assert told(database) == [("25 07:00", "planned", None)]


def test_a_zone_that_does_not_exist_changes_nothing(database: Database) -> None:
    (schedule_id,) = scheduled(database, "0 7 * * *")

    with pytest.raises(InvalidInput) as caught, database.transaction() as session:
        setup.edit_schedule(session, schedule_id, cron="0 8 * * *", zone="Europe/Atlantis", now=NOON)

    assert caught.value.reason == "unknown_zone"
    with database.reading() as session:
        assert newsletters.get_schedule(session, schedule_id).cron == "0 7 * * *"


def test_an_issue_by_hand_may_have_its_cut_off_ahead_and_is_never_stale(database: Database) -> None:
    scheduled(database)
    with database.transaction() as session:
        issue_id = plan.plan_now(session, 1, now=NOON, cut_off_at=SLOT).id
        desk.approve(session, issue_id, actor=EDITOR, now=NOON)

    early = build_at(database, issue_id, SLOT - MINUTE)

    assert early is IssueStatus.PLANNED
    assert build_at(database, issue_id, SLOT + 9 * HOUR) is IssueStatus.BUILT


@pytest.mark.parametrize("ahead", [timedelta(seconds=-1), timedelta(days=32)])
def test_a_cut_off_that_is_past_or_far_away_is_refused(session: Session, ahead: timedelta) -> None:
    newsletter = add_newsletter(session)

    with pytest.raises(InvalidInput) as caught:
        plan.plan_now(session, newsletter.id, now=NOON, cut_off_at=NOON + ahead)

    assert caught.value.reason == "bad_cut_off"
