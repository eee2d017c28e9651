"""Keep one narrow row per reader and mailing, and a detail row for the few that need one."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from struct import Struct
from typing import Any  # bulk rows are dictionaries of column values

from sqlalchemy import bindparam, exists, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from newsletter.domain.mailings import BUCKET_SIZE, HAD, MessageStatus
from newsletter.domain.outcomes import NOT_DELIVERED, IdentifiedBy, OutcomeKind, refusal_code
from newsletter.store import driver, lists
from newsletter.store.tables import Mailing, Message, MessageDetail, Outcome, Window

# mailing_id, subscriber_id, at, code, status, picks: the columns of the table.
MessageRow = tuple[int, int, int, int, int, bytes]

_INSERT = (
    "INSERT INTO messages (mailing_id, subscriber_id, at, code, status, picks) VALUES (?, ?, ?, ?, ?, ?)"
)
_COPY = "COPY messages (mailing_id, subscriber_id, at, code, status, picks) FROM STDIN (FORMAT BINARY)"
_RECORDED = """
SELECT array_agg(subscriber_id) FROM messages
WHERE mailing_id = :mailing AND subscriber_id BETWEEN :low AND :high
"""
_RECORDED_ON_SQLITE = _RECORDED.replace("array_agg(subscriber_id)", "subscriber_id")
# What a binary COPY wants of a row: the number of columns, then each column's size and value.
_COPIED_ROW = Struct("!hiiiiiiihihi").pack
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"

_Doubt = aliased(Outcome)
_EARLY_REPORTS = (  # asked once for each batch, so it is made once
    select(Message.subscriber_id, Outcome.reply_code)
    .join(
        Outcome, (Outcome.mailing_id == Message.mailing_id) & (Outcome.subscriber_id == Message.subscriber_id)
    )
    .where(
        Outcome.mailing_id == bindparam("mailing"),
        Outcome.kind.in_(sorted(NOT_DELIVERED)),
        Outcome.identified_by != IdentifiedBy.ADDRESS,
        Outcome.is_final,
        Outcome.named_recipient.is_(None),
        Message.subscriber_id.between(bindparam("low"), bindparam("high")),
        Message.status == MessageStatus.SUBMITTED,
        ~exists().where(
            _Doubt.mailing_id == Outcome.mailing_id,
            _Doubt.subscriber_id == Outcome.subscriber_id,
            _Doubt.kind == OutcomeKind.UNCERTAIN,
        ),
    )
)


def recorded(session: Session, mailing_id: int, bucket: int) -> list[int]:
    """Return the readers of a bucket that have a result in a mailing, whatever their wave."""
    is_sqlite = driver.is_sqlite(session)
    low = bucket * BUCKET_SIZE
    values = {"mailing": mailing_id, "low": low, "high": low + BUCKET_SIZE - 1}
    statement = _RECORDED_ON_SQLITE if is_sqlite else _RECORDED
    with driver.cursor(session) as cursor:
        cursor.execute(driver.spelled(statement, is_sqlite=is_sqlite), values)
        found = cursor.fetchall()
    return [row[0] for row in found] if is_sqlite else found[0][0] or []


def append(session: Session, rows: Sequence[MessageRow]) -> list[int]:
    """Write the first results of readers; return those that have one already: it stays, and theirs is not written."""
    if not rows:
        return []
    present: set[tuple[int, int]] = set()
    _execute(session, "SAVEPOINT appending")
    try:
        _insert(session, rows)
    except IntegrityError:
        _execute(session, "ROLLBACK TO SAVEPOINT appending")
        present = _present(session, rows)
        _insert(session, [row for row in rows if row[:2] not in present])
    _execute(session, "RELEASE SAVEPOINT appending")
    return sorted(subscriber_id for _, subscriber_id in present)


def _insert(session: Session, rows: Sequence[MessageRow]) -> None:
    with driver.cursor(session) as cursor:
        if driver.is_sqlite(session):
            cursor.executemany(_INSERT, rows)
            return
        with cursor.copy(_COPY) as copy:
            copy.write(_copied(rows))


def _copied(rows: Sequence[MessageRow]) -> bytes:
    """Return rows as a binary COPY wants them."""
    pieces = [_COPY_HEAD]
    for mailing_id, subscriber_id, at, code, status, picks in rows:
        sizes_and_values = (6, 4, mailing_id, 4, subscriber_id, 4, at, 2, code, 2, status, len(picks))
        pieces.append(_COPIED_ROW(*sizes_and_values))
        pieces.append(picks)
    pieces.append(_COPY_END)
    return b"".join(pieces)


def _present(session: Session, rows: Sequence[MessageRow]) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for mailing_id in {row[0] for row in rows}:
        ids = [row[1] for row in rows if row[0] == mailing_id]
        present = session.scalars(
            select(Message.subscriber_id).where(
                Message.mailing_id == mailing_id, lists.among(session, Message.subscriber_id, ids)
            )
        )
        found.update((mailing_id, subscriber_id) for subscriber_id in present)
    return found


def _execute(session: Session, statement: str) -> None:
    with driver.cursor(session) as cursor:
        cursor.execute(statement)


def change(session: Session, mailing_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the results of further attempts: each row has subscriber_id, status and code."""
    if not rows:
        return
    session.connection().execute(
        update(Message.__table__)  # type: ignore[arg-type]  # a Table, though it is typed as a FromClause
        .where(Message.mailing_id == mailing_id, Message.subscriber_id == bindparam("of"))
        .values(status=bindparam("new_status"), code=bindparam("new_code")),
        [{"of": row["subscriber_id"], "new_status": row["status"], "new_code": row["code"]} for row in rows],
    )


