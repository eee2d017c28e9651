"""Check when a source is asked again."""

from __future__ import annotations

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
