"""Check the states of a subscription, and when a reader's next digest is due."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from newsletter.domain import subscriptions
from newsletter.domain.errors import Conflict
from newsletter.domain.subscriptions import Cadence, SubscriptionStatus

PENDING, ACTIVE, ENDED = SubscriptionStatus.PENDING, SubscriptionStatus.ACTIVE, SubscriptionStatus.ENDED
ALLOWED = {(PENDING, ACTIVE), (PENDING, ENDED), (ACTIVE, ENDED), (ENDED, PENDING)}
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(("current", "target"), list(product(SubscriptionStatus, repeat=2)))
def test_a_subscription_moves_as_the_table_says_and_never_from_ended_to_active(
    current: SubscriptionStatus, target: SubscriptionStatus
) -> None:
    if (current, target) in ALLOWED:
        assert subscriptions.move(current, target) is target
        return

    with pytest.raises(Conflict):
        subscriptions.move(current, target)


def is_due(cadence: Cadence, last: str, now: str, zone: ZoneInfo) -> bool:
    """Ask with times on the zone's clocks."""
    last_at, at = (datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC) for text in (last, now))
    return subscriptions.is_due(cadence, last_at=last_at, now=at, zone=zone)


@pytest.mark.parametrize("cadence", list(Cadence))
def test_the_first_issue_is_due_for_everybody(cadence: Cadence) -> None:
    now = datetime(2026, 11, 24, 7, tzinfo=UTC)

    assert subscriptions.is_due(cadence, last_at=None, now=now, zone=BERLIN)


def test_a_reader_of_every_issue_gets_two_a_minute_if_there_are() -> None:
    assert is_due(Cadence.EVERY_ISSUE, "2026-11-24T07:00", "2026-11-24T07:00", BERLIN)


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        ("2026-11-24T07:00", "2026-11-24T18:00", False),
        ("2026-11-24T07:00", "2026-11-25T07:00", True),
        (
            "2026-11-24T07:09",
            "2026-11-25T07:00",
            True,
        ),  # yesterday's took nine minutes to come to this reader
        ("2026-11-24T23:59", "2026-11-25T00:00", True),
        ("2026-11-24T00:00", "2026-11-24T23:59", False),
        ("2026-11-25T07:00", "2026-11-24T07:00", False),  # a slow batch of an older issue
    ],
)
def test_a_daily_reader_gets_one_on_each_day_of_the_calendar(*, last: str, now: str, due: bool) -> None:
    assert is_due(Cadence.DAILY, last, now, BERLIN) is due


@pytest.mark.parametrize(
    ("zone", "last", "now", "due"),
    [
        (BERLIN, "2027-03-27T07:00", "2027-03-28T07:00", True),  # 23 hours
        (BERLIN, "2026-10-24T07:00", "2026-10-25T07:00", True),  # 25 hours
        (BERLIN, "2026-10-25T00:30", "2026-10-25T23:59", False),  # 24.5 hours, one day
        (NEW_YORK, "2027-03-13T07:00", "2027-03-14T07:00", True),
        (NEW_YORK, "2026-11-01T00:05", "2026-11-01T23:55", False),
        (NEW_YORK, "2026-11-23T20:00", "2026-11-24T07:00", True),  # one day of UTC
    ],
)
def test_days_are_those_of_the_newsletter_when_the_clocks_change_too(
    *, zone: ZoneInfo, last: str, now: str, due: bool
) -> None:
    assert is_due(Cadence.DAILY, last, now, zone) is due


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        ("2026-11-17T07:09", "2026-11-24T07:00", True),
        ("2026-11-18T00:01", "2026-11-24T23:59", False),
        ("2026-11-10T07:00", "2026-11-24T07:00", True),
        ("2027-03-22T07:00", "2027-03-29T07:00", True),  # a week of 167 hours
        ("2026-10-19T07:00", "2026-10-26T07:00", True),  # a week of 169 hours
        ("2026-10-19T07:00", "2026-10-25T23:30", False),
    ],
)
def test_a_weekly_reader_gets_one_on_the_seventh_day(*, last: str, now: str, due: bool) -> None:
    assert is_due(Cadence.WEEKLY, last, now, BERLIN) is due
