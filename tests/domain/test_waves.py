"""Check when each reader of an issue is due."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import quiet_hours, subject_test, waves
from newsletter.domain.errors import InvalidInput
from newsletter.domain.quiet_hours import QuietHours
from newsletter.domain.waves import Plan
from tests.domain.test_changes_of_clocks import ZONES

CUT_OFF = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)  # seven in Berlin
NIGHT = QuietHours(22, 7)


def plan(**over: object) -> Plan:
    values: dict[str, object] = {
        "started_at": CUT_OFF + timedelta(seconds=40),
        "cut_off_at": CUT_OFF,
        "zone_name": "Europe/Berlin",
    }
    return Plan(**(values | over))  # type: ignore[arg-type]  # each test gives its own fields


def after(found: Plan, zone_name: str | None, hour: int | None) -> timedelta:
    """Return how long after the cut-off a reader's wave is due."""
    return found.at(found.wave(zone_name, hour)) - CUT_OFF


@pytest.mark.parametrize(
    ("zone_name", "hour", "hours_later"),
    [
        (None, 7, 0),  # it has struck with the slot
        (None, 8, 1),
        (None, 6, 23),
        ("America/New_York", 7, 6),
        ("Asia/Tokyo", 7, 16),
        ("Asia/Kolkata", 12, 0.5),
        ("Asia/Kathmandu", 12, 0.25),
        ("Mars/Olympus_Mons", 8, 1),  # no such zone: the newsletter's
        ("", 8, 1),
    ],
)
def test_a_reader_gets_it_when_the_own_hour_strikes(
    zone_name: str | None, hour: int, hours_later: float
) -> None:
    due = after(plan(), zone_name, hour)

    assert due == (timedelta(hours=hours_later) or timedelta(seconds=40))


def test_without_wishes_everybody_is_due_at_once() -> None:
    found = plan()

    assert {found.wave(zone, None) for zone in (None, "Asia/Tokyo", "America/New_York")} == {0}
    assert found.at(0) == found.started_at


@pytest.mark.parametrize(
    ("zone_name", "hours_later"),
    [
        (None, 0),
        ("Europe/London", 1),
        ("America/New_York", 6),
        ("Pacific/Honolulu", 11),
        ("Asia/Tokyo", 0),  # seven struck eight hours ago
        ("Asia/Kolkata", 0),
        ("Pacific/Kiritimati", 11),  # thirteen hours ago: too long, so it waits
    ],
)
def test_at_the_slots_local_hour_the_west_waits_and_the_east_has_it_at_once(
    zone_name: str | None, hours_later: int
) -> None:
    due = after(plan(local_time=time(7)), zone_name, None)

    assert due == (timedelta(hours=hours_later) or timedelta(seconds=40))


def test_an_own_hour_goes_before_the_slots_and_before_quiet_hours() -> None:
    found = plan(local_time=time(7), quiet=NIGHT)

    assert after(found, "America/New_York", 5) == timedelta(hours=4)


def test_in_quiet_hours_nobody_is_due_who_did_not_ask_for_them() -> None:
    found = plan(quiet=NIGHT)

    assert after(found, None, None) == timedelta(seconds=40)
    assert after(found, "Europe/London", None) == timedelta(hours=1)
    assert after(found, "America/New_York", None) == timedelta(hours=6)


def test_of_a_subject_test_the_sample_goes_first_and_the_others_wait() -> None:
    found = plan(test_until=CUT_OFF + timedelta(minutes=60))

    assert found.wave(None, None, is_sample=True) == 0
    assert found.wave(None, None) == 4
    assert found.wave(None, 12, is_sample=True) == found.wave(None, 12) == 20


@given(
    zone_name=st.sampled_from(ZONES),
    hour=st.integers(0, 23),
    cut_off_at=st.integers(0, 9 * 365 * 24 * 60).map(lambda n: CUT_OFF + timedelta(minutes=n)),
    late=st.timedeltas(timedelta(), timedelta(hours=6)),
)
def test_everybody_is_due_within_a_day_and_a_bit_at_the_own_hour(
    zone_name: str, hour: int, cut_off_at: datetime, late: timedelta
) -> None:
    found = plan(started_at=cut_off_at + late, cut_off_at=cut_off_at)

    due = found.at(found.wave(zone_name, hour))

    assert found.started_at <= due <= max(found.started_at, cut_off_at + timedelta(hours=26, minutes=15))
    assert due - found.due_at(zone_name, hour) < waves.QUARTER


def test_quiet_hours_are_read_and_run_over_midnight() -> None:
    found = quiet_hours.parse(" 22-7 ")

    assert [hour for hour in range(24) if found.cover(hour)] == [0, 1, 2, 3, 4, 5, 6, 22, 23]
    assert [hour for hour in range(24) if quiet_hours.parse("1-3").cover(hour)] == [1, 2]
    assert not quiet_hours.parse("")
    assert not any(quiet_hours.parse("7-7").cover(hour) for hour in range(24))


@pytest.mark.parametrize("text", ["22", "22-", "a-b", "22-25", "-1-7", "22:00-7:00"])
def test_what_are_no_quiet_hours_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        quiet_hours.parse(text)

    assert caught.value.reason == "bad_quiet_hours"


def test_a_sample_is_drawn_evenly_and_always_alike() -> None:
    arms = [subject_test.sample_arm(7, reader, sample_percent=20, count=4) for reader in range(20_000)]

    tried = [arm for arm in arms if arm is not None]
    assert 3_700 < len(tried) < 4_300
    assert all(900 < tried.count(arm) < 1_100 for arm in range(4))
    assert arms[:50] == [subject_test.sample_arm(7, n, sample_percent=20, count=4) for n in range(50)]
    others = [reader for reader, arm in enumerate(arms) if arm is None][:20]
    assert {subject_test.arm(7, n, sample_percent=20, count=4, winner=2) for n in others} == {2}
    assert {subject_test.arm(7, n, sample_percent=20, count=4, winner=None) for n in others} == {0}
