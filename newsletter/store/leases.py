"""Lease buckets: one worker and one mailing at a time, over the whole installation.

Lease times are the database's clock; an epoch that grows with every claim fences off whoever held it before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple  # Any: expressions and rows of SQL

from sqlalchemy import ColumnElement, Interval, case, func, literal, or_, select, update
from sqlalchemy.orm import Session

from newsletter.domain.errors import StaleLease
from newsletter.domain.mailings import Lane
from newsletter.store import driver, inserts
from newsletter.store.session import now_of
from newsletter.store.tables import BucketLease, Mailing

_LOOK_AT = (
    64  # batches looked at in one claim: others may be claiming the same ones, and thin ones go together
)

# What wants work: a running mailing's batch when it is due; a cancelled mailing's until each reader has a result.
# Nobody is written to before the whole audience is frozen, which makes the issue mailed. The first two conditions
# follow from the others and are those of the indices over what is open: a few among all that ever were.
_WANTED = """
FROM mailings m {unfinished} JOIN issues i ON i.id = m.issue_id JOIN batches b {open} ON b.mailing_id = m.id
  LEFT JOIN bucket_leases l ON l.bucket = b.bucket
WHERE m.finished_at IS NULL AND (b.status = 'pending' OR b.retry_at IS NOT NULL) AND m.lane > :above
  AND (m.status = 'cancelled' OR m.status = 'running' AND i.status = 'mailed'
    AND (b.status = 'pending' AND b.due_at <= :now OR b.retry_at <= :now))
"""
_FREE = "l.bucket IS NULL OR l.batch_id IS NULL OR l.expires_at <= {clock}"
_HELD_BELOW = (
    "(SELECT h.lane FROM batches t JOIN mailings h ON h.id = t.mailing_id WHERE t.id = l.batch_id) <= :above"
)
_COUNT = f"SELECT count(*) {_WANTED}"
_URGENT = f"SELECT b.id {_WANTED} AND ({_FREE} OR {_HELD_BELOW}) LIMIT 1"
_CANDIDATES = f"""
SELECT b.id, b.mailing_id, b.bucket, l.epoch, b.planned_count {_WANTED} AND ({_FREE})
ORDER BY m.lane DESC, b.due_at, b.id LIMIT {_LOOK_AT}
"""
_RENEW = """
UPDATE bucket_leases l SET expires_at = clock_timestamp() + :ahead
FROM unnest(CAST(:buckets AS int[]), CAST(:epochs AS int[])) AS c (bucket, epoch)
WHERE l.bucket = c.bucket AND l.epoch = c.epoch AND l.holder = :holder RETURNING l.bucket
"""
_RENEW_ON_SQLITE = """
UPDATE bucket_leases SET expires_at = strftime('%Y-%m-%d %H:%M:%f000', 'now', :ahead)
WHERE bucket IN (SELECT value FROM json_each(:buckets)) AND holder = :holder AND (bucket, epoch) IN (
  SELECT b.value, e.value FROM json_each(:buckets) b JOIN json_each(:epochs) e ON e.key = b.key
) RETURNING bucket
"""
_RELEASE = """
UPDATE bucket_leases SET expires_at = {clock}, batch_id = NULL
WHERE bucket = :bucket AND epoch = :epoch AND holder = :holder
"""
_PARTS_OF_POSTGRESQL = {"unfinished": "", "open": "", "clock": "clock_timestamp()"}
_PARTS_OF_SQLITE = {  # its planner knows little of partial indices
    "unfinished": "INDEXED BY ix_mailings_unfinished",
    "open": "INDEXED BY ix_batches_open",
    "clock": "strftime('%Y-%m-%d %H:%M:%f000', 'now')",
}


class _Candidate(NamedTuple):
    """A batch to claim; ``epoch`` is that of the bucket's lease, None when it never had one."""

    batch_id: int
    mailing_id: int
    bucket: int
    epoch: int | None
    planned_count: int


