"""Keep windows: what was decided for some readers, committed before the first byte goes out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.domain import mailings
from newsletter.domain.mailings import PlannedMessage
from newsletter.store.leases import Claim
from newsletter.store.tables import Batch, Window


def open_window(
    session: Session,
    claim: Claim,
    messages: Sequence[PlannedMessage],
    *,
    planned_at: datetime,
    key_ids: Mapping[str, int],
) -> int:
    """Write the decisions down and return the window's id."""
    window = Window(
        batch_id=claim.batch_id,
        epoch=claim.epoch,
        planned_at=planned_at,
        key_ids=dict(key_ids),
        plan=mailings.pack_window(messages),
    )
    session.add(window)
    session.flush()
    return window.id


def close(session: Session, window_id: int, *, now: datetime) -> None:
    """Forget the decisions: each has a result now."""
    session.execute(
        update(Window)
        .where(Window.id == window_id)
        .values(plan=None, closed_at=now)
        .execution_options(synchronize_session=False)
    )


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
