"""Remember which signed webhooks were carried out, so that a repetition gets the same answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast  # answers are JSON objects; row counts need a cursor's type

from sqlalchemy import CursorResult, delete, select, update
from sqlalchemy.orm import Session

from newsletter.domain.webhooks import REMEMBERED
from newsletter.store import inserts
from newsletter.store.tables import HookDelivery


def claim(session: Session, hook: str, delivery_id: str, *, now: datetime) -> bool:
    """Take a delivery; False when it was carried out already.

    Of two that come at once, the second waits until the first one's transaction ends.
    """
    _forget(session, hook, delivery_id, before=now - REMEMBERED)
    row = {"hook": hook, "delivery_id": delivery_id, "received_at": now, "response": {}}
    return bool(inserts.missing(session, HookDelivery, [row], returning=HookDelivery.delivery_id))


def answer(session: Session, hook: str, delivery_id: str, response: dict[str, Any]) -> None:
    """Keep the answer of a delivery that was carried out."""
    session.execute(
        update(HookDelivery)
        .where(HookDelivery.hook == hook, HookDelivery.delivery_id == delivery_id)
        .values(response=response)
        .execution_options(synchronize_session=False)
    )


def answered(session: Session, hook: str, delivery_id: str) -> dict[str, Any]:
    """Return the answer that a delivery got."""
    response: dict[str, Any] = session.scalars(
        select(HookDelivery.response).where(
            HookDelivery.hook == hook, HookDelivery.delivery_id == delivery_id
        )
    ).one()
    return response


def forget(session: Session, *, now: datetime) -> int:
    """Delete the deliveries that nobody can repeat any more; return how many."""
    result = session.execute(delete(HookDelivery).where(HookDelivery.received_at < now - REMEMBERED))
    return cast("CursorResult[object]", result).rowcount


def _forget(session: Session, hook: str, delivery_id: str, *, before: datetime) -> None:
    session.execute(
        delete(HookDelivery).where(
            HookDelivery.hook == hook,
            HookDelivery.delivery_id == delivery_id,
            HookDelivery.received_at < before,
        )
    )