def of_mailing(session: Session, mailing_id: int, subscriber_ids: Collection[int]) -> dict[int, Message]:
    """Return the message rows of some readers."""
    if not subscriber_ids:
        return {}
    rows = session.scalars(
        select(Message)
        .where(Message.mailing_id == mailing_id, Message.subscriber_id.in_(subscriber_ids))
        .execution_options(populate_existing=True)
    )
    return {row.subscriber_id: row for row in rows}


def of_subscriber(session: Session, subscriber_id: int, *, mailing_ids: Collection[int]) -> list[Message]:
    """Return the message rows of one reader in some mailings."""
    return list(
        session.scalars(
            select(Message).where(Message.mailing_id.in_(mailing_ids), Message.subscriber_id == subscriber_id)
        )
    )


def of_subscribers(
    session: Session, subscriber_ids: Collection[int], *, mailing_ids: Collection[int]
) -> list[tuple[int, int, int, MessageStatus]]:
    """Return reader, mailing, seconds since its start and status of some readers' messages in some mailings."""
    rows = session.execute(
        select(Message.subscriber_id, Message.mailing_id, Message.at, Message.status).where(
            lists.among(session, Message.mailing_id, mailing_ids),
            lists.among(session, Message.subscriber_id, subscriber_ids),
        )
    )
    return [(reader, mailing, at, status) for reader, mailing, at, status in rows]


def last_mailing(session: Session, subscriber_id: int, *, since: datetime) -> int | None:
    """Return the newest mailing since an instant of which a message went to a reader, or may have gone."""
    return session.scalar(
        select(Mailing.id)
        .join(Message, (Message.mailing_id == Mailing.id) & (Message.subscriber_id == subscriber_id))
        .where(Mailing.started_at > since, Message.status.in_((*HAD, MessageStatus.BOUNCED)))
        .order_by(Mailing.started_at.desc())
        .limit(1)
    )


