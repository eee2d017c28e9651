"""Keep the domains of readers and the destinations that they belong to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, desc, func, or_, select, update
from sqlalchemy.orm import Session

from newsletter.domain import destinations
from newsletter.store import lists
from newsletter.store.tables import Domain, Subscriber

TRY_AGAIN_AFTER = timedelta(days=1)  # when nobody answered for a domain
_SAMPLE = (
    50_000  # the newest readers, by which domains are ranked: counting a million takes a third of a second
)


def groups_of(session: Session, domain_ids: Collection[int]) -> dict[int, str]:
    """Return the destination group of each domain."""
    if not domain_ids:
        return {}
    rows = session.execute(
        select(Domain.id, Domain.name, Domain.mx_group).where(lists.among(session, Domain.id, domain_ids))
    )
    return {row.id: destinations.group_of_domain(row.name, row.mx_group) for row in rows}


def of_group(session: Session, group: str) -> list[int]:
    """Return the ids of the domains of a destination group."""
    return list(session.scalars(select(Domain.id).where(_is_of(group))))


def names_of_group(session: Session, group: str) -> list[str]:
    """Return the names of the domains of a destination group, the first known first."""
    return list(session.scalars(select(Domain.name).where(_is_of(group)).order_by(Domain.id)))


def group_named(session: Session, name: str) -> str:
    """Return the group that somebody means by a name: of a group, or of a reader's domain."""
    wanted = name.strip().lower()
    domain = session.scalars(select(Domain).where(Domain.name == wanted)).one_or_none()
    return destinations.group_of_domain(wanted, domain.mx_group if domain else None)


def unresolved(session: Session, *, now: datetime, limit: int) -> list[str]:
    """Return domains whose mail servers are not known, those of many readers first."""
    newest = select(Subscriber.domain_id).order_by(Subscriber.id.desc()).limit(_SAMPLE).subquery()
    readers = select(newest.c.domain_id, func.count().label("count")).group_by(newest.c.domain_id).subquery()
    return list(
        session.scalars(
            select(Domain.name)
            .outerjoin(readers, readers.c.domain_id == Domain.id)
            .where(_is_unresolved(now))
            .order_by(desc(func.coalesce(readers.c.count, 0)), Domain.id)
            .limit(limit)
        )
    )


def has_unresolved(session: Session, *, now: datetime) -> bool:
    """Say whether there are domains to ask the mail servers of."""
    return session.scalar(select(Domain.id).where(_is_unresolved(now)).limit(1)) is not None


def keep_groups(session: Session, groups: Mapping[str, str | None], *, now: datetime) -> None:
    """Write what was found of domains, by name; None: nobody answered, so what is known stays."""
    for name, group in sorted(groups.items()):
        found: dict[str, object] = {"mx_tried_at": now} | ({} if group is None else {"mx_group": group})
        session.execute(
            update(Domain)
            .where(Domain.name == name)
            .values(found)
            .execution_options(synchronize_session=False)
        )


def _is_of(group: str) -> ColumnElement[bool]:
    by_name = and_(Domain.mx_group.is_(None), Domain.name.in_(destinations.domains_of(group)))
    return or_(Domain.mx_group == group, by_name)


def _is_unresolved(now: datetime) -> ColumnElement[bool]:
    is_due = or_(Domain.mx_tried_at.is_(None), Domain.mx_tried_at < now - TRY_AGAIN_AFTER)
    return and_(Domain.mx_group.is_(None), is_due)
