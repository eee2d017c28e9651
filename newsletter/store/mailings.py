"""Keep mailings and their batches: who is planned to get an issue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast  # row counts need a cursor's type

from sqlalchemy import Boolean, ColumnElement, CursorResult, case, func, literal_column, select, union, update
from sqlalchemy.orm import Session

from newsletter.domain import mailings
from newsletter.domain.errors import NotFound
from newsletter.domain.issues import IssueKind, IssueStatus
from newsletter.domain.mailings import BatchStatus, Lane, MailingKind, MailingStatus
from newsletter.store import inserts
from newsletter.store.tables import Batch, Issue, Mailing

# Word for word the condition of the index over open batches, which are few among all that ever were.
IS_OPEN: ColumnElement[bool] = literal_column(
    "(batches.status = 'pending' OR batches.retry_at IS NOT NULL)", Boolean
)


@dataclass(frozen=True)
class Earlier:
    """Hold what reading histories needs of another mailing; ``missed`` are what it told once more."""

    mailing_id: int
    newsletter_id: int
    highest: int
    cut_off_at: datetime
    kind: IssueKind
    missed: bytes | None = None


def start(
    session: Session,
    issue: Issue,
    *,
    highest: int,
    now: datetime,
    expires_at: datetime,
    lane: Lane = Lane.BULK,
    kind: MailingKind = MailingKind.MAIN,
    missed: bytes = b"",
    test_until: datetime | None = None,
) -> Mailing:
    """Return the mailing of an issue; make it when it is not there.

    ``missed`` are picks that are told once more; ``test_until``: subjects are tested until then.
    """
    row = {
        "issue_id": issue.id,
        "newsletter_id": issue.newsletter_id,
        "kind": kind,
        "status": MailingStatus.RUNNING,
        "lane": lane,
        "highest": highest,
        "started_at": now,
        "expires_at": expires_at,
        "missed": missed or None,
        "test_until": test_until,
    }
    inserts.missing(session, Mailing, [row], returning=Mailing.id)
    return session.scalars(select(Mailing).where(Mailing.issue_id == issue.id, Mailing.kind == kind)).one()


def get(session: Session, mailing_id: int) -> Mailing:
    """Return one mailing; raise NotFound."""
    found = find(session, mailing_id)
    if found is None:
        raise NotFound(f"There is no mailing {mailing_id}.", reason="unknown_mailing")
    return found


def find(session: Session, mailing_id: int) -> Mailing | None:
    """Return one mailing, if there is such a one."""
    return session.get(Mailing, mailing_id, populate_existing=True)


def of_issue(session: Session, issue_id: int, *, kind: MailingKind = MailingKind.MAIN) -> Mailing | None:
    """Return the main mailing of an issue, or that of another kind; None when there is none (yet)."""
    return session.scalars(
        select(Mailing)
        .where(Mailing.issue_id == issue_id, Mailing.kind == kind)
        .execution_options(populate_existing=True)
    ).one_or_none()


def status(session: Session, mailing_id: int) -> MailingStatus:
    """Return where a mailing stands."""
    return session.scalars(select(Mailing.status).where(Mailing.id == mailing_id)).one()


def move(session: Session, mailing: Mailing, target: MailingStatus) -> None:
    """Move a mailing in one conditional statement; raise Conflict when it may not, or has just moved."""
    current = mailing.status
    mailings.move_mailing(current, target)
    result = session.execute(
        update(Mailing)
        .where(Mailing.id == mailing.id, Mailing.status == current)
        .values(status=target)
        .execution_options(synchronize_session=False)
    )
    if cast("CursorResult[object]", result).rowcount != 1:
        session.refresh(mailing)
        mailings.move_mailing(mailing.status, target)
        move(session, mailing, target)
    session.refresh(mailing)


def lock(session: Session, mailing_id: int) -> None:
    """Keep others who lock this mailing waiting until the transaction ends."""
    session.execute(select(Mailing.id).where(Mailing.id == mailing_id).with_for_update())


def started_since(session: Session, instant: datetime) -> dict[int, datetime]:
    """Return when mailings began, those since an instant, by id."""
    rows = session.execute(
        select(Mailing.id, Mailing.started_at).where(Mailing.started_at > instant).order_by(Mailing.id)
    )
    return {row.id: row.started_at for row in rows}


def note_fault(session: Session, mailing_id: int, fault: str | None) -> None:
    """Say why nothing goes out just now; None: it does."""
    session.execute(
        update(Mailing)
        .where(Mailing.id == mailing_id, Mailing.fault.is_distinct_from(fault))
        .values(fault=fault)
        .execution_options(synchronize_session=False)
    )


def last_bucket(session: Session, mailing_id: int) -> int:
    """Return the last bucket that has a batch; -1 when there is none yet."""
    found = session.scalar(select(func.max(Batch.bucket)).where(Batch.mailing_id == mailing_id))
    return -1 if found is None else found


def add_batches(
    session: Session,
    mailing_id: int,
    readers: Mapping[int, Sequence[int]],
    *,
    due_at: datetime,
    wave: int = 0,
) -> None:
    """Freeze the audience of some buckets; a batch that is there already stays as it is."""
    rows = [
        {
            "mailing_id": mailing_id,
            "wave": wave,
            "bucket": bucket,
            "status": BatchStatus.PENDING,
            "due_at": due_at,
            "planned": mailings.bitmap(ids, bucket),
            "planned_count": len(ids),
        }
        for bucket, ids in readers.items()
    ]
    inserts.missing(session, Batch, rows, returning=Batch.id)


def places(session: Session, mailing_id: int) -> list[tuple[int, int, int]]:
    """Return id, wave and bucket of a mailing's batches."""
    rows = session.execute(select(Batch.id, Batch.wave, Batch.bucket).where(Batch.mailing_id == mailing_id))
    return [(row.id, row.wave, row.bucket) for row in rows]


