"""Keep windows: what was decided for some readers, committed before the first byte goes out."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.domain import mailings
from newsletter.domain.mailings import PlannedMessage
from newsletter.store import driver
from newsletter.store.leases import Claim
from newsletter.store.tables import Batch, Window

_OPEN = """
INSERT INTO windows (batch_id, epoch, holder, planned_at, key_ids, plan)
VALUES (:batch, :epoch, :holder, :planned_at, :key_ids, :plan) RETURNING id
"""
_CLOSE = "UPDATE windows SET plan = NULL, closed_at = :now WHERE id = :id"


def open_window(
    session: Session,
    claim: Claim,
    messages: Sequence[PlannedMessage],
    *,
    planned_at: datetime,
    key_ids: Mapping[str, int],
) -> int:
    """Write the decisions down and return the window's id."""
    is_sqlite = driver.is_sqlite(session)
    values = {
        "batch": claim.batch_id,
        "epoch": claim.epoch,
        "holder": claim.holder,
        "planned_at": driver.instant(planned_at, is_sqlite=is_sqlite),
        "key_ids": json.dumps(dict(key_ids)),
        "plan": mailings.pack_window(messages),
    }
    with driver.cursor(session) as cursor:
        cursor.execute(driver.spelled(_OPEN, is_sqlite=is_sqlite), values)
        window_id: int = cursor.fetchone()[0]
    return window_id


def close(session: Session, window_id: int, *, now: datetime) -> None:
    """Forget the decisions: each has a result now."""
    is_sqlite = driver.is_sqlite(session)
    values = {"id": window_id, "now": driver.instant(now, is_sqlite=is_sqlite)}
    with driver.cursor(session) as cursor:
        cursor.execute(driver.spelled(_CLOSE, is_sqlite=is_sqlite), values)


def lock_open(session: Session, window_id: int) -> bool:
    """Say whether a window has no account yet; until the transaction ends nobody else can give one."""
    found = session.scalar(
        select(Window.id).where(Window.id == window_id, Window.closed_at.is_(None)).with_for_update()
    )
    return found is not None


def left_open(session: Session, claim: Claim) -> list[tuple[Window, int]]:
    """Return the windows of a claimed bucket that earlier holders left open, locked, each with its mailing."""
    rows = session.execute(
        select(Window, Batch.mailing_id)
        .join(Batch, Batch.id == Window.batch_id)
        .where(Batch.bucket == claim.bucket, Window.closed_at.is_(None), Window.epoch < claim.epoch)
        .order_by(Window.id)
        .with_for_update(of=Window)
    )
    return [(window, mailing_id) for window, mailing_id in rows]


def get_many(session: Session, window_ids: Collection[int]) -> dict[int, Window]:
    """Return windows by id."""
    return {w.id: w for w in session.scalars(select(Window).where(Window.id.in_(window_ids)))}


def has_open(session: Session, holder: str) -> bool:
    """Say whether a worker's window has no account yet."""
    found = session.scalar(
        select(Window.id).where(Window.holder == holder, Window.closed_at.is_(None)).limit(1)
    )
    return found is not None
