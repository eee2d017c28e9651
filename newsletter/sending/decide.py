"""Decide, for a few planned readers, who gets which stories now; write it down before the first byte."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from newsletter.domain.mailings import MessageStatus, PlannedMessage, WithheldReason
from newsletter.sending.choice import Choices
from newsletter.sending.context import Context
from newsletter.sending.results import NO_CODE, Origin, Result
from newsletter.store import Session, blocks, messages, readers, windows
from newsletter.store.leases import Claim
from newsletter.store.readers import Reader
from newsletter.store.tables import MessageDetail


@dataclass(frozen=True)
class Decided:
    """Hold the decisions of a window; ``settled`` are readers who need no mail.

    ``window_id`` is None when nobody needs one. ``origins`` holds, by reader, what the bytes derive from. ``left`` are
    readers who were left for later, because their destinations, ``held``, take nothing just now, or because they have
    quiet hours; ``quiet_until`` is when the first of these end.
    """

    window_id: int | None
    messages: tuple[PlannedMessage, ...]
    origins: Mapping[int, Origin]
    settled: tuple[Result, ...]
    left: tuple[int, ...] = ()
    held: frozenset[int | None] = frozenset()
    quiet_until: datetime | None = None


def decide_fresh(
    session: Session,
    context: Context,
    claim: Claim,
    subscriber_ids: Sequence[int],
    *,
    now: datetime,
    is_held: Callable[[int | None], bool] | None = None,
) -> Decided:
    """Choose the stories of planned readers that have no result yet.

    Status and suppressions are read here and now: an unsubscribe of a second ago counts. ``is_held`` says of a
    destination, by its domain id, that its readers are better left for later.
    """
    found = readers.find(session, context.mailing.newsletter_id, subscriber_ids, now=now)
    choices = Choices(session, context, context.histories.of_batch(session, claim, now=now), now=now)
    origin = Origin(window_id=0, planned_at=now, key_ids=context.key_ids)
    chosen: list[PlannedMessage] = []
    settled: list[Result] = []
    asking: list[Reader] = []
    left: dict[int, int | None] = {}
    quiet: dict[int, datetime] = {}
    for subscriber_id in subscriber_ids:
        reader = found.get(subscriber_id)
        obstacle = _obstacle(reader)
        if obstacle is not None or reader is None:
            planned = _planned(context, subscriber_id, b"", reader)
            settled.append(_settled(planned, origin, obstacle or WithheldReason.ERASED, now=now))
        elif is_held is not None and is_held(reader.domain_id):
            left[subscriber_id] = reader.domain_id
        else:
            asking.append(reader)
    for reader, (picks, reason) in zip(asking, choices.of(asking), strict=True):
        if reason is not None:
            planned = _planned(context, reader.subscriber_id, picks, reader)
            settled.append(_settled(planned, origin, reason, now=now))
        elif (until := choices.quiet_until(reader)) is not None:
            quiet[reader.subscriber_id] = until
        else:
            chosen.append(_planned(context, reader.subscriber_id, picks, reader))
    written = _written(session, context, claim, chosen, settled, planned_at=now)
    return replace(
        written,
        left=(*left, *quiet),
        held=frozenset(left.values()),
        quiet_until=min(quiet.values(), default=None),
    )


def decide_retries(
    session: Session, context: Context, claim: Claim, due: Sequence[MessageDetail], *, now: datetime
) -> Decided:
    """Repeat what was decided for deferred and uncertain messages, for readers who may still be written to.

    The bytes are those of the first attempt; a changed or erased address is never retried.
    """
    ids = [detail.subscriber_id for detail in due]
    found = readers.find(session, context.mailing.newsletter_id, ids, now=now)
    rows = messages.of_mailing(session, claim.mailing_id, ids)
    first = windows.get_many(session, {detail.window_id for detail in due})
    chosen: list[PlannedMessage] = []
    settled: list[Result] = []
    origins: dict[int, Origin] = {}
    for detail in due:
        window = first[detail.window_id]
        origin = Origin(window_id=window.id, planned_at=window.planned_at, key_ids=window.key_ids)
        reader = found.get(detail.subscriber_id)
        planned = PlannedMessage(
            detail.subscriber_id,
            rows[detail.subscriber_id].picks,
            detail.address or "",
            detail.name,
            is_retry=True,
            domain_id=reader.domain_id if reader else None,
            language=detail.language,
        )
        reason = _obstacle(reader)
        if reason is None and reader is not None and reader.address != detail.address:
            reason = WithheldReason.ADDRESS_CHANGED
        if reason is None:
            chosen.append(planned)
            origins[detail.subscriber_id] = origin
        else:
            settled.append(_settled(planned, origin, reason, now=now))
    written = _written(session, context, claim, chosen, settled, planned_at=now)
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


def superseded(context: Context, subscriber_ids: Sequence[int], *, now: datetime) -> Decided:
    """Give up on readers who should have had the issue long ago, because a later one is on its way to them."""
    origin = Origin(window_id=0, planned_at=now, key_ids=context.key_ids)
    reason = WithheldReason.SUPERSEDED
    nothing = [PlannedMessage(subscriber_id, b"", "", "") for subscriber_id in subscriber_ids]
    return Decided(None, (), {}, tuple(_settled(each, origin, reason, now=now) for each in nothing))


def retries_expired(
    session: Session, claim: Claim, due: Sequence[MessageDetail], *, now: datetime
) -> Decided:
    """Give up on messages that are due again, because the next issue has taken the place of theirs."""
    rows = messages.of_mailing(session, claim.mailing_id, [detail.subscriber_id for detail in due])
    settled = [
        Result(
            planned=PlannedMessage(
                detail.subscriber_id,
                rows[detail.subscriber_id].picks,
                detail.address or "",
                detail.name,
                is_retry=True,
            ),
            origin=Origin(window_id=detail.window_id, planned_at=now, key_ids={}),
            status=MessageStatus.EXPIRED,
            code=NO_CODE,
            at=now,
        )
        for detail in due
    ]
    return Decided(None, (), {}, tuple(settled))


def _planned(context: Context, subscriber_id: int, picks: bytes, reader: Reader | None) -> PlannedMessage:
    if reader is None:
        return PlannedMessage(subscriber_id, picks, "", "")
    return PlannedMessage(
        subscriber_id,
        picks,
        reader.address or "",
        reader.name,
        domain_id=reader.domain_id,
        language=context.frozen.language_number(reader.language) if context.frozen.languages else 0,
    )


def _obstacle(reader: Reader | None) -> WithheldReason | None:
    """Say why a reader must not be written to now."""
    if reader is None or reader.address is None:
        return WithheldReason.ERASED
    if not reader.is_active:
        return WithheldReason.UNSUBSCRIBED
    return WithheldReason.SUPPRESSED if reader.is_suppressed else None


def _settled(planned: PlannedMessage, origin: Origin, reason: WithheldReason, *, now: datetime) -> Result:
    return Result(planned=planned, origin=origin, status=MessageStatus.WITHHELD, code=reason, at=now)


def _written(
    session: Session,
    context: Context,
    claim: Claim,
    chosen: Sequence[PlannedMessage],
    settled: Sequence[Result],
    *,
    planned_at: datetime,
) -> Decided:
    """Write the window down, when somebody is to be written to."""
    if not chosen:
        return Decided(None, (), {}, tuple(settled))
    key_ids = context.key_ids
    _learn(session, context, {message.language for message in chosen})
    window_id = windows.open_window(session, claim, chosen, planned_at=planned_at, key_ids=key_ids)
    origin = Origin(window_id=window_id, planned_at=planned_at, key_ids=key_ids)
    origins = {message.subscriber_id: origin for message in chosen}
    return Decided(window_id, tuple(chosen), origins, tuple(settled))


def _learn(session: Session, context: Context, numbers: Iterable[int]) -> None:
    """Read the blocks of languages that are met for the first time: they take as much memory as the issue's own."""
    for number in numbers:
        if not context.composer.knows(number):
            language = context.frozen.languages[number - 1]
            context.composer.learn(number, blocks.of_issue(session, context.mailing.issue_id, language))
