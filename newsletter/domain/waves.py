"""Say when each reader of an issue is due: at the reader's own hour, at the slot's local hour, or at once.

Times that clocks do not show, or show twice, count as in domain/schedules.py. A wave is a quarter hour: clocks the
world over strike at one of them, so readers of one local hour share a wave.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from newsletter.domain import schedules
from newsletter.domain.errors import InvalidInput
from newsletter.domain.quiet_hours import QuietHours

QUARTER = timedelta(minutes=15)
WAVE_MAXIMUM = 255  # 64 hours: an own hour, quiet hours behind it and a subject test are 60 at the most
SLICE_MAXIMUM = 100  # a spread issue's slices of one wave; with the wave they fit a small column

NO_QUIET = QuietHours()

# A local hour that struck less than this ago has been missed by little: the reader gets the issue at once.
_STRUCK_LATELY = timedelta(hours=12)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Know when the readers of one mailing are due.

    ``started_at`` is the mailing's start: nobody is due before. ``cut_off_at`` is the issue's: an own hour means the
    first time that it strikes from then on, so that an issue of seven that starts a minute later still finds the
    readers of seven. ``local_time``: readers without an own hour get it when their clock shows that time; None: at
    once. ``zone_name`` is the newsletter's, for readers without a zone or with one that does not exist.
    ``test_until``: until then only the sample of a subject test is due.
    """

    started_at: datetime
    cut_off_at: datetime
    zone_name: str
    local_time: time | None = None
    quiet: QuietHours = NO_QUIET
    test_until: datetime | None = None
    _known: dict[tuple[str | None, int | None], int] = field(default_factory=dict)

    @property
    def origin(self) -> datetime:
        """Return the quarter hour in which the mailing starts: wave 0."""
        return _quarter_before(self.started_at)

    @property
    def is_local(self) -> bool:
        """Say whether it counts where readers are who have no hour of their own."""
        return self.local_time is not None or bool(self.quiet)

    def wave(self, zone_name: str | None, hour: int | None, *, is_sample: bool = False) -> int:
        """Return the wave of a reader; ``is_sample``: of a subject test, which the others wait for.

        A reader of the sample with an hour of their own keeps it.
        """
        key = zone_name, hour
        if key not in self._known:
            self._known[key] = self._number(self.due_at(zone_name, hour))
        wave = self._known[key]
        if self.test_until is None or is_sample:
            return wave
        return max(wave, self._number(self.test_until))

    def due_at(self, zone_name: str | None, hour: int | None) -> datetime:
        """Return when a reader is due, whatever subjects are tested; not before the mailing's start."""
        own = _zone(zone_name, self.zone_name)
        if hour is not None:  # the reader's wish goes before quiet hours
            return max(schedules.next_strike(time(hour), own, after=self.cut_off_at), self.started_at)
        due = self.started_at
        if self.local_time is not None:
            due = max(due, _nearest_strike(self.local_time, own, around=self.cut_off_at))
        return self.quiet.end(own, at=due)

    def at(self, wave: int) -> datetime:
        """Return when a wave is due."""
        return due_at(wave, started_at=self.started_at)

    def _number(self, due: datetime) -> int:
        quarters = -((self.origin - due) // QUARTER) if due > self.started_at else 0
        return min(max(quarters, 0), WAVE_MAXIMUM)


def number(quarter: int, part: int) -> int:
    """Return the number under which a slice of a wave is kept: the wave itself for slice 0."""
    return quarter + (WAVE_MAXIMUM + 1) * part


def quarter(number: int) -> int:
    """Return the wave that a kept number belongs to."""
    return number % (WAVE_MAXIMUM + 1)


def due_at(number: int, *, started_at: datetime) -> datetime:
    """Return when a kept wave of a mailing was due at first, before any spread."""
    return max(started_at, _quarter_before(started_at) + quarter(number) * QUARTER)


def _nearest_strike(at: time, own: ZoneInfo, *, around: datetime) -> datetime:
    """Return the last strike when it is not long ago, else the next."""
    following = schedules.next_strike(at, own, after=around)
    last = schedules.next_strike(at, own, after=around - _STRUCK_LATELY)
    return last if last < following else following


def _zone(name: str | None, otherwise: str) -> ZoneInfo:
    for each in (name, otherwise):
        try:
            if each:
                return schedules.zone(each)
        except InvalidInput:
            continue
    return ZoneInfo("UTC")


def _quarter_before(instant: datetime) -> datetime:
    plain = instant.astimezone(UTC)
    return plain.replace(minute=plain.minute // 15 * 15, second=0, microsecond=0)
