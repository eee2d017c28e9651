"""Check when a message is tried again and when it is given up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.outcomes import SmtpReply
from newsletter.domain.retries import MESSAGES, NOTICES, RetryPolicy

MINUTE = timedelta(minutes=1)


def waits(policy: RetryPolicy, *, jitter: float = 0.5) -> list[timedelta]:
    """Return all waits until the message expires; a jitter of a half changes nothing."""
    age = timedelta()
    found: list[timedelta] = []
    while (wait := policy.delay(len(found) + 1, age=age, jitter=jitter)) is not None:
        found.append(wait)
        age += wait
    return found


def test_waits_double_until_the_cap_and_then_the_message_expires() -> None:
    policy = RetryPolicy(first=2 * MINUTE, cap=8 * MINUTE, lifetime=30 * MINUTE)

    assert waits(policy) == [2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 8 * MINUTE, 8 * MINUTE]


def test_a_message_is_tried_for_a_day_and_a_confirmation_at_once() -> None:
    found = waits(MESSAGES)

    assert [wait / MINUTE for wait in found[:6]] == [10, 20, 40, 80, 160, 180]
    assert timedelta(hours=20) < sum(found, timedelta()) <= timedelta(hours=24)
    assert NOTICES.delay(1, age=timedelta(), jitter=0.5) == timedelta(seconds=30)


@pytest.mark.parametrize(("jitter", "minutes"), [(0.0, 8), (0.25, 9), (0.5, 10), (0.75, 11)])
def test_jitter_spreads_waits_by_a_fifth_either_way(jitter: float, minutes: int) -> None:
    assert MESSAGES.delay(1, age=timedelta(), jitter=jitter) == minutes * MINUTE


@given(
    attempt=st.integers(1, 10_000),
    hours=st.floats(0, 100),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_a_wait_is_positive_and_ends_within_the_lifetime(attempt: int, hours: float, jitter: float) -> None:
    age = timedelta(hours=hours)

    wait = MESSAGES.delay(attempt, age=age, jitter=jitter)

    assert wait is None or (timedelta() < wait and age + wait <= MESSAGES.lifetime)


@pytest.mark.parametrize(
    ("attempt", "reply", "shortest", "longest"),
    [
        (1, (450, "4.7.1 Greylisted, try again in 5 minutes"), 5, 6),
        (1, (451, "4.7.1 Greylisted"), 10, 15),
        (2, (451, "4.7.1 Greylisted"), 10, 15),
        (4, (451, "4.7.1 Greylisted"), 64, 96),  # a server that never takes it is asked less and less often
        (1, (450, "4.2.1 The user is receiving mail too quickly"), 60, 60),
        (3, (450, "4.2.1 The user is receiving mail too quickly"), 60, 60),
        (1, (452, "4.2.2 Mailbox over quota"), 240, 240),
        (1, (421, "4.7.28 unusual rate of mail"), 60, 60),
        (1, (421, "4.7.0 [TSS04] deferred"), 8, 12),  # the first of two: nothing is suspended yet
        (1, (451, "Local problem"), 8, 12),
    ],
)
def test_what_a_reply_asks_for_is_done(
    attempt: int, reply: tuple[int, str], shortest: int, longest: int
) -> None:
    told = SmtpReply.parse(*reply)

    waits_found = [
        MESSAGES.delay(attempt, age=timedelta(), jitter=jitter, reply=told) for jitter in (0.0, 0.999999)
    ]

    assert [round(wait / MINUTE) for wait in waits_found if wait] == [shortest, longest]


def test_a_mailbox_that_receives_too_quickly_is_tried_three_times() -> None:
    told = SmtpReply.parse(450, "4.2.1 The user is receiving mail too quickly")

    assert MESSAGES.delay(4, age=timedelta(hours=3), jitter=0.5, reply=told) is None


def test_a_message_lives_no_longer_than_until_the_next_issue() -> None:
    def wait(lifetime: timedelta) -> timedelta | None:
        return MESSAGES.delay(1, age=timedelta(), jitter=0.5, lifetime=lifetime)

    assert wait(timedelta(minutes=10)) == 10 * MINUTE
    assert wait(timedelta(minutes=9)) is None
    assert wait(timedelta()) is None
    assert MESSAGES.delay(1, age=timedelta(hours=24), jitter=0.5, lifetime=timedelta(days=9)) is None
