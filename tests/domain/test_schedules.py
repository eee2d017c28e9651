"""Check slots, above all on the days on which the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import schedules
from newsletter.domain.errors import InvalidInput
from tests.clocks import NOON

NEW_YORK, BERLIN = "America/New_York", "Europe/Berlin"


def slots(cron: str, zone: str, *, after: str, count: int) -> list[str]:
    """Return the next slots in UTC, as "day hour:minute"."""
    at = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = []
    for _ in range(count):
        at = schedules.next_slot(cron, zone, after=at)
        found.append(f"{at:%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("zone", "after", "expected"),
    [
        (NEW_YORK, "2027-03-12T12:00", ["13 12:00", "14 11:00", "15 11:00"]),
        (NEW_YORK, "2026-10-30T11:00", ["31 11:00", "01 12:00", "02 12:00"]),
        (BERLIN, "2027-03-26T06:00", ["27 06:00", "28 05:00", "29 05:00"]),
        (BERLIN, "2026-10-23T05:00", ["24 05:00", "25 06:00", "26 06:00"]),
        ("UTC", "2027-03-26T07:00", ["27 07:00", "28 07:00", "29 07:00"]),
        ("Asia/Kolkata", "2027-03-26T01:30", ["27 01:30", "28 01:30", "29 01:30"]),
    ],
)
def test_seven_in_the_morning_is_seven_on_the_readers_clocks(
    zone: str, after: str, expected: list[str]
) -> None:
    assert slots("0 7 * * *", zone, after=after, count=3) == expected


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # New York, 14 March 2027: 02:00 EST is 03:00 EDT, at 07:00 UTC.
        ("30 2 * * *", NEW_YORK, "2027-03-13T07:30", ["14 07:00", "15 06:30"]),
        ("0 2 * * *", NEW_YORK, "2027-03-13T07:00", ["14 07:00", "15 06:00"]),
        ("15,45 2 * * *", NEW_YORK, "2027-03-13T07:45", ["14 07:00", "15 06:15", "15 06:45"]),
        ("0 2,3 * * *", NEW_YORK, "2027-03-13T08:00", ["14 07:00", "15 06:00", "15 07:00"]),
        # Berlin, 28 March 2027: 02:00 CET is 03:00 CEST, at 01:00 UTC.
        ("30 2 * * *", BERLIN, "2027-03-27T01:30", ["28 01:00", "29 00:30"]),
        ("30 2 28 3 *", BERLIN, "2027-03-27T01:30", ["28 01:00"]),
    ],
)
def test_a_slot_in_the_missing_hour_happens_once_right_after_the_gap(
    cron: str, zone: str, after: str, expected: list[str]
) -> None:
    assert slots(cron, zone, after=after, count=len(expected)) == expected


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # New York, 1 November 2026: 02:00 EDT is 01:00 EST, at 06:00 UTC.
        ("30 1 * * *", NEW_YORK, "2026-10-31T05:30", ["01 05:30", "02 06:30"]),
        ("15,45 1 * * *", NEW_YORK, "2026-10-31T05:45", ["01 05:15", "01 05:45", "02 06:15"]),
        # Berlin, 25 October 2026: 03:00 CEST is 02:00 CET, at 01:00 UTC.
        ("30 2 * * *", BERLIN, "2026-10-24T00:30", ["25 00:30", "26 01:30"]),
    ],
)
def test_a_slot_in_the_doubled_hour_happens_once_at_the_first_pass(
    cron: str, zone: str, after: str, expected: list[str]
) -> None:
    assert slots(cron, zone, after=after, count=len(expected)) == expected


@pytest.mark.parametrize(
    ("zone", "after", "minute"),
    [
        (NEW_YORK, "2027-03-14T05:30", 0),
        (NEW_YORK, "2026-11-01T03:30", 0),
        (BERLIN, "2027-03-27T23:40", 15),
        (BERLIN, "2026-10-24T22:40", 15),
    ],
)
def test_an_hourly_slot_happens_at_every_real_hour(zone: str, after: str, minute: int) -> None:
    start = datetime.fromisoformat(after).replace(minute=minute)

    found = slots(f"{minute} * * * *", zone, after=after, count=6)

    assert found == [f"{start + timedelta(hours=n):%d %H:%M}" for n in range(1, 7)]


@pytest.mark.parametrize("after", ["2026-11-01T06:00", "2026-11-01T06:10", "2026-11-01T06:29:59"])
def test_a_slot_asked_for_in_the_second_pass_is_not_the_one_of_the_first(after: str) -> None:
    assert slots("30 1 * * *", NEW_YORK, after=after, count=1) == ["02 06:30"]


@given(
    cron=st.sampled_from(
        ["30 1 * * *", "15,45 2 * * *", "0 * * * *", "*/20 2 * * *", "0 3 * * 0", "5 0-4 * * *"]
    ),
    zone=st.sampled_from([NEW_YORK, BERLIN, "Australia/Lord_Howe", "UTC"]),
    day=st.sampled_from(["2027-03-14", "2026-11-01", "2027-03-28", "2026-10-25", "2026-10-04", "2027-04-04"]),
    seconds=st.integers(-86_400, 86_400),
)
def test_the_next_slot_is_always_later(cron: str, zone: str, day: str, seconds: int) -> None:
    after = datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(seconds=seconds)

    assert schedules.next_slot(cron, zone, after=after) > after


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("0 7 * * 1-5", "2026-11-20T08:00", ["23 06:00", "24 06:00"]),
        ("0 7 * * mon,thu", "2026-11-24T08:00", ["26 06:00", "30 06:00"]),
        ("0 18 L * *", "2027-01-31T18:00", ["28 17:00", "31 16:00"]),
        ("0 9 * * 1#1", "2026-11-24T08:00", ["07 08:00", "04 08:00"]),
        ("*/20 7 * * *", "2026-11-24T06:05", ["24 06:20", "24 06:40", "25 06:00"]),
    ],
)
def test_cron_expressions_name_days_as_people_do(cron: str, after: str, expected: list[str]) -> None:
    assert slots(cron, BERLIN, after=after, count=len(expected)) == expected


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "daily",
        "0 7 * *",
        "61 7 * * *",
        "0 25 * * *",
        "0 7 30 2 *",
        "0 7 * * 1-",
        "*/0 * * * *",
        "0 0 7 * * 1",  # six fields: seconds are nobody's slot
        "* * * * * *",
        "0 7 * * * 2027 1",
    ],
)
def test_what_is_no_cron_expression_is_refused(cron: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        schedules.next_slot(cron, BERLIN, after=NOON)

    assert caught.value.reason == "bad_cron"
    assert caught.value.hint


@pytest.mark.parametrize(
    "name",
    ["", "Berlin", "Europe", "CEST", "Europe/Atlantis", "../../etc/passwd", "/etc/localtime", "a\0b", "ü"],
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        schedules.zone(name)

    assert caught.value.reason == "unknown_zone"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-24T17:00", "2026-12-24T16:00:00+00:00"),
        ("2026-12-24T17:00+05:30", "2026-12-24T11:30:00+00:00"),
        ("2027-03-28T02:30", "2027-03-28T01:00:00+00:00"),  # missing: the end of the gap
    ],
)
def test_a_time_without_an_offset_is_by_the_clocks_of_the_zone(text: str, expected: str) -> None:
    assert schedules.instant(text, BERLIN).isoformat() == expected


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        schedules.instant("tomorrow", BERLIN)

    assert caught.value.reason == "bad_time"


@pytest.mark.parametrize(
    ("late", "is_too_late"),
    [
        (timedelta(0), False),
        (timedelta(minutes=-1), False),
        (schedules.LATE_LIMIT, False),
        (schedules.LATE_LIMIT + timedelta(seconds=1), True),
    ],
)
def test_a_slot_found_after_the_limit_is_too_late(*, late: timedelta, is_too_late: bool) -> None:
    assert schedules.is_too_late(NOON, now=NOON + late) is is_too_late


def test_a_slot_hours_late_in_real_time_is_late_whatever_the_clocks_did() -> None:
    slot = schedules.next_slot("0 0 * * *", BERLIN, after=datetime(2026, 10, 24, 12, tzinfo=UTC))

    assert not schedules.is_too_late(slot, now=datetime(2026, 10, 25, 4, tzinfo=UTC))
    assert schedules.is_too_late(slot, now=datetime(2026, 10, 25, 4, 1, tzinfo=UTC))
