"""Queue the mails that answer one reader, such as confirmations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast  # payloads are JSON objects; row counts need a cursor's type

from sqlalchemy import ColumnElement, CursorResult, func, select, update
from sqlalchemy.orm import Session

from newsletter.domain.outcomes import SmtpReply
from newsletter.store.tables import Notice, NoticeKind, NoticeStatus, Subscriber

LEASE = timedelta(seconds=60)  # one submission; a holder that died is followed by another after it
_NOT_MAILED = (NoticeStatus.FAILED, NoticeStatus.WITHHELD)


@dataclass(frozen=True)
class Asked:
    """Say when a reader was asked to confirm which newsletters."""

    subscriber_id: int
    newsletters: frozenset[int]
    at: datetime


def add(
    session: Session,
    kind: NoticeKind,
    subscriber_id: int,
    newsletter_id: int,
    payload: dict[str, Any],
    *,
    now: datetime,
    expires_at: datetime,
) -> Notice:
    """Queue a notice that is due at once."""
    notice = Notice(kind=kind, subscriber_id=subscriber_id, newsletter_id=newsletter_id, payload=payload)
    return _queued(session, notice, now=now, expires_at=expires_at)


def add_for_desk(
    session: Session,
    kind: NoticeKind,
    address: str,
    newsletter_id: int,
    payload: dict[str, Any],
    *,
    now: datetime,
    expires_at: datetime,
) -> Notice:
    """Queue a notice to one of the publisher's own people; it is due at once."""
    notice = Notice(kind=kind, address=address, newsletter_id=newsletter_id, payload=payload)
    return _queued(session, notice, now=now, expires_at=expires_at)


def _queued(session: Session, notice: Notice, *, now: datetime, expires_at: datetime) -> Notice:
    notice.created_at = notice.next_attempt_at = now
    notice.expires_at = expires_at
    session.add(notice)
    session.flush()
    return notice


def has_had(session: Session, kind: NoticeKind, subscriber_id: int, *, since: datetime) -> bool:
    """Say whether a notice of a kind was queued for a reader since an instant."""
    found = session.scalar(
        select(Notice.id)
        .where(Notice.subscriber_id == subscriber_id, Notice.created_at > since, Notice.kind == kind)
        .limit(1)
    )
    return found is not None


def get(session: Session, notice_id: int) -> Notice | None:
    """Return one notice."""
    return session.get(Notice, notice_id)


def claim_due(session: Session, *, holder: str, now: datetime, limit: int) -> list[Notice]:
    """Take the notices that are due for one holder, oldest first, and count the attempt."""
    due = session.scalars(
        select(Notice)
        .where(*_wants_claiming(now))
        .order_by(Notice.next_attempt_at, Notice.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for notice in due:
        notice.holder = holder
        notice.lease_until = now + LEASE
        notice.attempt_count += 1
    session.flush()
    return list(due)


def keep_message(session: Session, notice_id: int, message: bytes) -> None:
    """Keep the bytes of a notice, so that every attempt has the same."""
    session.execute(
        update(Notice)
        .where(Notice.id == notice_id)
        .values(message=message)
        .execution_options(synchronize_session=False)
    )


def record_result(
    session: Session,
    notice_id: int,
    *,
    holder: str,
    status: NoticeStatus,
    now: datetime,
    reply: SmtpReply | None = None,
    next_attempt_at: datetime | None = None,
) -> bool:
    """Record what became of an attempt and give the notice back; False when another holder has it by now.

    With status DUE it is tried again at ``next_attempt_at``; with any other it is finished and its bytes go.
    """
    values: dict[str, object] = {"status": status, "holder": None, "lease_until": None}
    if reply is not None:
        values |= {"reply_code": reply.code, "reply_text": reply.text}
    if status is NoticeStatus.DUE:
        values["next_attempt_at"] = next_attempt_at or now
    else:
        values |= {"finished_at": now, "message": None}
    result = session.execute(
        update(Notice)
        .where(Notice.id == notice_id, Notice.holder == holder, Notice.status == NoticeStatus.DUE)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount == 1


def expire(session: Session, *, now: datetime) -> int:
    """Give up on the notices that could not be submitted while they meant anything; return how many."""
    result = session.execute(
        update(Notice)
        .where(Notice.status == NoticeStatus.DUE, Notice.expires_at <= now)
        .values(status=NoticeStatus.FAILED, finished_at=now, message=None, holder=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount


def withhold(session: Session, subscriber_id: int, *, now: datetime) -> int:
    """Stop the notices to one reader that have not gone out; return how many."""
    result = session.execute(
        update(Notice)
        .where(Notice.subscriber_id == subscriber_id, Notice.status == NoticeStatus.DUE)
        .values(status=NoticeStatus.WITHHELD, finished_at=now, message=None)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[object]", result).rowcount


def is_due(session: Session, *, now: datetime) -> bool:
    """Say whether a notice wants to be claimed."""
    return session.scalar(select(Notice.id).where(*_wants_claiming(now)).limit(1)) is not None


def waiting(session: Session) -> int:
    """Count the notices that have not gone out."""
    return session.scalar(select(func.count()).where(Notice.status == NoticeStatus.DUE)) or 0


def asked(session: Session, abuse_key: str) -> list[Asked]:
    """Return the confirmations asked of all readers behind one inbox; the caps keep their number small.

    Those that were never mailed do not count.
    """
    rows = session.execute(
        select(Notice.subscriber_id, Notice.payload, Notice.created_at)
        .join(Subscriber, Subscriber.id == Notice.subscriber_id)
        .where(
            Subscriber.abuse_key == abuse_key,
            Notice.kind == NoticeKind.CONFIRMATION,
            Notice.status.not_in(_NOT_MAILED),
        )
    )
    return [
        Asked(subscriber_id, frozenset(payload["newsletters"]), created_at)
        for subscriber_id, payload, created_at in rows
    ]


def _wants_claiming(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Notice.status == NoticeStatus.DUE,
        Notice.next_attempt_at <= now,
        Notice.lease_until.is_(None) | (Notice.lease_until <= now),
        Notice.expires_at > now,
    )
