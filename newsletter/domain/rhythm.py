"""Learn how often a source has something new: from it follow when to look, and when its silence is strange."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.domain.polling import INTERVAL_MIN

QUIET_CAP = timedelta(minutes=60)  # the slowest learned pace: a rare article is an hour late at most
_STEP = 4  # a new gap counts for a quarter, so that one night does not slow down a whole morning
_GAP_CAP = 4  # times the rhythm: a night or a weekend is a pause and not the rhythm
SPREAD = 3  # the learned pace is at least a third of the interval that was set, at most four times as long
_SLOWEST = 4
_SEEDS = 50  # of a feed's dates: the newest say what it does now
_SHORTEST, _LONGEST = timedelta(seconds=10), timedelta(days=60)

_BUSY = timedelta(hours=1)  # with more than 24 articles a day, a day without one is strange
_BUSY_SILENCE = timedelta(hours=24)
_SILENCE = timedelta(days=3)  # shorter silences are weekends
_SILENCE_FACTOR = 6


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Hold what one reading of a feed brought: ``count`` items, ``new`` of them articles that were not known."""

    count: int
    new: int
    elapsed: timedelta | None  # since the last new article; None: this is the first

    @property
    def is_loss(self) -> bool:
        """Say whether the whole window was new, so that articles may have come and gone between two looks."""
        return self.elapsed is not None and self.new == self.count >= 2


@dataclass(frozen=True, kw_only=True)
class Learned:
    """Hold what is known of a source: ``rhythm`` between two articles, ``pace`` between two looks."""

    rhythm: timedelta | None = None
    pace: timedelta | None = None


def learn(known: Learned, reading: Reading, *, interval: timedelta) -> Learned:
    """Return what is known after one more reading.

    ``interval`` is the time between two looks that was set: where a source begins. Pace follows half the rhythm, so
    that an article is seen about as soon as half the time to the next; a feed that turns over whole is looked at twice
    as often, down to once a minute, whatever was set.
    """
    rhythm = _rhythm(known.rhythm, reading)
    if reading.is_loss:
        return Learned(rhythm=rhythm, pace=max((known.pace or interval) / 2, INTERVAL_MIN))
    if rhythm is None:
        return known
    wanted = rhythm * min(0.5, reading.count / 4) if reading.count else rhythm / 2
    return Learned(rhythm=rhythm, pace=_bounded(wanted, known.pace, interval))


def seed(dates: Iterable[datetime]) -> timedelta | None:
    """Return the rhythm that the dates of a feed show at first sight; None when there are too few."""
    newest = sorted(dates, reverse=True)[:_SEEDS]
    gaps = [later - earlier for later, earlier in itertools.pairwise(newest) if later > earlier]
    return _possible(statistics.median_low(gaps)) if len(gaps) >= 3 else None


def is_silent(rhythm: timedelta | None, *, silence: timedelta) -> bool:
    """Say whether a source has been without a new article for much longer than is usual for it."""
    return rhythm is not None and silence > silence_limit(rhythm)


def silence_limit(rhythm: timedelta) -> timedelta:
    """Return how long a source may be silent before it is strange."""
    return _BUSY_SILENCE if rhythm < _BUSY else max(_SILENCE, rhythm * _SILENCE_FACTOR)


def _rhythm(known: timedelta | None, reading: Reading) -> timedelta | None:
    if not reading.new or reading.elapsed is None:
        return known
    gap = _possible(reading.elapsed / reading.new)
    if known is None:
        return gap
    return _possible(known + (min(gap, known * _GAP_CAP) - known) / _STEP)


def _bounded(wanted: timedelta, pace: timedelta | None, interval: timedelta) -> timedelta:
    """Return a pace near the interval that was set; one that a loss made faster slows down step by step."""
    slowest = min(interval * _SLOWEST, max(interval, QUIET_CAP))
    fastest = max(interval / SPREAD, INTERVAL_MIN)
    if pace is not None and pace < fastest:
        fastest = min(pace * 1.25, fastest)
        wanted = fastest
    return max(min(wanted, slowest), fastest)


def _possible(gap: timedelta) -> timedelta:
    return max(_SHORTEST, min(gap, _LONGEST))
