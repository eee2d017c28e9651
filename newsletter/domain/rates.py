"""Measure out messages: buckets of tokens, and rates that rise slowly and fall fast, as arithmetic on (state, now).

A rate is cut in two: four fifths for everybody and a fifth for what is urgent, each with a bucket of its own, so that
a confirmation finds a token however busy a drain is, and the sum never exceeds the rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from newsletter.domain.throttling import Throttling

RESERVE = 0.2  # of every rate is kept for what is urgent
BURST = 1.0  # seconds of a rate that a bucket holds: receivers want an even flow (Google's guidelines, 81126)
LOT = timedelta(milliseconds=250)  # of tokens that a worker takes at once

SLOWEST = 1.0  # messages a minute: less would only tell a receiver nothing
SAME_EVENT = timedelta(seconds=10)  # replies to what was under way at the same time count once
HOUR = timedelta(hours=1)  # the time in which hits add up
MINUTE = timedelta(minutes=1)  # between two increases
GROWTH = 1.1  # a tenth more for each minute of clean 2xx
CUT = 0.5
FORGOTTEN_AFTER = timedelta(hours=24)  # without a hit a learned rate says nothing any more


class Tokens(NamedTuple):
    """Hold what is in the two buckets of a rate at an instant, in seconds of any one clock."""

    bulk: float
    urgent: float
    at: float


class Lot(NamedTuple):
    """Hold whole tokens taken from a bucket."""

    bulk: int
    urgent: int


class Ask(NamedTuple):
    """Ask for tokens of one rate, in messages a second."""

    key: str
    rate: float
    bulk: int
    urgent: int


def full(rate: float, at: float) -> Tokens:
    """Return buckets nobody has taken from."""
    return Tokens(_most(rate * (1 - RESERVE)), _most(rate * RESERVE), at)


def refill(tokens: Tokens, rate: float, at: float) -> Tokens:
    """Return the buckets as they stand at a later instant."""
    elapsed = max(0.0, at - tokens.at)
    bulk_rate, urgent_rate = rate * (1 - RESERVE), rate * RESERVE
    return Tokens(
        min(_most(bulk_rate), tokens.bulk + bulk_rate * elapsed),
        min(_most(urgent_rate), tokens.urgent + urgent_rate * elapsed),
        max(at, tokens.at),
    )


def take(tokens: Tokens, *, bulk: int, urgent: int) -> tuple[Tokens, Lot]:
    """Take up to so many whole tokens; what is urgent goes first, and beyond its own fifth takes from the rest."""
    own = min(urgent, int(tokens.urgent))
    borrowed = min(urgent - own, int(tokens.bulk))
    rest = tokens.bulk - borrowed
    got = min(bulk, int(rest))
    return Tokens(rest - got, tokens.urgent - own, tokens.at), Lot(got, own + borrowed)


def lot_size(rate: float, elapsed: float) -> int:
    """Return how many tokens a worker should ask for that last asked ``elapsed`` seconds ago."""
    return max(1, math.ceil(rate * min(max(elapsed, LOT.total_seconds()), BURST)))


def _most(rate: float) -> float:
    return max(1.0, rate * BURST)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Hold what was learned of a destination, or of a relay: messages a minute, and when it takes any.

    ``rate`` None: nobody has complained. ``hits`` counts throttling replies, each within an hour of the one before.
    ``grows_at`` is when a clean minute may raise the rate. ``fault``: what the operator must mend.
    """

    rate: float | None = None
    suspended_until: datetime | None = None
    hits: int = 0
    last_hit_at: datetime | None = None
    grows_at: datetime | None = None
    fault: str | None = None

    def is_suspended(self, now: datetime) -> bool:
        """Say whether nothing may go there now."""
        return self.suspended_until is not None and now < self.suspended_until


def slow_down(pace: Pace, throttling: Throttling, *, observed: float, now: datetime) -> Pace:
    """Return the pace after a throttling reply; unchanged when it tells of the same event as the reply before.

    ``observed`` is how many messages went there in the last minute: what a destination without a rate starts from.
    """
    if pace.last_hit_at is not None and now - pace.last_hit_at < SAME_EVENT:
        return pace
    is_fresh = pace.last_hit_at is None or now - pace.last_hit_at > HOUR
    hits = 1 if is_fresh else pace.hits + 1
    rate = _cut(pace, throttling, observed)
    until, resumes_at = pace.suspended_until, now
    pause = throttling.pause_after(hits)
    if pause is not None:
        until = resumes_at = max(now + pause, until or now)
        rate = throttling.resume_rate if rate is None else min(rate, throttling.resume_rate or rate)
    return replace(
        pace,
        rate=rate,
        suspended_until=until,
        hits=hits,
        last_hit_at=now,
        grows_at=resumes_at + max(MINUTE, throttling.steady),
        fault=throttling.fault or pace.fault,
    )


def speed_up(pace: Pace, *, now: datetime) -> Pace:
    """Return the pace after a minute of clean 2xx: a tenth faster; unchanged when it is not time yet.

    What was at fault is mended, or there would be no 2xx.
    """
    if pace.grows_at is None or now < pace.grows_at or pace.is_suspended(now):
        return pace
    is_old = pace.last_hit_at is None or now - pace.last_hit_at >= FORGOTTEN_AFTER
    rate = None if is_old or pace.rate is None else pace.rate * GROWTH
    grows_at = None if rate is None else now + MINUTE
    return replace(pace, rate=rate, grows_at=grows_at, suspended_until=None, fault=None)


def _cut(pace: Pace, throttling: Throttling, observed: float) -> float | None:
    if not throttling.halves:
        return pace.rate
    return max(SLOWEST, (observed if pace.rate is None else pace.rate) * CUT)
