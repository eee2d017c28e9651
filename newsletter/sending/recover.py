"""Account for the windows that a worker left open, by its journal where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from newsletter.domain.mailings import PlannedMessage, unpack_window
from newsletter.domain.outcomes import OutcomeSource
from newsletter.runtime import logs
from newsletter.sending import journal, record
from newsletter.sending.journal import Account
from newsletter.sending.record import UncertainPolicy
from newsletter.sending.results import Origin, Result, in_doubt
from newsletter.store import Session, mailings, messages, windows
from newsletter.store.leases import Claim
from newsletter.store.tables import Window

_log = logs.get(__name__)


def recover(session: Session, claim: Claim, *, folder: Path, now: datetime, policy: UncertainPolicy) -> int:
    """Give every message of open windows in a claimed bucket its result; return how many are in doubt.

    What the worker's journal says has ended, has; what was begun and has no end is in doubt; of the others nothing
    went out, and they are decided anew. Without the journal (it lies on another machine, or its worker still lives)
    everything is in doubt. All mailings of the bucket, because what a reader may have had counts for every later
    choice. The newest window goes first: a reader who stands in two was given back by the relays and decided anew, and
    may have got only what the newer one says.
    """
    count = 0
    for window, mailing_id in reversed(windows.left_open(session, claim)):
        owner = replace(claim, batch_id=window.batch_id, mailing_id=mailing_id)
        ended = list(_ended(session, window, mailing_id, folder, now=now))
        record.results(
            session,
            mailings.get(session, mailing_id),
            owner,
            ended,
            policy=policy,
            source=OutcomeSource.RECOVERY,
        )
        windows.close(session, window.id, now=now)
        record.settle(session, owner, now=now)
        doubtful = sum(result.reply is None for result in ended)
        count += doubtful
        _log.warning(
            "window_recovered", window=window.id, mailing=mailing_id, ended=len(ended), uncertain=doubtful
        )
    return count


def _ended(
    session: Session, window: Window, mailing_id: int, folder: Path, *, now: datetime
) -> Iterator[Result]:
    """Yield a result for each message of a window that has, or may have, gone out and is not recorded."""
    account = journal.read(folder, window.holder, window.id)
    planned = unpack_window(window.plan or b"")
    ids = [message.subscriber_id for message in planned]
    present = messages.of_mailing(session, mailing_id, ids)
    details = messages.details(session, mailing_id, ids)
    first = windows.get_many(session, {detail.window_id for detail in details.values()} | {window.id})
    for message in planned:
        if not message.is_retry and message.subscriber_id in present:
            continue
        detail = details.get(message.subscriber_id)
        origin = first[detail.window_id] if detail else window
        first_window = Origin(window_id=origin.id, planned_at=origin.planned_at, key_ids=origin.key_ids)
        result = _result(message, first_window, account, now=now)
        if result is not None:
            yield result


def _result(
    message: PlannedMessage, origin: Origin, account: Account | None, *, now: datetime
) -> Result | None:
    """Say how an attempt ended; None when it was not begun."""
    if account is None:
        return in_doubt(message, origin, at=now)
    note = account.ended.get(message.subscriber_id)
    if note is not None and note.reply is not None:
        return Result(
            planned=message,
            origin=origin,
            status=note.status,
            code=note.reply.code,
            at=now,
            reply=note.reply,
        )
    if note is None and account.is_complete and message.subscriber_id not in account.begun:
        return None
    return in_doubt(message, origin, at=now)
