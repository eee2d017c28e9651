"""Breakers open at what is sudden, and at lists of bad addresses."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain import outbreaks
from newsletter.domain.outbreaks import Share

QUIET = Share(10, 1000)
YEAR, WEEK = timedelta(days=365), timedelta(days=7)


@pytest.mark.parametrize(
    ("hour", "month", "is_outbreak"),
    [
        (Share(20, 60), QUIET, True),
        (Share(19, 19), QUIET, False),
        (Share(30, 100), QUIET, False),
        (Share(31, 100), QUIET, True),
        (Share(31, 100), Share(49, 1000), True),
        (Share(31, 100), Share(50, 1000), False),
        (Share(31, 100), Share(0, 0), True),
        (Share(31, 0), Share(0, 0), True),
    ],
)
def test_an_outbreak_is_what_one_receiver_suddenly_says_of_many(
    *, hour: Share, month: Share, is_outbreak: bool
) -> None:
    assert outbreaks.is_outbreak(hour, month) is is_outbreak


@pytest.mark.parametrize(
    ("hard", "age", "is_bad"),
    [
        (Share(499, 499), YEAR, False),
        (Share(25, 500), YEAR, False),
        (Share(26, 500), YEAR, True),
        (Share(26, 500), timedelta(days=30), True),
        (Share(11, 500), timedelta(days=30), False),
        (Share(11, 500), WEEK, True),
        (Share(10, 500), WEEK, False),
    ],
)
def test_a_mailing_is_bad_by_its_share_of_addresses_that_do_not_exist(
    *, hard: Share, age: timedelta, is_bad: bool
) -> None:
    assert outbreaks.is_mailing_bad(hard, newsletter_age=age) is is_bad


@pytest.mark.parametrize("failed", [0, 10, 19, 20, 1000])
def test_counting_results_up_to_what_is_wanted_decides_as_counting_them_all(failed: int) -> None:
    wanted = outbreaks.results_wanted(failed)
    counted, all_of_them = Share(failed, wanted), Share(failed, 10_000_000)

    for age in (YEAR, WEEK):
        assert outbreaks.is_mailing_bad(counted, newsletter_age=age) is outbreaks.is_mailing_bad(
            all_of_them, newsletter_age=age
        )
    assert outbreaks.is_outbreak(counted, counted) is outbreaks.is_outbreak(all_of_them, all_of_them)
