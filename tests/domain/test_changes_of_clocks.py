"""Hold slots and local hours against clocks that are read minute by minute, around every change of ten years."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.domain import schedules
from newsletter.domain.quiet_hours import QuietHours
from newsletter.domain.waves import Plan

ZONES = (
    "Europe/Berlin",
    "Europe/Dublin",  # winter time is its special time
    "America/New_York",
    "America/Santiago",  # changes at midnight
    "America/Havana",  # midnight twice
    "Africa/Casablanca",  # around Ramadan, two changes in a few weeks
    "Africa/Cairo",  # a Friday's midnight is missing
    "Asia/Beirut",
    "Australia/Lord_Howe",  # by half an hour
    "Antarctica/Troll",  # by two hours
)
YEARS = range(2026, 2036)
TIMES = (time(), time(0, 30), time(1, 15), time(2), time(2, 30), time(3), time(23, 45))
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@cache
def changes(zone_name: str) -> tuple[date, ...]:
    """Return the days of UTC on which the clocks of a zone change."""
    zone, found = ZoneInfo(zone_name), []
    day = datetime(YEARS.start, 1, 1, tzinfo=UTC)
    while day.year < YEARS.stop:
        if day.astimezone(zone).utcoffset() != (day + DAY).astimezone(zone).utcoffset():
            found.append(day.date())
        day += DAY
    return tuple(found)


@cache
def readings(zone_name: str, change: date) -> tuple[tuple[datetime, datetime], ...]:
    """Return what the clock shows, minute by minute, for four days around a change."""
    zone = ZoneInfo(zone_name)
    begin = datetime(change.year, change.month, change.day, tzinfo=UTC) - 2 * DAY
    instants = (begin + n * MINUTE for n in range(4 * 24 * 60))
    return tuple((instant, instant.astimezone(zone).replace(tzinfo=None)) for instant in instants)


def expected(zone_name: str, change: date, at: time) -> list[datetime]:
    """Return once for each whole day when the clock first shows a time, or has just jumped over it."""
    found: dict[date, datetime] = {}
    shown = readings(zone_name, change)
    for instant, local in shown:
        if local.time() >= at:
            found.setdefault(local.date(), instant)
    for (_, before), (instant, local) in pairwise(shown):  # a jump over the end of a day
        if local.date() > before.date() and before.date() not in found:
            found[before.date()] = instant
    first, last = shown[0][1].date(), shown[-1][1].date()
    return sorted(instant for day, instant in found.items() if first < day < last)


def daily(at: time) -> str:
    return f"{at.minute} {at.hour} * * *"


def slots(zone_name: str, cron: str, *, after: datetime, until: datetime) -> list[datetime]:
    found, at = [], after
    while (at := schedules.next_slot(cron, zone_name, after=at)) <= until:
        found.append(at)
    return found


def matches(field: str, number: int) -> bool:
    """Say whether a number fits a field of a cron expression, as far as the tests here use them."""
    base, _, step = field.partition("/")
    return number % int(step or 1) == 0 if base == "*" else number == int(field)


@pytest.mark.parametrize("zone_name", ZONES)
def test_every_local_day_has_its_slot_once_and_none_is_in_a_hole(zone_name: str) -> None:
    assert len(changes(zone_name)) >= 2 * (len(YEARS) - 1)
    for change in changes(zone_name):
        for at in TIMES:
            days = expected(zone_name, change, at)

            found = slots(zone_name, daily(at), after=days[0] - MINUTE, until=days[-1])

            assert found == days, (change, at)


@pytest.mark.parametrize("zone_name", ZONES)
def test_a_local_hour_strikes_when_the_clock_shows_it_first(zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    for change in changes(zone_name):
        for at in TIMES:
            days = expected(zone_name, change, at)

            found = [schedules.next_strike(at, zone, after=day - MINUTE) for day in days]

            assert found == days, (change, at)


@settings(max_examples=300)
@given(data=st.data())
def test_from_whenever_one_asks_the_next_slot_is_the_first_one_later(data: st.DataObject) -> None:
    zone_name = data.draw(st.sampled_from(ZONES))
    change = data.draw(st.sampled_from(changes(zone_name)))
    at = data.draw(st.times(max_value=time(4)).map(lambda each: each.replace(second=0, microsecond=0)))
    days = expected(zone_name, change, at)
    after = data.draw(
        st.datetimes(*(day.replace(tzinfo=None) for day in (days[0], days[-2])), timezones=st.just(UTC))
    )

    found = schedules.next_slot(daily(at), zone_name, after=after)

    assert found == min(day for day in days if day > after)


@settings(max_examples=100)
@given(data=st.data())
def test_slots_of_any_schedule_only_move_on(data: st.DataObject) -> None:
    zone_name = data.draw(st.sampled_from(ZONES))
    change = data.draw(st.sampled_from(changes(zone_name)))
    hours = data.draw(st.sets(st.integers(0, 4), min_size=1))
    minutes = data.draw(st.sets(st.integers(0, 59), min_size=1, max_size=3))
    cron = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"
    begin = readings(zone_name, change)[0][0]

    found = slots(zone_name, cron, after=begin, until=begin + 3 * DAY)

    assert all(earlier < later for earlier, later in pairwise([begin, *found]))
    shown = dict(readings(zone_name, change))
    passes = [shown[slot] for slot in found]
    assert len(set(passes)) == len(passes)  # no local time twice, be it shown twice


@pytest.mark.parametrize("cron", ["*/20 * * * *", "7 * * * *", "30 */6 * * *", "* 1 * * *"])
@pytest.mark.parametrize("zone_name", ZONES)
def test_what_goes_by_intervals_goes_by_real_time(zone_name: str, cron: str) -> None:
    minute, hour, *_ = cron.split()
    for change in changes(zone_name):
        shown = readings(zone_name, change)[24 * 60 : 3 * 24 * 60]
        wanted = [
            instant for instant, local in shown if matches(minute, local.minute) and matches(hour, local.hour)
        ]

        found = slots(zone_name, cron, after=shown[0][0] - MINUTE, until=shown[-1][0])

        assert found == wanted, change


@pytest.mark.parametrize("zone_name", ZONES)
def test_a_list_of_times_has_each_of_them_once_a_day_and_what_is_missing_right_after_the_gap(
    zone_name: str,
) -> None:
    for change in changes(zone_name):
        days = {at: expected(zone_name, change, at) for at in (time(0, 30), time(2, 30), time(3, 30))}
        begin, end = max(each[0] for each in days.values()), min(each[-1] for each in days.values())

        found = slots(zone_name, "30 0,2,3 * * *", after=begin, until=end)

        assert found == sorted({each for at in days.values() for each in at if begin < each <= end}), change


@pytest.mark.parametrize("zone_name", ZONES)
def test_quiet_hours_end_when_the_clock_shows_no_quiet_hour_any_more(zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    for change in changes(zone_name):
        shown = readings(zone_name, change)
        for quiet in (
            QuietHours(22, 7),
            QuietHours(22, 2),
            QuietHours(1, 3),
            QuietHours(23, 0),
            QuietHours(20, 1),
        ):
            loud = [instant for instant, local in shown if not quiet.cover(local.hour)]
            ends = iter(loud)
            end = next(ends)
            for instant, _ in shown[: 3 * 24 * 60 : 10]:
                while end < instant:
                    end = next(ends)

                assert quiet.end(zone, at=instant) == end, (instant, quiet)


@pytest.mark.parametrize("zone_name", ZONES)
def test_a_reader_is_due_when_the_own_hour_strikes_next_however_clocks_change(zone_name: str) -> None:
    for change in changes(zone_name):
        for hour in (0, 1, 2, 3, 23):
            days = expected(zone_name, change, time(hour))
            for cut_off_at in (days[0] + n * timedelta(minutes=95) for n in range(15)):
                plan = Plan(
                    started_at=cut_off_at, cut_off_at=cut_off_at, zone_name="UTC", quiet=QuietHours(22, 7)
                )

                due = plan.due_at(zone_name, hour)

                assert due == min(day for day in days if day >= cut_off_at), (change, hour)


@pytest.mark.parametrize("zone_name", ZONES)
def test_the_shift_of_a_day_is_what_its_clocks_jump(zone_name: str) -> None:
    for change in changes(zone_name):
        jumps: dict[date, timedelta] = {}
        for (_, before), (_, local) in pairwise(readings(zone_name, change)):
            if local - before != MINUTE:
                day = max(before, local).date() if local.time() != time() else local.date()
                jumps[day] = jumps.get(day, timedelta()) + local - before - MINUTE

        for instant, local in readings(zone_name, change)[24 * 60 : 3 * 24 * 60 : 360]:
            expected_shift = jumps.get(local.date(), timedelta())
            assert schedules.shift_of_day(instant, zone_name) == expected_shift, (change, local)
