"""Record what became of messages: rows, details for the few that need them, outcomes, the state of the batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal  # Any: bulk rows are dictionaries of column values

from newsletter.domain import bounces, retries
from newsletter.domain.bounces import Diagnosis
from newsletter.domain.mailings import (
    BatchStatus,
    MessageStatus,
    WithheldReason,
    members,
    resolve,
)
from newsletter.domain.outcomes import OutcomeKind, OutcomeSource, SmtpReply
from newsletter.runtime import ids
from newsletter.sending.results import Result
from newsletter.store import Session, mailings, messages, outcomes
from newsletter.store.leases import Claim
from newsletter.store.messages import MessageRow
from newsletter.store.tables import Mailing, Message, MessageDetail

UncertainPolicy = Literal["retry-once", "hold"]

_KINDS = {
    MessageStatus.DEFERRED: OutcomeKind.DEFERRED,
    MessageStatus.UNCERTAIN: OutcomeKind.UNCERTAIN,
    MessageStatus.FAILED: OutcomeKind.FAILED,
    MessageStatus.EXPIRED: OutcomeKind.EXPIRED,
}
# What the relay refused for good, or for days, the policy has to look at; what we gave up ourselves it has not.
_JUDGED = (MessageStatus.FAILED, MessageStatus.EXPIRED)


@dataclass(frozen=True)
class _Final:
    """Hold an attempt weighed against where its message stood, and when it is tried again."""

    result: Result
    status: MessageStatus
    code: int
    next_attempt_at: datetime | None


def results(
    session: Session,
    mailing: Mailing,
    claim: Claim,
    ended: Sequence[Result],
    *,
    policy: UncertainPolicy,
    source: OutcomeSource = OutcomeSource.DIALOGUE,
) -> None:
    """Write the ends of attempts, first ones and further ones alike."""
    retried = [result.planned.subscriber_id for result in ended if result.planned.is_retry]
    rows = messages.of_mailing(session, mailing.id, retried)
    details = messages.details(session, mailing.id, retried)
    finals = [
        _weigh(
            result, rows.get(result.planned.subscriber_id), details.get(result.planned.subscriber_id), policy
        )
        for result in ended
    ]
    again = [final for final in finals if final.result.planned.is_retry]
    messages.append(session, [_row(mailing, final) for final in finals if not final.result.planned.is_retry])
    messages.change(session, mailing.id, [_change(final) for final in again])
    told = [final for final in finals if final.status in _KINDS and final.result.origin.window_id]
    settled = [final for final in again if final.status not in _KINDS]
    messages.keep_details(session, [_detail(mailing, claim, final) for final in told + settled])
    outcomes.add_many(
        session, [_outcome(mailing, final, source) for final in finals if final.status in _KINDS]
    )


def settle(session: Session, claim: Claim, *, now: datetime, pause: timedelta | None = None) -> None:
    """Say where a batch stands; ``pause`` keeps everybody off it for a while, as when the relay is down."""
    messages.came_back_early(session, claim.mailing_id, claim.bucket)
    batch = mailings.get_batch(session, claim.batch_id)
    planned = set(members(batch.planned, batch.bucket))
    is_done = planned.issubset(messages.recorded(session, claim.mailing_id, claim.bucket))
    retry_at = messages.next_attempt(session, batch.id)
    if pause is not None and retry_at is not None:
        retry_at = max(retry_at, now + pause)
    mailings.settle_batch(
        session,
        batch.id,
        status=BatchStatus.DONE if is_done else BatchStatus.PENDING,
        retry_at=retry_at,
        due_at=None if pause is None else now + pause,
    )
    mailings.finish(session, claim.mailing_id, now=now)


def cancel_rest(session: Session, mailing: Mailing, claim: Claim, *, now: datetime) -> None:
    """Give every planned reader of a cancelled mailing's batch a final result."""
    batch = mailings.get_batch(session, claim.batch_id)
    left = set(members(batch.planned, batch.bucket)).difference(
        messages.recorded(session, mailing.id, claim.bucket)
    )
    at, status = _seconds(mailing, now), MessageStatus.WITHHELD
    messages.append(
        session,
        [(mailing.id, reader, at, WithheldReason.CANCELLED, status, b"") for reader in sorted(left)],
    )
    messages.stop_retries(session, batch.id, code=WithheldReason.CANCELLED)


