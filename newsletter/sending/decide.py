"""Decide, for a few planned readers, who gets which stories now; write it down before the first byte."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from newsletter.domain import selection, subscriptions
from newsletter.domain.mailings import MessageStatus, PlannedMessage, WithheldReason
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.sending.context import Context
from newsletter.sending.results import NO_CODE, Origin, Result
from newsletter.store import Session, mailings, messages, suppressions, windows
from newsletter.store.leases import Claim
from newsletter.store.mailings import Earlier
from newsletter.store.messages import Had, Reader
from newsletter.store.tables import MessageDetail

_CADENCE_REACH = timedelta(days=8)  # the longest cadence is a week; a slot may move by hours


@dataclass(frozen=True)
class Decided:
    """Hold the decisions of a window; ``settled`` are readers who need no mail.

    ``window_id`` is None when nobody needs one. ``origins`` holds, by reader, what the bytes derive from.
    """

    window_id: int | None
    messages: tuple[PlannedMessage, ...]
    origins: Mapping[int, Origin]
    settled: tuple[Result, ...]


class _Histories:
    """Hold what some readers have had of the newsletter, in the mailing's age space."""

    def __init__(self, rows: Collection[Had], earlier: Sequence[Earlier], *, highest: int) -> None:
        by_id = {mailing.mailing_id: mailing for mailing in earlier}
        self._highest = highest
        self._masks: dict[int, int] = {}
        self._last_at: dict[int, datetime] = {}
        for row in rows:
            mailing = by_id[row.mailing_id]
            mask = self._masks.get(row.subscriber_id, 0)
            self._masks[row.subscriber_id] = selection.join_history(
                mask, row.picks, highest=highest, highest_then=mailing.highest
            )
            at = mailing.cut_off_at
            self._last_at[row.subscriber_id] = max(at, self._last_at.get(row.subscriber_id, at))

    def of(self, reader: Reader) -> int:
        mask = self._masks.get(reader.subscriber_id, 0)
        if reader.signup_number is not None and reader.signup_number <= self._highest:
            mask |= 1 << (self._highest - reader.signup_number)
        return mask

    def last_at(self, reader: Reader) -> datetime | None:
        """Return the cut-off of the reader's newest issue: a mail that is late changes no rhythm."""
        return self._last_at.get(reader.subscriber_id)


def decide_fresh(
    session: Session, context: Context, claim: Claim, subscriber_ids: Sequence[int], *, now: datetime
) -> Decided:
    """Choose the stories of readers that have no result yet.

    Status, suppressions and histories are read here and now: an unsubscribe of a second ago counts.
    """
    found = messages.readers(session, context.mailing.newsletter_id, subscriber_ids)
    suppressed = suppressions.active_keys(
        session, {reader.address_key for reader in found.values() if reader.address_key}, now
    )
    histories = _histories(session, context, subscriber_ids, now=now)
    origin = Origin(window_id=0, planned_at=now, key_ids=context.key_ids)
    chosen: list[PlannedMessage] = []
    settled: list[Result] = []
    for subscriber_id in subscriber_ids:
        reader = found.get(subscriber_id)
        picks, reason = _choose(context, reader, suppressed, histories)
        address = reader.address or "" if reader else ""
        planned = PlannedMessage(subscriber_id, picks, address, reader.name if reader else "")
        if reason is None:
            chosen.append(planned)
        else:
            settled.append(_settled(planned, origin, reason, now=now))
    return _written(session, claim, chosen, settled, planned_at=now, key_ids=context.key_ids)


