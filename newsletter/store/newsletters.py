"""Keep newsletters with their topics and schedules."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from newsletter.domain.errors import NotFound
from newsletter.domain.rendered import Identity
from newsletter.store.tables import Newsletter, Schedule, Topic


def by_slug(session: Session, slug: str) -> Newsletter:
    """Return the newsletter of that name; raise NotFound."""
    found = find(session, slug)
    if found is None:
        raise NotFound(
            f"There is no newsletter {slug!r}.",
            hint="See the names with: newsletter newsletters list",
            reason="unknown_newsletter",
        )
    return found


def find(session: Session, slug: str) -> Newsletter | None:
    """Return the newsletter of that name, if there is one."""
    return session.scalar(select(Newsletter).where(Newsletter.slug == slug))


def get(session: Session, newsletter_id: int) -> Newsletter:
    """Return a newsletter by its id; raise NotFound."""
    found = session.get(Newsletter, newsletter_id)
    if found is None:
        raise NotFound(f"There is no newsletter with the id {newsletter_id}.", reason="unknown_newsletter")
    return found


def listing(session: Session, *, search: str = "") -> Sequence[Newsletter]:
    """Return newsletters whose name or slug holds ``search``, by slug."""
    query = select(Newsletter).order_by(Newsletter.slug)
    if search:
        query = query.where(
            or_(
                Newsletter.slug.icontains(search, autoescape=True),
                Newsletter.name.icontains(search, autoescape=True),
            )
        )
    return session.scalars(query).all()


def topics(session: Session, newsletter_id: int, *, with_retired: bool = False) -> Sequence[Topic]:
    """Return the topics of a newsletter, in the order in which they were added; retired ones when they are wanted."""
    query = select(Topic).where(Topic.newsletter_id == newsletter_id).order_by(Topic.number)
    return session.scalars(query if with_retired else query.where(Topic.retired_at.is_(None))).all()


def schedules(session: Session, newsletter_id: int) -> Sequence[Schedule]:
    """Return the schedules of a newsletter, the next slot first."""
    return session.scalars(
        select(Schedule)
        .where(Schedule.newsletter_id == newsletter_id)
        .order_by(Schedule.next_slot_at, Schedule.id)
    ).all()


def active_schedules(session: Session) -> Sequence[Schedule]:
    """Return the schedules that are not stopped, the next slot first."""
    return session.scalars(
        select(Schedule).where(Schedule.is_active).order_by(Schedule.next_slot_at, Schedule.id)
    ).all()


def lock_schedule(session: Session, schedule_id: int) -> Schedule | None:
    """Return an active schedule, locked until the transaction ends; None when another transaction holds it.

    On SQLite there is one writer at a time.
    """
    return session.scalar(
        select(Schedule)
        .where(Schedule.id == schedule_id, Schedule.is_active)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def identity(newsletter: Newsletter) -> Identity:
    """Return who a newsletter is from and what it looks like, as of now."""
    return Identity(
        newsletter_id=newsletter.id,
        slug=newsletter.slug,
        name=newsletter.name,
        description=newsletter.description,
        from_name=newsletter.from_name,
        from_address=newsletter.from_address,
        reply_to=newsletter.reply_to,
        postal_address=newsletter.postal_address,
        home_url=newsletter.home_url,
        privacy_url=newsletter.privacy_url,
        language=newsletter.language,
        direction=newsletter.direction,
        zone=newsletter.zone,
        accent=newsletter.accent,
        background=newsletter.background,
        logo_url=newsletter.logo_url,
    )


def get_schedule(session: Session, schedule_id: int) -> Schedule:
    """Return a schedule by its id; raise NotFound."""
    found = session.get(Schedule, schedule_id)
    if found is None:
        raise NotFound(f"There is no schedule {schedule_id}.", reason="unknown_schedule")
    return found