@dataclass(frozen=True)
class Claim:
    """Hold the right to work on one batch, until another epoch begins."""

    batch_id: int
    mailing_id: int
    bucket: int
    epoch: int
    holder: str


def claim(
    session: Session, *, holder: str, lease: timedelta, now: datetime, above: Lane | None = None
) -> Claim | None:
    """Take a batch that wants work and whose bucket is free; None when there is none.

    Higher lanes go first; ``above`` leaves only those above it. ``now`` says what is due; the database's clock says
    which leases have expired.
    """
    taken = claim_some(session, holder=holder, lease=lease, now=now, reader_count=1, above=above)
    return taken[0] if taken else None


def claim_some(
    session: Session,
    *,
    holder: str,
    lease: timedelta,
    now: datetime,
    reader_count: int = 2048,
    above: Lane | None = None,
) -> list[Claim]:
    """Take batches of one mailing that have about ``reader_count`` planned readers together, at least one batch.

    A thin audience has few readers in a bucket, and a claim costs the same for few as for many.
    """
    candidates = [_Candidate(*row) for row in _ask(session, _CANDIDATES, now=now, above=above)]
    while candidates:
        together = _together(candidates, reader_count)
        taken = _take(session, together, holder=holder, lease=lease)
        if taken:
            return taken
        candidates = [candidate for candidate in candidates if candidate not in together]
    return []


def renew(session: Session, claim: Claim, *, lease: timedelta) -> None:
    """Extend a lease; raise StaleLease when another epoch has begun."""
    if renew_many(session, [claim], lease=lease):
        raise StaleLease(f"The lease on bucket {claim.bucket} has passed to another worker.")


def renew_many(session: Session, claims: Sequence[Claim], *, lease: timedelta) -> set[int]:
    """Extend the leases of one worker's claims; return the batches whose bucket another epoch has."""
    if not claims:
        return set()
    is_sqlite = driver.is_sqlite(session)
    values = {
        "ahead": _ahead(lease) if is_sqlite else lease,
        "buckets": driver.numbers((claim.bucket for claim in claims), is_sqlite=is_sqlite),
        "epochs": driver.numbers((claim.epoch for claim in claims), is_sqlite=is_sqlite),
        "holder": claims[0].holder,
    }
    with driver.cursor(session) as cursor:
        cursor.execute(driver.spelled(_RENEW_ON_SQLITE if is_sqlite else _RENEW, is_sqlite=is_sqlite), values)
        kept = {bucket for (bucket,) in cursor.fetchall()}
    return {claim.batch_id for claim in claims if claim.bucket not in kept}


def release(session: Session, claim: Claim) -> None:
    """Give a bucket back; harmless when another worker has it by now."""
    is_sqlite = driver.is_sqlite(session)
    statement = _RELEASE.format(**(_PARTS_OF_SQLITE if is_sqlite else _PARTS_OF_POSTGRESQL))
    values = {"bucket": claim.bucket, "epoch": claim.epoch, "holder": claim.holder}
    with driver.cursor(session) as cursor:
        cursor.execute(driver.spelled(statement, is_sqlite=is_sqlite), values)


def urgent_is_due(session: Session, *, lane: Lane, now: datetime) -> bool:
    """Say whether a batch in a lane above this one wants work that nobody in its own lane is doing.

    A bucket that a mailing of this lane holds does not count as taken: its worker is about to give it back. It is
    asked four times a second, and nearly always there is no such mailing.
    """
    found = select(Mailing.id).where(Mailing.finished_at.is_(None), Mailing.lane > lane).limit(1)
    return session.scalar(found) is not None and bool(_ask(session, _URGENT, now=now, above=lane))


def waiting_count(session: Session, *, now: datetime) -> int:
    """Count the batches that want work now, leased or not."""
    count: int = _ask(session, _COUNT, now=now, above=None)[0][0]
    return count