def set_due(session: Session, due: Mapping[int, datetime]) -> None:
    """Say, by id, when batches are due."""
    session.execute(update(Batch), [{"id": batch_id, "due_at": at} for batch_id, at in due.items()])


def get_batch(session: Session, batch_id: int) -> Batch:
    """Return one batch."""
    return session.scalars(
        select(Batch).where(Batch.id == batch_id).execution_options(populate_existing=True)
    ).one()


def batches(session: Session, mailing_id: int) -> list[Batch]:
    """Return all batches of a mailing."""
    return list(
        session.scalars(
            select(Batch)
            .where(Batch.mailing_id == mailing_id)
            .order_by(Batch.bucket, Batch.wave)
            .execution_options(populate_existing=True)
        )
    )


def planned_count(session: Session, mailing_id: int) -> int:
    """Count the planned readers of a mailing."""
    return session.scalar(select(func.sum(Batch.planned_count)).where(Batch.mailing_id == mailing_id)) or 0


def settle_batch(
    session: Session,
    batch_id: int,
    *,
    status: BatchStatus,
    retry_at: datetime | None,
    due_at: datetime | None = None,
) -> None:
    """Say whether every planned reader has a result, and when the batch wants attention again."""
    values: dict[str, object] = {"status": status, "retry_at": retry_at}
    if due_at is not None:
        values["due_at"] = due_at
    session.execute(
        update(Batch).where(Batch.id == batch_id).values(values).execution_options(synchronize_session=False)
    )


def put_off(session: Session, batch_id: int, *, until: datetime) -> None:
    """Keep everybody off a batch for a while."""
    retry_at = case((Batch.retry_at < until, until), else_=Batch.retry_at)
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id)
        .values(due_at=until, retry_at=retry_at)
        .execution_options(synchronize_session=False)
    )


def earlier(
    session: Session, newsletter_id: int, *, other_than: int, lowest_number: int, since: datetime
) -> list[Earlier]:
    """Return the mailings that may hold an article from ``lowest_number`` on, or are the newsletter's since ``since``.

    Of all newsletters, because nobody gets an article twice; not only those before this one: a slow batch of an older
    mailing runs after a newer mailing.
    """
    others = select(Mailing.id).where(Mailing.id != other_than)
    # Two look-ups by index, of which an OR would make a walk through all mailings that ever were.
    own = others.where(Mailing.newsletter_id == newsletter_id, Mailing.started_at >= since)
    wanted = union(others.where(Mailing.highest >= lowest_number), own)
    rows = session.execute(
        select(
            Mailing.id,
            Mailing.newsletter_id,
            Mailing.highest,
            Issue.cut_off_at,
            Issue.kind,
            Mailing.missed,
        )
        .join(Issue, Issue.id == Mailing.issue_id)
        .where(Mailing.id.in_(wanted))
    )
    return [Earlier(*row) for row in rows]