def decide_retries(
    session: Session, context: Context, claim: Claim, due: Sequence[MessageDetail], *, now: datetime
) -> Decided:
    """Repeat what was decided for deferred and uncertain messages, for readers who may still be written to.

    The bytes are those of the first attempt; a changed or erased address is never retried.
    """
    ids = [detail.subscriber_id for detail in due]
    found = messages.readers(session, context.mailing.newsletter_id, ids)
    rows = messages.of_mailing(session, claim.mailing_id, ids)
    first = windows.get_many(session, {detail.window_id for detail in due})
    keys = {reader.address_key for reader in found.values() if reader.address_key}
    suppressed = suppressions.active_keys(session, keys, now)
    chosen: list[PlannedMessage] = []
    settled: list[Result] = []
    origins: dict[int, Origin] = {}
    for detail in due:
        window = first[detail.window_id]
        origin = Origin(window_id=window.id, planned_at=window.planned_at, key_ids=window.key_ids)
        planned = PlannedMessage(
            detail.subscriber_id,
            rows[detail.subscriber_id].picks,
            detail.address or "",
            detail.name,
            is_retry=True,
        )
        reason = _obstacle(found.get(detail.subscriber_id), suppressed)
        if reason is None and found[detail.subscriber_id].address != detail.address:
            reason = WithheldReason.ADDRESS_CHANGED
        if reason is None:
            chosen.append(planned)
            origins[detail.subscriber_id] = origin
        else:
            settled.append(_settled(planned, origin, reason, now=now))
    written = _written(session, claim, chosen, settled, planned_at=now, key_ids=context.key_ids)
    return replace(written, origins=origins)


def expired(context: Context, subscriber_ids: Sequence[int], *, now: datetime) -> Decided:
    """Give up on readers for whom the issue could not be submitted in its lifetime."""
    origin = Origin(window_id=0, planned_at=now, key_ids=context.key_ids)
    settled = [
        Result(
            planned=PlannedMessage(subscriber_id, b"", "", ""),
            origin=origin,
            status=MessageStatus.EXPIRED,
            code=NO_CODE,
            at=now,
        )
        for subscriber_id in subscriber_ids
    ]
    return Decided(None, (), {}, tuple(settled))


def _histories(
    session: Session, context: Context, subscriber_ids: Sequence[int], *, now: datetime
) -> _Histories:
    lowest = min((story.number for story in context.frozen.stories), default=0)
    earlier = mailings.earlier(
        session,
        context.mailing.newsletter_id,
        other_than=context.mailing.id,
        lowest_number=lowest,
        since=now - _CADENCE_REACH,
    )
    rows = messages.had(
        session,
        [mailing.mailing_id for mailing in earlier],
        low=min(subscriber_ids),
        high=max(subscriber_ids),
    )
    return _Histories(rows, earlier, highest=context.mailing.highest)


def _choose(
    context: Context,
    reader: Reader | None,
    suppressed: Collection[str],
    histories: _Histories,
) -> tuple[bytes, WithheldReason | None]:
    """Return a reader's picks, or why there are none."""
    obstacle = _obstacle(reader, suppressed)
    if obstacle is not None or reader is None:
        return b"", obstacle
    last_at, cut_off_at = histories.last_at(reader), context.frozen.cut_off_at
    if not subscriptions.is_due(reader.cadence, last_at=last_at, now=cut_off_at, zone=context.zone):
        return b"", WithheldReason.NOT_DUE
    picks = context.chooser.choose(topics=reader.topics, cadence=reader.cadence, history=histories.of(reader))
    return picks, None if picks else WithheldReason.NO_STORIES


def _obstacle(reader: Reader | None, suppressed: Collection[str]) -> WithheldReason | None:
    """Say why a reader must not be written to now."""
    if reader is None or reader.address is None:
        return WithheldReason.ERASED
    if reader.status is not SubscriptionStatus.ACTIVE:
        return WithheldReason.UNSUBSCRIBED
    return WithheldReason.SUPPRESSED if reader.address_key in suppressed else None


def _settled(planned: PlannedMessage, origin: Origin, reason: WithheldReason, *, now: datetime) -> Result:
    return Result(planned=planned, origin=origin, status=MessageStatus.WITHHELD, code=reason, at=now)


def _written(
    session: Session,
    claim: Claim,
    chosen: Sequence[PlannedMessage],
    settled: Sequence[Result],
    *,
    planned_at: datetime,
    key_ids: dict[str, int],
) -> Decided:
    """Write the window down, when somebody is to be written to."""
    if not chosen:
        return Decided(None, (), {}, tuple(settled))
    window_id = windows.open_window(session, claim, chosen, planned_at=planned_at, key_ids=key_ids)
    origin = Origin(window_id=window_id, planned_at=planned_at, key_ids=key_ids)
    origins = {message.subscriber_id: origin for message in chosen}
    return Decided(window_id, tuple(chosen), origins, tuple(settled))