def _ask(session: Session, statement: str, *, now: datetime, above: Lane | None) -> list[tuple[Any, ...]]:
    is_sqlite = driver.is_sqlite(session)
    values = {"now": driver.instant(now, is_sqlite=is_sqlite), "above": -1 if above is None else above.value}
    parts = _PARTS_OF_SQLITE if is_sqlite else _PARTS_OF_POSTGRESQL
    with driver.cursor(session) as cursor:
        cursor.execute(driver.spelled(statement, is_sqlite=is_sqlite).format(**parts), values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _together(candidates: Sequence[_Candidate], reader_count: int) -> list[_Candidate]:
    """Return the first candidates of the first one's mailing that have about that many readers, each bucket once."""
    together = [candidates[0]]
    buckets = {candidates[0].bucket}
    left = reader_count - candidates[0].planned_count
    for candidate in candidates[1:]:
        is_fitting = candidate.mailing_id == candidates[0].mailing_id and candidate.planned_count <= left
        if is_fitting and candidate.bucket not in buckets:
            together.append(candidate)
            buckets.add(candidate.bucket)
            left -= candidate.planned_count
    return together


def _take(
    session: Session, candidates: Sequence[_Candidate], *, holder: str, lease: timedelta
) -> list[Claim]:
    """Take the buckets that nobody else has taken meanwhile.

    New leases are made in the order of the buckets, and rows that others are just changing are passed over: so two
    workers never wait for each other in a ring.
    """
    epochs = _insert(session, candidates, holder=holder, lease=lease)
    known = [candidate for candidate in candidates if candidate.epoch is not None]
    if known:
        epochs |= _raise_epochs(session, known, holder=holder, lease=lease)
    return [
        Claim(candidate.batch_id, candidate.mailing_id, candidate.bucket, epochs[candidate.bucket], holder)
        for candidate in candidates
        if candidate.bucket in epochs
    ]


def _insert(
    session: Session, candidates: Sequence[_Candidate], *, holder: str, lease: timedelta
) -> dict[int, int]:
    """Make the leases of buckets that never had one; return the epochs of those that are ours."""
    rows = [
        {"bucket": candidate.bucket, "batch_id": candidate.batch_id, "epoch": 1, "holder": holder}
        for candidate in sorted(candidates, key=lambda candidate: candidate.bucket)
        if candidate.epoch is None
    ]
    if not rows:
        return {}
    expires_at = now_of(session) + lease
    made = inserts.missing(
        session,
        BucketLease,
        [{**row, "expires_at": expires_at} for row in rows],
        returning=BucketLease.bucket,
    )
    return dict.fromkeys(made, 1)


def _raise_epochs(
    session: Session, candidates: Sequence[_Candidate], *, holder: str, lease: timedelta
) -> dict[int, int]:
    """Begin new epochs of buckets that are still free; return those that are ours."""
    batches = {candidate.bucket: candidate.batch_id for candidate in candidates}
    free = (
        select(BucketLease.bucket)
        .where(BucketLease.bucket.in_(batches), _is_free(session))
        .with_for_update(skip_locked=True)
    )
    taken = session.execute(
        update(BucketLease)
        .where(BucketLease.bucket.in_(free))
        .values(
            batch_id=case(batches, value=BucketLease.bucket),
            epoch=BucketLease.epoch + 1,
            holder=holder,
            expires_at=_clock(session, lease),
        )
        .returning(BucketLease.bucket, BucketLease.epoch)
        .execution_options(synchronize_session=False)
    )
    return {row.bucket: row.epoch for row in taken}


def _is_free(session: Session) -> ColumnElement[bool]:
    return or_(BucketLease.batch_id.is_(None), BucketLease.expires_at <= _clock(session))


def _clock(session: Session, ahead: timedelta = timedelta()) -> ColumnElement[Any]:
    """Return the database's own clock, or an instant ahead of it, as every statement that compares leases sees it."""
    if driver.is_sqlite(session):  # as the column type writes it
        return func.strftime("%Y-%m-%d %H:%M:%f000", "now", _ahead(ahead))
    return func.clock_timestamp() + literal(ahead, Interval)


def _ahead(lease: timedelta) -> str:
    """Return a time as SQLite's functions of dates want it."""
    return f"{lease.total_seconds():+.3f} seconds"
