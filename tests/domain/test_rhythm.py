"""Check how the pace of a source is learned, and when its silence is strange."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain import rhythm
from newsletter.domain.rhythm import Learned, Reading
from tests.clocks import NOON

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
INTERVAL = 15 * MINUTE


def after(*gaps: timedelta, interval: timedelta = INTERVAL, known: Learned | None = None) -> Learned:
    """Return what is known after one new article each after these gaps, in a feed of twenty items."""
    learned = known or Learned()
    for gap in gaps:
        learned = rhythm.learn(learned, Reading(count=20, new=1, elapsed=gap), interval=interval)
    return learned


@pytest.mark.parametrize(
    ("gap", "interval", "pace"),
    [
        (3 * MINUTE, INTERVAL, 5 * MINUTE),  # busy: a third of what was set
        (16 * MINUTE, INTERVAL, 8 * MINUTE),
        (HOUR, INTERVAL, 30 * MINUTE),
        (3 * DAY, INTERVAL, 60 * MINUTE),  # quiet: an hour at most
        (3 * DAY, 6 * HOUR, 6 * HOUR),  # unless a longer time was set
        (3 * DAY, MINUTE, 4 * MINUTE),
        (MINUTE, MINUTE, MINUTE),
    ],
)
def test_the_pace_follows_the_rhythm_within_what_was_set(
    gap: timedelta, interval: timedelta, pace: timedelta
) -> None:
    assert after(*[gap] * 20, interval=interval).pace == pace


def test_nothing_is_learned_before_there_are_two_articles() -> None:
    first = rhythm.learn(Learned(), Reading(count=20, new=20, elapsed=None), interval=INTERVAL)

    assert first == Learned()
    assert rhythm.learn(first, Reading(count=20, new=0, elapsed=HOUR), interval=INTERVAL) == Learned()


def test_a_night_is_a_pause_and_not_the_rhythm() -> None:
    day = after(*[20 * MINUTE] * 20)

    morning = after(8 * HOUR, known=day)

    assert (day.pace, morning.pace) == (10 * MINUTE, 17.5 * MINUTE)


def test_a_window_that_is_wholly_new_halves_the_pace_until_it_keeps_up() -> None:
    loss = Reading(count=10, new=10, elapsed=INTERVAL)
    learned = Learned(rhythm=10 * MINUTE, pace=8 * MINUTE)
    paces = []
    for _ in range(4):
        learned = rhythm.learn(learned, loss, interval=INTERVAL)
        paces.append(learned.pace)

    slower = rhythm.learn(learned, Reading(count=10, new=2, elapsed=MINUTE), interval=INTERVAL)

    assert paces == [4 * MINUTE, 2 * MINUTE, MINUTE, MINUTE]
    assert slower.pace == 1.25 * MINUTE


@pytest.mark.parametrize(
    ("count", "new", "is_loss"), [(10, 10, True), (10, 9, False), (1, 1, False), (0, 0, False)]
)
def test_a_loss_needs_a_window_of_two(count: int, new: int, is_loss: bool) -> None:
    assert Reading(count=count, new=new, elapsed=HOUR).is_loss is is_loss
    assert not Reading(count=count, new=new, elapsed=None).is_loss


def test_the_dates_of_a_feed_show_its_rhythm_at_first_sight() -> None:
    dates = [NOON - step * HOUR for step in range(12)] + [NOON - 30 * DAY, NOON]

    assert rhythm.seed(dates) == HOUR
    assert rhythm.seed(dates[:3]) is None
    assert rhythm.seed([NOON] * 9) is None


@pytest.mark.parametrize(
    ("usual", "silence", "is_silent"),
    [
        (10 * MINUTE, 23 * HOUR, False),
        (10 * MINUTE, 25 * HOUR, True),
        (3 * HOUR, 2.9 * DAY, False),
        (3 * HOUR, 3.1 * DAY, True),
        (7 * DAY, 41 * DAY, False),
        (7 * DAY, 43 * DAY, True),
        (None, 400 * DAY, False),
    ],
)
def test_silence_is_strange_when_it_is_much_longer_than_usual(
    usual: timedelta | None, silence: timedelta, is_silent: bool
) -> None:
    assert rhythm.is_silent(usual, silence=silence) is is_silent
