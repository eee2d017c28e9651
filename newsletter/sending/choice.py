"""Choose for the readers of a window: what each gets now, or why nothing, or when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
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
        self._is_superseded: bool | None = None
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
        if reader.hour is not None and reader.cadence is not Cadence.EVERY_ISSUE and self._is_late():
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

    def _is_late(self) -> bool:
        """Say whether a later digest is on its way; asked once, and only for readers with an hour of their own."""
        if self._is_superseded is None:
            self._is_superseded = mailings.is_superseded(self._session, self._context.mailing)
        return self._is_superseded

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
