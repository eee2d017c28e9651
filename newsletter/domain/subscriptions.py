"""Name the states of a subscription, its moves, and how often a reader wants mail."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from newsletter.domain import schedules
from newsletter.domain.errors import Conflict, InvalidInput


class SubscriptionStatus(StrEnum):
    """Say where the pair of reader and newsletter stands."""

    PENDING = "pending"
    ACTIVE = "active"
    ENDED = "ended"


class EndReason(StrEnum):
    """Say why a subscription ended."""

    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"
    COMPLAINED = "complained"
    REMOVED = "removed"


# An ended subscription comes back only through a new request that the reader confirms.
MOVES: dict[SubscriptionStatus, frozenset[SubscriptionStatus]] = {
    SubscriptionStatus.PENDING: frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.ENDED}),
    SubscriptionStatus.ACTIVE: frozenset({SubscriptionStatus.ENDED}),
    SubscriptionStatus.ENDED: frozenset({SubscriptionStatus.PENDING}),
}

_SATURDAY = 5  # datetime.weekday()

SNOOZE_WEEKS = ("1", "2", "3", "4")
SNOOZE_MAXIMUM = timedelta(days=366)  # for longer, leaving is the honest word

CONFIRMATION_LIFETIME = timedelta(days=7)
CONFIRMATION_GAP = timedelta(hours=24)  # one confirmation mail per reader and newsletter in this time
CONFIRMATIONS_PER_ADDRESS = 3  # in CONFIRMATION_GAP over all newsletters, and ever without a confirm


class Cadence(StrEnum):
    """Say how often a reader wants the digest."""

    EVERY_ISSUE = "every_issue"
    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"

    __hash__ = str.__hash__  # of every reader it is looked up; that of Enum is not written in C


# How far back a reader of each cadence may be given stories that the reader has not had.
# None: only what is new since the last issue.
REACH: dict[Cadence, timedelta | None] = {
    Cadence.EVERY_ISSUE: None,
    Cadence.DAILY: timedelta(days=1),
    Cadence.WEEKDAYS: timedelta(days=3),
    Cadence.WEEKLY: timedelta(days=7),
}


def parse_hour(text: str) -> int | None:
    """Read an hour of the day, 0 to 23, also written as "07:00"; nothing means none. Raise InvalidInput."""
    plain = text.strip().removesuffix(":00")
    if not plain:
        return None
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 2 and int(plain) <= 23):
        raise InvalidInput(
            f"{text!r} is no hour of the day.", hint="Give a whole hour from 0 to 23.", reason="bad_hour"
        )
    return int(plain)


def snooze_end(
    choice: str, day: str, *, present: datetime | None, zone_name: str, now: datetime
) -> datetime | None:
    """Return until when a reader wants nothing, by the reader's clocks; None: no pause.

    ``choice`` is "" (as it is at ``present``), "end", a number of weeks from 1 to 4, or "day" for the beginning of
    ``day``, as in "2026-12-24". Raise InvalidInput.
    """
    if choice in ("", "end"):
        return present if not choice and present is not None and present > now else None
    today = now.astimezone(schedules.zone(zone_name)).date()
    try:
        until = date.fromisoformat(day) if choice == "day" else today + timedelta(weeks=_weeks(choice))
    except ValueError as error:
        raise _bad_snooze() from error
    if not today < until <= today + SNOOZE_MAXIMUM:
        raise _bad_snooze()
    return schedules.local_midnight(until, zone_name)


def _weeks(choice: str) -> int:
    if choice not in SNOOZE_WEEKS:
        raise ValueError(choice)
    return int(choice)


def _bad_snooze() -> InvalidInput:
    return InvalidInput(
        "The pause has no end that can be used.",
        hint="Give 1 to 4 weeks, or a day that is still to come, at most a year ahead.",
        reason="bad_snooze",
    )


def move(current: SubscriptionStatus, target: SubscriptionStatus) -> SubscriptionStatus:
    """Return ``target`` when the move is allowed; raise Conflict otherwise."""
    if target not in MOVES[current]:
        raise Conflict(
            f"A subscription that is {current} cannot become {target}.",
            hint="A reader who has left can only come back by signing up and confirming again.",
        )
    return target


def is_due(cadence: Cadence, *, last_at: datetime | None, now: datetime, zone: ZoneInfo) -> bool:
    """Say whether a reader who last got the issue of ``last_at`` wants the issue of ``now``; both are cut-offs.

    Days are the newsletter's calendar days, so that a slot that moves by minutes, or by an hour at the change
    of the clocks, skips nobody.
    """
    if cadence is Cadence.WEEKDAYS and now.astimezone(zone).weekday() >= _SATURDAY:
        return False
    if last_at is None or cadence is Cadence.EVERY_ISSUE:
        return True
    days = (now.astimezone(zone).date() - last_at.astimezone(zone).date()).days
    return days >= (7 if cadence is Cadence.WEEKLY else 1)
