"""Account for the windows that a worker left open: nobody knows which of their messages arrived."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from newsletter.domain.mailings import unpack_window
from newsletter.domain.outcomes import OutcomeSource
from newsletter.runtime import logs
from newsletter.sending import record
from newsletter.sending.record import UncertainPolicy
from newsletter.sending.results import Origin, Result, in_doubt
from newsletter.store import Session, mailings, messages, windows
from newsletter.store.leases import Claim
from newsletter.store.tables import Window

_log = logs.get(__name__)


def recover(session: Session, claim: Claim, *, now: datetime, policy: UncertainPolicy) -> int:
    """Make all messages of open windows in a claimed bucket uncertain; return how many.

    All mailings of the bucket, because what a reader may have had counts for every later choice.
    """
    count = 0
    for window, mailing_id in windows.left_open(session, claim):
        owner = replace(claim, batch_id=window.batch_id, mailing_id=mailing_id)
        doubtful = _doubtful(session, window, mailing_id, now=now)
        record.results(
            session,
            mailings.get(session, mailing_id),
            owner,
            doubtful,
            policy=policy,
            source=OutcomeSource.RECOVERY,
        )
        windows.close(session, window.id, now=now)
        record.settle(session, owner, now=now)
        count += len(doubtful)
        _log.warning("window_recovered", window=window.id, mailing=mailing_id, uncertain=len(doubtful))
    return count


def _doubtful(session: Session, window: Window, mailing_id: int, *, now: datetime) -> list[Result]:
    planned = unpack_window(window.plan or b"")
    ids = [message.subscriber_id for message in planned]
    present = messages.of_mailing(session, mailing_id, ids)
    details = messages.details(session, mailing_id, ids)
    first = windows.get_many(session, {detail.window_id for detail in details.values()} | {window.id})
    found = []
    for message in planned:
        if not message.is_retry and message.subscriber_id in present:
            continue
        detail = details.get(message.subscriber_id)
        origin = first[detail.window_id] if detail else window
        first_window = Origin(window_id=origin.id, planned_at=origin.planned_at, key_ids=origin.key_ids)
        found.append(in_doubt(message, first_window, at=now))
    return found
