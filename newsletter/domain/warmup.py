"""Let a new sender's domain grow: a ceiling of messages a day that rises while receivers are content.

Receivers trust a domain that begins small. From 200 to 200,000 messages in 42 days is about 18 % more a day: Ghost's
formula, and slower than what the big providers' own schedules allow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta

FIRST, LAST = 200, 200_000
DAYS = 42
IDLE = timedelta(days=30)  # after which a receiver has forgotten the domain (Twilio's advice)


@dataclass(frozen=True, kw_only=True)
class Health:
    """Count what became of a sender's messages in the last 24 hours."""

    attempts: int = 0
    deferrals: int = 0
    policy_refusals: int = 0
    complaints: int = 0
    bounces: int = 0


# Shares of the last 24 hours above which a ceiling stays: Gmail wants complaints under 0.1 % (its guidelines, 81126).
GATES = (("deferrals", 0.05), ("policy_refusals", 0.005), ("complaints", 0.001), ("bounces", 0.02))


@dataclass(frozen=True, kw_only=True)
class Warmup:
    """Hold where a sender's domain stands; ``day`` counts from 0, and DAYS means that it has no ceiling any more.

    ``set_on`` is the UTC day that the ceiling is for; ``used_on`` the last one on which something was submitted.
    """

    started_on: date
    day: int = 0
    ceiling: int = FIRST
    set_on: date
    used_on: date | None = None
    halved_on: date | None = None

    @property
    def is_over(self) -> bool:
        """Say whether there is no ceiling any more."""
        return self.day >= DAYS


@dataclass(frozen=True)
class Step:
    """Hold where a warm-up stands after a step, and why."""

    warmup: Warmup
    why: str


def ceiling(day: int) -> int:
    """Return how many messages may go out on a day of the warm-up."""
    return round(FIRST * math.pow(LAST / FIRST, day / (DAYS - 1)))


def begin(today: date) -> Warmup:
    """Return the first day of a warm-up."""
    return Warmup(started_on=today, set_on=today)


def next_day(warmup: Warmup, health: Health, *, today: date) -> Step:
    """Return where a warm-up stands on a new day.

    It goes on after a day with mail of which receivers made little complaint; else the ceiling stays.
    """
    if warmup.used_on is not None and today - warmup.used_on > IDLE:
        return Step(begin(today), f"begun again: idle since {warmup.used_on}")
    stays = replace(warmup, set_on=today)
    if warmup.is_over:
        return Step(stays, "over")
    if warmup.used_on is None or warmup.used_on < warmup.set_on:
        return Step(stays, "held: nothing was submitted")
    fault = closed_gate(health)
    if fault is not None:
        return Step(stays, f"held: {fault}")
    return Step(_grown(stays), "advanced")


def halve(warmup: Warmup, *, today: date) -> Step:
    """Return where a warm-up stands after a receiver asked us to slow down; once a day is enough."""
    if warmup.is_over or warmup.halved_on == today:
        return Step(warmup, "")
    halved = max(1, warmup.ceiling // 2)
    day = max((day for day in range(warmup.day + 1) if ceiling(day) <= halved), default=0)
    return Step(replace(warmup, ceiling=halved, day=day, halved_on=today), "halved: a receiver throttles")


def closed_gate(health: Health) -> str | None:
    """Return the first share that is too high, in words; None when receivers are content."""
    for name, most in GATES:
        share = getattr(health, name) / max(1, health.attempts)
        if share >= most:
            return f"{name.replace('_', ' ')} {share:.2%}, at most {most:.1%}"
    return None


def _grown(warmup: Warmup) -> Warmup:
    """Return the next day: a ceiling that was halved first comes back to its day's."""
    day = warmup.day if warmup.ceiling < ceiling(warmup.day) else warmup.day + 1
    return replace(warmup, day=day, ceiling=ceiling(min(day, DAYS - 1)))
