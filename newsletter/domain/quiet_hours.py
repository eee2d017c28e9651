"""Hold the hours of a reader's day in which no mail begins."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from newsletter.domain import schedules
from newsletter.domain.errors import InvalidInput

_SHAPE = re.compile(r"(\d{1,2})-(\d{1,2})", re.ASCII)


@dataclass(frozen=True)
class QuietHours:
    """Run from the beginning of one hour of the day to that of another, 22 to 7 say; equal ones mean none."""

    begins: int = 0
    ends: int = 0

    def __bool__(self) -> bool:
        """Say whether there are any."""
        return self.begins != self.ends

    def cover(self, hour: int) -> bool:
        """Say whether an hour of the day (0 to 23) is quiet."""
        if self.begins <= self.ends:
            return self.begins <= hour < self.ends
        return hour >= self.begins or hour < self.ends

    def end(self, own: ZoneInfo, *, at: datetime) -> datetime:
        """Return an instant, or when the quiet hours that it falls into end by the clocks of a zone."""
        if not self.cover(at.astimezone(own).hour):
            return at
        struck = schedules.next_strike(time(self.ends), own, after=at)
        # Where clocks go back over the end, they show it once more, and it is quiet until then again.
        again = (
            datetime.combine(at.astimezone(own).date(), time(self.ends), own).replace(fold=1).astimezone(UTC)
        )
        is_shown = again.astimezone(own).hour == self.ends
        return again if is_shown and at <= again < struck else struck


def parse(text: str) -> QuietHours:
    """Read "22-7"; nothing means none. Raise InvalidInput for anything else."""
    if not text.strip():
        return QuietHours()
    found = _SHAPE.fullmatch(text.strip())
    hours = [int(each) for each in found.groups()] if found else []
    if not hours or max(hours) > 24:
        raise InvalidInput(
            f"{text!r} are no quiet hours.",
            hint='Give two hours of the day such as "22-7", or nothing for none.',
            reason="bad_quiet_hours",
        )
    return QuietHours(hours[0] % 24, hours[1] % 24)
