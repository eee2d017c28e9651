"""When issues are planned."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from newsletter.digest import newsletters as setup
from newsletter.digest import plan
from newsletter.domain.issues import IssueStatus, SkipReason
from newsletter.store import Database, issues, newsletters
from newsletter.store.tables import Issue
from tests.builders import add_newsletter
from tests.clocks import NOON

SEVEN = "0 7 * * *"


def scheduled(database: Database, cron: str = SEVEN, *, zone: str = "UTC", at: datetime = NOON) -> int:
    with database.transaction() as session:
        newsletter = add_newsletter(session)
        return setup.add_schedule(session, newsletter, cron=cron, zone=zone, now=at).id


def all_issues(database: Database) -> list[Issue]:
    with database.reading() as session:
        return list(issues.listing(session))[::-1]


def test_a_slot_is_planned_when_its_lead_begins_and_not_before(database: Database) -> None:
    scheduled(database)
    slot = datetime(2026, 11, 25, 7, tzinfo=UTC)

    early = plan.plan_due(database.transaction, now=slot - timedelta(minutes=60, seconds=1))
    due = plan.plan_due(database.transaction, now=slot - timedelta(minutes=60))
    again = plan.plan_due(database.transaction, now=slot + timedelta(seconds=5))

    (issue,) = all_issues(database)
    assert (early, due, again) == ([], [issue.id], [])
    assert (issue.slot_at, issue.cut_off_at, issue.number) == (slot, slot, 1)
    assert issue.status is IssueStatus.PLANNED


def test_many_workers_plan_a_slot_once(database: Database) -> None:
    scheduled(database)
    slot = datetime(2026, 11, 25, 7, tzinfo=UTC)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: plan.plan_due(database.transaction, now=slot), range(8)))

    assert sorted(itertools.chain.from_iterable(found)) == [issue.id for issue in all_issues(database)]
    assert len(all_issues(database)) == 1


def test_a_slot_that_comes_again_because_the_schedule_was_set_back_is_not_planned_twice(
    database: Database,
) -> None:
    schedule_id = scheduled(database)
    slot = datetime(2026, 11, 25, 7, tzinfo=UTC)
    plan.plan_due(database.transaction, now=slot)
    with database.transaction() as session:
        newsletters.get_schedule(session, schedule_id).next_slot_at = slot

    again = plan.plan_due(database.transaction, now=slot + timedelta(minutes=1))

    assert again == []
    assert [issue.number for issue in all_issues(database)] == [1]


def test_after_downtime_only_the_newest_slot_is_planned(database: Database) -> None:
    scheduled(database)

    plan.plan_due(database.transaction, now=datetime(2026, 11, 29, 8, tzinfo=UTC))

    (issue,) = all_issues(database)
    assert issue.slot_at == datetime(2026, 11, 29, 7, tzinfo=UTC)
    assert issue.status is IssueStatus.PLANNED


def test_a_slot_found_too_late_is_skipped_and_says_so(database: Database) -> None:
    scheduled(database)

    planned = plan.plan_due(database.transaction, now=datetime(2026, 11, 25, 13, 1, tzinfo=UTC))

    (issue,) = all_issues(database)
    assert planned == []
    assert (issue.status, issue.reason) == (IssueStatus.SKIPPED, SkipReason.TOO_LATE)
    later = plan.plan_due(database.transaction, now=datetime(2026, 11, 26, 7, tzinfo=UTC))
    assert len(later) == 1


def test_a_schedule_of_every_minute_survives_a_year_of_downtime(database: Database) -> None:
    scheduled(database, "* * * * *")
    now = datetime(2027, 11, 25, 7, 0, 30, tzinfo=UTC)

    plan.plan_due(database.transaction, now=now)

    missed, ahead = all_issues(database)
    assert missed.slot_at == datetime(2027, 11, 25, 7, tzinfo=UTC)
    assert ahead.slot_at == datetime(2027, 11, 25, 7, 1, tzinfo=UTC)


def test_slots_follow_the_clocks_of_their_zone(database: Database) -> None:
    scheduled(database, zone="Europe/Berlin", at=datetime(2027, 3, 27, 12, tzinfo=UTC))

    plan.plan_due(database.transaction, now=datetime(2027, 3, 28, 5, 0, tzinfo=UTC))

    (issue,) = all_issues(database)
    assert issue.slot_at == datetime(2027, 3, 28, 5, tzinfo=UTC)  # seven o'clock in summer time


def test_a_slot_found_late_in_the_doubled_hour_is_planned_once(database: Database) -> None:
    before = datetime(2026, 10, 31, 12, tzinfo=UTC)
    scheduled(database, "30 1 * * *", zone="America/New_York", at=before)

    second_pass = datetime(2026, 11, 1, 6, 10, tzinfo=UTC)  # 01:10 for the second time
    plan.plan_due(database.transaction, now=second_pass)

    assert plan.plan_due(database.transaction, now=second_pass + timedelta(hours=1)) == []
    (issue,) = all_issues(database)
    assert issue.slot_at == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_a_stopped_schedule_plans_nothing_and_resumes_with_the_next_slot(database: Database) -> None:
    schedule_id = scheduled(database)
    with database.transaction() as session:
        setup.stop_schedule(session, schedule_id, now=NOON)
    while_stopped = plan.plan_due(database.transaction, now=NOON + timedelta(days=3))

    with database.transaction() as session:
        setup.resume_schedule(session, schedule_id, now=NOON + timedelta(days=3))

    assert while_stopped == []
    assert plan.plan_due(database.transaction, now=NOON + timedelta(days=3, hours=1)) == []
    assert len(plan.plan_due(database.transaction, now=NOON + timedelta(days=3, hours=19))) == 1


def test_issues_are_numbered_without_gaps_per_newsletter(database: Database) -> None:
    with database.transaction() as session:
        first, second = add_newsletter(session), add_newsletter(session, slug="weekly")

        numbers = [plan.plan_now(session, each.id, now=NOON).number for each in (first, second, first)]

    assert numbers == [1, 1, 2]