def keep_details(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the details of messages that are not simply submitted; the first name and address stay."""
    if not rows:
        return
    dialect = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    statement = dialect.insert(MessageDetail)
    changing = ("next_attempt_at", "reason", "reply_code", "reply_enhanced", "reply_text")
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["mailing_id", "subscriber_id"],
            set_={name: statement.excluded[name] for name in changing}
            | {"attempt_count": MessageDetail.attempt_count + 1},
        ).execution_options(synchronize_session=False),
        list(rows),
    )


def due_details(session: Session, batch_id: int, *, now: datetime | None, limit: int) -> list[MessageDetail]:
    """Return the messages of a batch whose next attempt is due; with ``now`` None all that have one to come."""
    statement = select(MessageDetail).where(MessageDetail.batch_id == batch_id)
    if now is None:
        statement = statement.where(MessageDetail.next_attempt_at.is_not(None))
    else:
        statement = statement.where(MessageDetail.next_attempt_at <= now)
    return list(session.scalars(statement.order_by(MessageDetail.subscriber_id).limit(limit)))


def details(session: Session, mailing_id: int, subscriber_ids: Collection[int]) -> dict[int, MessageDetail]:
    """Return the detail rows of some readers."""
    if not subscriber_ids:
        return {}
    rows = session.scalars(
        select(MessageDetail)
        .where(MessageDetail.mailing_id == mailing_id, MessageDetail.subscriber_id.in_(subscriber_ids))
        .execution_options(populate_existing=True)
    )
    return {row.subscriber_id: row for row in rows}


def next_attempt(session: Session, batch_id: int) -> datetime | None:
    """Return when the next message of a batch is due again."""
    return session.scalar(
        select(func.min(MessageDetail.next_attempt_at)).where(MessageDetail.batch_id == batch_id)
    )


def stop_retries(session: Session, batch_id: int, *, code: int) -> None:
    """Withhold what is deferred in a batch, and try nothing of it again; uncertain messages stay uncertain."""
    waiting = select(MessageDetail.mailing_id, MessageDetail.subscriber_id).where(
        MessageDetail.batch_id == batch_id, MessageDetail.next_attempt_at.is_not(None)
    )
    session.execute(
        update(Message)
        .where(
            tuple_(Message.mailing_id, Message.subscriber_id).in_(waiting),
            Message.status == MessageStatus.DEFERRED,
        )
        .values(status=MessageStatus.WITHHELD, code=code)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(MessageDetail)
        .where(MessageDetail.batch_id == batch_id)
        .values(next_attempt_at=None)
        .execution_options(synchronize_session=False)
    )


def doubts_of(session: Session, holder: str) -> list[MessageDetail]:
    """Return the details of messages in doubt that a worker was the first to try."""
    return list(
        session.scalars(
            select(MessageDetail)
            .join(Window, Window.id == MessageDetail.window_id)
            .join(
                Message,
                (Message.mailing_id == MessageDetail.mailing_id)
                & (Message.subscriber_id == MessageDetail.subscriber_id),
            )
            .where(Window.holder == holder, Message.status == MessageStatus.UNCERTAIN)
        )
    )


def clear_doubt(session: Session, mailing_id: int, subscriber_id: int, *, window_id: int, code: int) -> None:
    """Make an uncertain message of a first window a submitted one: its 250 has come to light."""
    detail = session.get(MessageDetail, (mailing_id, subscriber_id), populate_existing=True)
    if detail is None or detail.window_id != window_id:
        return
    session.execute(
        update(Message)
        .where(
            Message.mailing_id == mailing_id,
            Message.subscriber_id == subscriber_id,
            Message.status == MessageStatus.UNCERTAIN,
        )
        .values(status=MessageStatus.SUBMITTED, code=code)
        .execution_options(synchronize_session=False)
    )
    detail.next_attempt_at = None


def came_back(session: Session, mailing_id: int, subscriber_id: int, *, code: int) -> None:
    """Note that a submitted message came back for good: its reader has not had it."""
    session.execute(
        update(Message)
        .where(
            Message.mailing_id == mailing_id,
            Message.subscriber_id == subscriber_id,
            Message.status == MessageStatus.SUBMITTED,
        )
        .values(status=MessageStatus.BOUNCED, code=code)
        .execution_options(synchronize_session=False)
    )


def came_back_early(session: Session, mailing_id: int, bucket: int) -> int:
    """Note which messages of a bucket came back before their results were recorded; return how many.

    A report can overtake its message's record: the next server refuses within a second, or the worker was killed. What
    was in doubt meanwhile is left out: the report may be about another copy than the one that was taken in the end.
    """
    low = bucket * BUCKET_SIZE
    rows = session.execute(
        _EARLY_REPORTS, {"mailing": mailing_id, "low": low, "high": low + BUCKET_SIZE - 1}
    ).all()
    for reader, reply_code in rows:
        came_back(session, mailing_id, reader, code=refusal_code(reply_code))
    return len(rows)


def tally(session: Session, mailing_id: int) -> Tally[tuple[int, MessageStatus, int]]:
    """Count the results of a mailing by bucket, status and code."""
    bucket = Message.subscriber_id // BUCKET_SIZE
    rows = session.execute(
        select(bucket, Message.status, Message.code, func.count())
        .where(Message.mailing_id == mailing_id)
        .group_by(bucket, Message.status, Message.code)
    )
    return Tally({(place, status, code): count for place, status, code, count in rows})


def forget(session: Session, subscriber_id: int) -> None:
    """Blank the names and addresses of one reader's messages; what became of them stays."""
    session.execute(
        update(MessageDetail)
        .where(MessageDetail.subscriber_id == subscriber_id)
        .values(address=None, name="", reply_text="")
        .execution_options(synchronize_session=False)
    )