def is_superseded(session: Session, mailing: Mailing) -> bool:
    """Say whether a later issue of the newsletter is on its way in the same lane: a digest is stale by then.

    What goes to those who come later (first digests) takes nobody's place and keeps its own; what was cancelled takes
    none either.
    """
    if mailing.kind is MailingKind.FIRST:
        return False
    later = select(Mailing.id).join(Issue).where(*_beside(mailing), Mailing.started_at > mailing.started_at)
    return session.scalar(later.limit(1)) is not None


def other_cut_offs(session: Session, mailing: Mailing) -> list[datetime]:
    """Return the cut-offs, later than that of a mailing, of other issues on their way; none for first digests."""
    if mailing.kind is MailingKind.FIRST:
        return []
    own = select(Issue.cut_off_at).where(Issue.id == mailing.issue_id).scalar_subquery()
    later = select(Issue.cut_off_at).join(Mailing).where(*_beside(mailing), Issue.cut_off_at > own)
    return list(session.scalars(later))


def _beside(mailing: Mailing) -> list[ColumnElement[bool]]:
    """Return what picks the mailings of other issues that have reached everybody they are for, in the same lane."""
    return [
        Mailing.newsletter_id == mailing.newsletter_id,
        Mailing.issue_id != mailing.issue_id,
        Mailing.lane == mailing.lane,
        Mailing.kind == MailingKind.MAIN,
        Mailing.status != MailingStatus.CANCELLED,
        Issue.status == IssueStatus.MAILED,
    ]


def finish(session: Session, mailing_id: int, *, now: datetime) -> bool:
    """Close a mailing whose batches are all settled; False while one is not.

    Two workers that settle the last two batches at once do not see each other's, and somebody may just be adding
    readers; so the sweep asks again.
    """
    ours = select(Mailing.id).where(Mailing.id == mailing_id).with_for_update(skip_locked=True)
    if session.scalar(ours) is None:
        return False
    is_open = select(Batch.id).where(Batch.mailing_id == mailing_id, IS_OPEN)
    is_expanded = (
        select(Issue.id)
        .join(Mailing)
        .where(Mailing.id == mailing_id, Issue.status.in_((IssueStatus.MAILED, IssueStatus.CANCELLED)))
    )
    done = session.execute(
        update(Mailing)
        .where(
            Mailing.id == mailing_id,
            Mailing.status != MailingStatus.PAUSED,
            Mailing.finished_at.is_(None),
            ~is_open.exists(),
            is_expanded.exists(),
        )
        .values(finished_at=now)
        .execution_options(synchronize_session=False)
    )
    if cast("CursorResult[object]", done).rowcount != 1:
        return False
    session.execute(
        update(Mailing)
        .where(Mailing.id == mailing_id, Mailing.status == MailingStatus.RUNNING)
        .values(status=MailingStatus.DONE)
        .execution_options(synchronize_session=False)
    )
    return True


def extend(session: Session, mailing_id: int, *, expires_at: datetime) -> None:
    """Let a mailing that takes readers in go on, also a finished one; one that is cancelled or paused stays so."""
    session.execute(
        update(Mailing)
        .where(Mailing.id == mailing_id, Mailing.status.in_((MailingStatus.RUNNING, MailingStatus.DONE)))
        .values(status=MailingStatus.RUNNING, finished_at=None, expires_at=expires_at)
        .execution_options(synchronize_session=False)
    )


def last_due(session: Session, mailing_id: int) -> datetime | None:
    """Return when the last batch of a mailing is due."""
    return session.scalar(select(func.max(Batch.due_at)).where(Batch.mailing_id == mailing_id))


def set_expiry(session: Session, mailing_id: int, expires_at: datetime) -> None:
    """Say from when on nobody is written to any more."""
    session.execute(
        update(Mailing)
        .where(Mailing.id == mailing_id)
        .values(expires_at=expires_at)
        .execution_options(synchronize_session=False)
    )


def unfinished(session: Session) -> list[Mailing]:
    """Return the mailings that are not finished, oldest first."""
    return list(session.scalars(select(Mailing).where(Mailing.finished_at.is_(None)).order_by(Mailing.id)))
