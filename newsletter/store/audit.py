"""Keep what people, and the service by itself, did at the desk: only ever added."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Text, cast, or_, select
from sqlalchemy.orm import Session

from newsletter.domain.editors import Actor
from newsletter.store.tables import AuditEvent

_NAME_MAX = 120  # as the column has it


def append(
    session: Session,
    actor: Actor,
    action: str,
    *,
    now: datetime,
    newsletter_id: int | None = None,
    issue_id: int | None = None,
    article_id: int | None = None,
    **detail: object,
) -> None:
    """Write down a step, in the transaction that does it; ``detail`` is what JSON can hold."""
    event = AuditEvent(
        at=now,
        by=actor.name[:_NAME_MAX],
        way=actor.way,
        action=action,
        newsletter_id=newsletter_id,
        issue_id=issue_id,
        article_id=article_id,
        detail=detail,
    )
    session.add(event)
    session.flush()


def listing(
    session: Session,
    *,
    issue_id: int | None = None,
    newsletter_ids: Collection[int] = (),
    search: str = "",
    limit: int = 50,
    before: int | None = None,
) -> Sequence[AuditEvent]:
    """Return what was done, the newest first; each word of ``search`` stands in the name, the step or its detail.

    ``newsletter_ids`` empty = of all, and what concerns none. ``before`` is the id at which the page before ended.
    """
    query = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(limit)
    if issue_id is not None:
        query = query.where(AuditEvent.issue_id == issue_id)
    if newsletter_ids:
        query = query.where(AuditEvent.newsletter_id.in_(newsletter_ids))
    if before is not None:
        query = query.where(AuditEvent.id < before)
    return session.scalars(query.where(*(_holds(word) for word in search.split()))).all()


def _holds(word: str) -> ColumnElement[bool]:
    columns = (AuditEvent.by, AuditEvent.way, AuditEvent.action)
    # JSON columns hold letters beyond ASCII escaped.
    escaped = json.dumps(word)[1:-1]
    return or_(
        *(column.icontains(word, autoescape=True) for column in columns),
        cast(AuditEvent.detail, Text).icontains(escaped, autoescape=True),
    )
