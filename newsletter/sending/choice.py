"""Choose for the readers of a window: what each gets now, or why nothing, or when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

from newsletter.domain import schedules, subscriptions
from newsletter.domain.errors import InvalidInput
from newsletter.domain.histories import History
from newsletter.domain.mailings import WithheldReason
from newsletter.domain.selection import Choice, Wish
from newsletter.domain.subscriptions import Cadence
from newsletter.sending.context import Context
from newsletter.store import Session, articles, mailings
from newsletter.store.readers import Reader


class Choices:
    """Choose for the readers of one window, each by what is true now.

    Making it looks once for what was retracted meanwhile: no story that names it is told any more.
    """

    def __init__(self, session: Session, context: Context, history: History, *, now: datetime) -> None:
        """Take what the readers had, and the instant of the window."""
        context.chooser.block(articles.retracted_numbers(session, *context.span))
        self._session = session
        self._context = context
        self._history = history
        self._now = now
        self._is_due: dict[tuple[Cadence, datetime], bool] = {}  # a batch knows few cut-offs
        self._quiet_until: dict[str, tuple[datetime | None, int]] = {}  # by zone, with its hour now
        self._later: list[datetime] | None = None  # cut-offs of the issues after this one
        self._is_late: dict[tuple[str, int], bool] = {}  # by zone and hour
        self._is_breaking = context.is_breaking
        self._story_minimum = context.story_minimum
        self._is_waiting = bool(context.quiet) and not (context.is_urgent or context.is_first)
        self._daily_cap = 0 if context.is_urgent else context.daily_cap

    def of(self, readers: Sequence[Reader]) -> list[tuple[bytes, WithheldReason | None]]:
        """Return each reader's picks, or why there are none."""
        reasons = [self._out_of_time(reader) for reader in readers]
        in_time = [reader for reader, reason in zip(readers, reasons, strict=True) if reason is None]
        had, again = self._history.of, self._history.again
        wishes = [
            Wish(
                reader.topics,
                reader.cadence,
                had(reader.subscriber_id, signup_number=reader.signup_number),
                again(reader.subscriber_id),
            )
            for reader in in_time
        ]
        found = map(self._weighed, in_time, wishes, self._context.chooser.choices(wishes))
        return [next(found) if reason is None else (b"", reason) for reason in reasons]

    def _weighed(self, reader: Reader, wish: Wish, choice: Choice) -> tuple[bytes, WithheldReason | None]:
        if choice.story_count < self._story_minimum:
            return b"", self._too_few(wish, choice)
        if self._daily_cap and self._history.mails_of_late.get(reader.subscriber_id, 0) >= self._daily_cap:
            return b"", WithheldReason.FREQUENCY_CAP
        return choice.picks, None

    def quiet_until(self, reader: Reader) -> datetime | None:
        """Return until when a reader's digest waits for quiet hours to end; None: it may go.

        An hour that the reader chose counts more, and who has just confirmed is awake.
        """
        if not self._is_waiting:
            return None
        until, hour = self._quiet(reader)
        return None if reader.hour == hour else until

    def _out_of_time(self, reader: Reader) -> WithheldReason | None:
        """Say why a reader wants nothing now, whatever the issue has."""
        context = self._context
        if reader.is_snoozed:
            return WithheldReason.SNOOZED
        if self._is_breaking:
            if not context.quiet or context.is_urgent or self._quiet(reader)[0] is None:
                return None
            return WithheldReason.QUIET_HOURS
        last_at = self._history.last_at(reader.subscriber_id)
        if last_at is not None and not self._wants(reader.cadence, last_at):
            return WithheldReason.NOT_DUE
        if reader.hour is not None and self._is_overtaken(reader.zone or "", reader.hour):
            return WithheldReason.SUPERSEDED
        return None

    def _too_few(self, wish: Wish, choice: Choice) -> WithheldReason:
        if choice.story_count:
            return WithheldReason.TOO_FEW
        is_wanted = self._context.chooser.is_blocked_for(
            topics=wish.topics, cadence=wish.cadence, history=wish.history
        )
        return WithheldReason.RETRACTED if is_wanted else WithheldReason.NO_STORIES

    def _wants(self, cadence: Cadence, last_at: datetime) -> bool:
        known = self._is_due.get((cadence, last_at))
        if known is None:
            cut_off_at, zone = self._context.frozen.cut_off_at, self._context.zone
            known = subscriptions.is_due(cadence, last_at=last_at, now=cut_off_at, zone=zone)
            self._is_due[cadence, last_at] = known
        return known

    def _is_overtaken(self, zone_name: str, hour: int) -> bool:
        """Say whether a later digest has waited for the same stroke of a reader's own hour: that one goes then.

        It has what the reader has not had of this one, as left-overs.
        """
        known = self._is_late.get((zone_name, hour))
        if known is None:
            zone = _zone(zone_name) or self._context.zone
            cut_off_at = self._context.frozen.cut_off_at
            strike = schedules.next_strike(time(hour), zone, after=cut_off_at)
            has_waited = self._context.mailing.started_at <= strike
            known = has_waited and any(cut_off_at < later <= strike for later in self._later_cut_offs())
            self._is_late[zone_name, hour] = known
        return known

    def _later_cut_offs(self) -> list[datetime]:
        """Ask once, and only for readers with an hour of their own."""
        if self._later is None:
            self._later = mailings.other_cut_offs(self._session, self._context.mailing)
        return self._later

    def _quiet(self, reader: Reader) -> tuple[datetime | None, int]:
        """Return until when it is quiet by a reader's clock, and the hour that it shows."""
        name = reader.zone or ""
        known = self._quiet_until.get(name)
        if known is None:
            zone = _zone(name) or self._context.zone
            until = self._context.quiet.end(zone, at=self._now)
            hour = self._now.astimezone(zone).hour
            known = self._quiet_until[name] = until if until > self._now else None, hour
        return known


def _zone(name: str) -> ZoneInfo | None:
    """Return a reader's zone; None when there is none of that name any more."""
    try:
        return schedules.zone(name) if name else None
    except InvalidInput:
        return None
