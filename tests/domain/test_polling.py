"""Check when a source is asked again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from newsletter.domain import polling
from newsletter.domain.polling import Refusal
from tests.clocks import NOON

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (200, None),
        (304, None),
        (204, Refusal.UNEXPECTED_STATUS),
        (302, Refusal.UNEXPECTED_STATUS),
        (400, Refusal.UNEXPECTED_STATUS),
        (401, Refusal.FORBIDDEN),
        (403, Refusal.FORBIDDEN),
        (404, Refusal.NOT_FOUND),
        (410, Refusal.GONE),
        (429, Refusal.THROTTLED),
        (500, Refusal.SERVER_ERROR),
        (503, Refusal.SERVER_ERROR),
    ],
)
def test_a_status_has_one_meaning(status: int, meaning: Refusal | None) -> None:
    assert polling.refusal(status) is meaning


@pytest.mark.parametrize(
    ("cache_control", "minutes"),
    [
        ("", 15),
        ("no-cache", 15),
        ("max-age=60", 15),
        ("public, Max-Age=1800", 30),
        ('max-age="1800"', 30),
        ("max-age=86400", 60),
        ("max-age=soon", 15),
    ],
)
def test_an_answer_is_kept_as_long_as_the_server_says_up_to_an_hour(cache_control: str, minutes: int) -> None:
    wait = polling.wait_after_success(15 * MINUTE, cache_control=cache_control, jitter=0.0)

    assert wait == minutes * MINUTE


def test_jitter_spreads_sources_by_up_to_a_tenth() -> None:
    assert polling.wait_after_success(10 * MINUTE, cache_control="", jitter=0.5) == 10.5 * MINUTE


@pytest.mark.parametrize(
    ("is_missing", "waits"),
    [(False, [0.25, 0.5, 1, 2, 4, 6, 6]), (True, [1, 2, 4, 8, 16, 24, 24])],
)
def test_waits_double_after_each_failure(*, is_missing: bool, waits: list[float]) -> None:
    found = [
        polling.wait_after_failure(
            15 * MINUTE, failures=count, is_missing=is_missing, retry_after=None, jitter=0.0
        )
        for count in (1, 2, 3, 4, 5, 6, 1000)
    ]

    assert found == [wait * HOUR for wait in waits]


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("0", timedelta()),
        ("90", timedelta(seconds=90)),
        ("999999999999", 24 * HOUR),
        ("Tue, 24 Nov 2026 13:00:00 GMT", HOUR),
        ("Tuesday, 24-Nov-26 13:00:00 GMT", HOUR),
        ("Tue, 24 Nov 2026 11:00:00 GMT", timedelta()),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 24 * HOUR),
        ("-5", None),
    ],
)
def test_a_server_may_name_a_wait_or_an_instant(text: str | None, wait: timedelta | None) -> None:
    assert polling.retry_after(text, now=NOON) == wait


def test_a_wait_that_is_asked_for_is_never_shortened() -> None:
    wait = polling.wait_after_failure(
        15 * MINUTE, failures=1, is_missing=False, retry_after=9 * HOUR, jitter=0.0
    )

    assert wait == 9 * HOUR


@pytest.mark.parametrize(
    ("skipped", "at", "expected"),
    [
        ((), (12, 30), (0, 12, 30)),
        ((12,), (12, 30), (0, 13, 0)),
        ((12, 13, 14), (12, 30), (0, 15, 0)),
        ((22, 23, 0, 1), (22, 5), (1, 2, 0)),
        (range(24), (12, 30), (0, 12, 30)),
        (range(1, 24), (12, 30), (1, 0, 0)),
    ],
)
def test_hours_that_a_feed_wants_left_out_are_waited_for(
    skipped: Iterable[int], at: tuple[int, int], expected: tuple[int, int, int]
) -> None:
    days, hour, minute = expected
    midnight = NOON.replace(hour=0)

    found = polling.after_skipped_hours(
        midnight.replace(hour=at[0], minute=at[1]), sum(1 << each for each in skipped)
    )

    assert found == midnight + timedelta(days=days, hours=hour, minutes=minute)


def test_a_feeds_own_wish_is_a_floor_of_an_hour_at_most() -> None:
    waits = [
        polling.wait_after_success(
            timedelta(minutes=15), cache_control="", floor=timedelta(minutes=floor), jitter=0
        )
        for floor in (5, 30, 1440)
    ]

    assert waits == [timedelta(minutes=15), timedelta(minutes=30), timedelta(minutes=60)]


def test_a_source_has_moved_after_three_redirects_in_a_row_over_a_day() -> None:
    hours = [0, 12, 23.9, 24]
    settled, known = [], None
    for hour in hours:
        known = polling.move(known, "https://new.example/feed", now=NOON + timedelta(hours=hour))
        assert known is not None
        settled.append(known.is_settled(now=NOON + timedelta(hours=hour)))
    elsewhere = polling.move(known, "https://other.example/feed", now=NOON + timedelta(hours=48))

    assert settled == [False, False, False, True]
    assert elsewhere == polling.Move("https://other.example/feed", 1, NOON + timedelta(hours=48))
    assert polling.move(known, None, now=NOON) is None
    assert not polling.Move("https://new.example/feed", 2, NOON).is_settled(now=NOON + timedelta(days=9))