def late(session: Session, mailing: Mailing, window_id: int, ended: Iterable[Result]) -> None:
    """Keep what a worker learned after its lease had passed on: evidence, never overwriting in silence.

    A 250 turns an uncertain message into a submitted one, if it is of the same first window: of the same bytes.
    """
    for result in ended:
        reader = result.planned.subscriber_id
        was_accepted = result.status is MessageStatus.SUBMITTED
        outcomes.add(
            session,
            kind=OutcomeKind.SUBMITTED if was_accepted else _KINDS.get(result.status, OutcomeKind.UNKNOWN),
            source=OutcomeSource.DIALOGUE,
            at=result.at,
            event_key=f"late:{window_id}:{reader}",
            mailing_id=mailing.id,
            subscriber_id=reader,
            reason="stale_lease",
            reply=result.reply,
        )
        if was_accepted:
            first_window_id = result.origin.window_id
            messages.clear_doubt(session, mailing.id, reader, window_id=first_window_id, code=result.code)


def _weigh(
    result: Result, row: Message | None, detail: MessageDetail | None, policy: UncertainPolicy
) -> _Final:
    """Say where a message stands after an attempt; one refusal too many makes it expire."""
    told, next_attempt_at = result.status, None
    if told is MessageStatus.EXPIRED and result.reply is None and detail is not None:
        result = replace(result, reply=_last_reply(detail))
    if told is MessageStatus.DEFERRED:
        next_attempt_at = _next_attempt(result, detail)
        told = MessageStatus.DEFERRED if next_attempt_at else MessageStatus.EXPIRED
    status = told if row is None else resolve(row.status, told)
    if row is not None and status is not told:  # in doubt before, and still: the last attempt there is
        return _Final(result, status, row.code, None)
    was_uncertain = row is not None and row.status is MessageStatus.UNCERTAIN
    if status is MessageStatus.UNCERTAIN and policy == "retry-once" and not was_uncertain:
        next_attempt_at = result.at + retries.UNCERTAIN_WAIT
    return _Final(result, status, result.code, next_attempt_at)


def _last_reply(detail: MessageDetail) -> SmtpReply | None:
    """Return why a message that we give up was not taken so far."""
    if detail.reply_code is None:
        return None
    return SmtpReply(detail.reply_code, detail.reply_enhanced, detail.reply_text)


def _next_attempt(result: Result, detail: MessageDetail | None) -> datetime | None:
    attempt_count = detail.attempt_count + 1 if detail else 1
    first_at = detail.first_attempt_at if detail else result.at
    delay = retries.MESSAGES.delay(
        attempt_count, age=result.at - first_at, jitter=ids.jitter(), reply=result.reply
    )
    return None if delay is None else result.at + delay


def _row(mailing: Mailing, final: _Final) -> MessageRow:
    planned = final.result.planned
    at = _seconds(mailing, final.result.at)
    return mailing.id, planned.subscriber_id, at, final.code, final.status, planned.picks


def _change(final: _Final) -> dict[str, Any]:
    return {
        "subscriber_id": final.result.planned.subscriber_id,
        "status": final.status,
        "code": final.code,
    }


def _detail(mailing: Mailing, claim: Claim, final: _Final) -> dict[str, Any]:
    result = final.result
    return {
        "mailing_id": mailing.id,
        "subscriber_id": result.planned.subscriber_id,
        "batch_id": claim.batch_id,
        "window_id": result.origin.window_id,
        "address": result.planned.address,
        "name": result.planned.name,
        "language": result.planned.language,
        "attempt_count": 1,
        "first_attempt_at": result.at,
        "next_attempt_at": final.next_attempt_at,
        "reason": _diagnosis(final).reason,
        "reply_code": result.reply.code if result.reply else None,
        "reply_enhanced": result.reply.enhanced if result.reply else None,
        "reply_text": result.reply.text if result.reply else "",
    }


def _outcome(mailing: Mailing, final: _Final, source: OutcomeSource) -> dict[str, Any]:
    result, diagnosis = final.result, _diagnosis(final)
    return {
        "at": result.at,
        "kind": _KINDS[final.status],
        "source": source,
        "mailing_id": mailing.id,
        "subscriber_id": result.planned.subscriber_id,
        "reason": diagnosis.reason,
        "category": diagnosis.category,
        "reply_code": result.reply.code if result.reply else None,
        "reply_enhanced": result.reply.enhanced if result.reply else None,
        "evidence": result.reply.text if result.reply else "",
        "acted_at": None if final.status in _JUDGED and result.reply else result.at,
    }


def _diagnosis(final: _Final) -> Diagnosis:
    """Say why, in the words of the relay's reply or, without one, in ours."""
    if final.result.reply is not None:
        return bounces.diagnose(final.result.reply)
    if final.status is MessageStatus.WITHHELD:
        return Diagnosis(WithheldReason(final.code).name.lower(), "withheld")
    if final.status is MessageStatus.UNCERTAIN:
        return Diagnosis("no_answer", "transit")
    return Diagnosis("expired", "transit")


def _seconds(mailing: Mailing, at: datetime) -> int:
    return max(0, int((at - mailing.started_at).total_seconds()))
