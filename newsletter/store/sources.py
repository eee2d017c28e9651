"""Keep sources: which feeds are read, when they are due, and how they fare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from newsletter.domain.polling import Move
from newsletter.domain.rhythm import Learned
from newsletter.store.tables import Newsletter, Source, SourceStatus

_TITLE_MAX = 300
_TEXT_MAX = 500
_SECONDS_MAX = 10**9
_FORMER_KEPT = 5  # addresses by which files may still name a source
_VALIDATOR_MAX = {"etag": 500, "last_modified": 100}


@dataclass(frozen=True)
class Claim:
    """Hold a source that one worker asks; what it may record depends on ``lease_until``."""

    source_id: int
    newsletter_id: int
    url: str
    etag: str | None
    last_modified: str | None
    lease_until: datetime


def add(
    session: Session,
    newsletter: Newsletter,
    url: str,
    *,
    include_existing: bool,
    interval: timedelta,
    importance: int = 0,
    now: datetime,
) -> Source:
    """Add a source that is due at once."""
    source = Source(
        newsletter_id=newsletter.id,
        url=url,
        include_existing=include_existing,
        interval_seconds=int(interval.total_seconds()),
        importance=importance,
        next_poll_at=now,
        created_at=now,
    )
    session.add(source)
    session.flush()
    return source


def get(session: Session, source_id: int) -> Source | None:
    """Return a source by its id."""
    return session.get(Source, source_id)


def find(session: Session, newsletter_id: int, url: str) -> Source | None:
    """Return the source of a newsletter with this address."""
    return session.scalar(select(Source).where(Source.newsletter_id == newsletter_id, Source.url == url))


def listing(session: Session, newsletter_id: int | None = None, *, text: str = "") -> list[Source]:
    """Return sources by id, of one newsletter or all, whose title or address holds ``text``."""
    query = select(Source).order_by(Source.id)
    if newsletter_id is not None:
        query = query.where(Source.newsletter_id == newsletter_id)
    if text:
        query = query.where(
            or_(Source.title.icontains(text, autoescape=True), Source.url.icontains(text, autoescape=True))
        )
    return list(session.scalars(query))


def due(session: Session, *, now: datetime) -> list[int]:
    """Return the ids of sources to ask, the longest due first."""
    return [source_id for source_id, _ in due_addresses(session, now=now)]


def due_addresses(session: Session, *, now: datetime, limit: int = 1_000) -> list[tuple[int, str]]:
    """Return the ids and addresses of sources to ask, the longest due first."""
    query = (
        select(Source.id, Source.url)
        .where(Source.status == SourceStatus.ACTIVE, Source.next_poll_at <= now, _is_free(now))
        .order_by(Source.next_poll_at, Source.id)
        .limit(limit)
    )
    return [(row.id, row.url) for row in session.execute(query)]


def is_due(session: Session, *, now: datetime) -> bool:
    """Say whether any source is to be asked."""
    return bool(due_addresses(session, now=now, limit=1))


def claim(session: Session, source_id: int, *, now: datetime, lease: timedelta, force: bool) -> Claim | None:
    """Take a due source for this worker; None when it is not due, stopped, or taken.

    ``force`` takes an active source that is not due.
    """
    query = update(Source).where(Source.id == source_id, Source.status == SourceStatus.ACTIVE, _is_free(now))
    if not force:
        query = query.where(Source.next_poll_at <= now)
    until = now + lease
    row = session.execute(
        query.values(lease_until=until)
        .returning(Source.newsletter_id, Source.url, Source.etag, Source.last_modified)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        return None
    return Claim(source_id, row.newsletter_id, row.url, row.etag, row.last_modified, until)


def held(session: Session, claim: Claim) -> Source | None:
    """Return the claimed source, locked; None when another worker has taken it since."""
    return session.scalar(
        select(Source)
        .where(Source.id == claim.source_id, Source.lease_until == claim.lease_until)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def record_success(source: Source, *, now: datetime, next_poll_at: datetime) -> None:
    """Record an answer and give the source back."""
    source.last_poll_at = source.last_success_at = now
    source.failure_count = 0
    source.last_error = source.last_error_text = None
    source.next_poll_at = next_poll_at
    source.lease_until = None


def record_reading(
    source: Source,
    *,
    now: datetime,
    title: str,
    etag: str | None,
    last_modified: str | None,
    skipped: Iterable[str],
    floor: timedelta,
    skip_hours: int,
) -> None:
    """Record what a feed said of itself, and which items were left out, one reason each."""
    source.title = title[:_TITLE_MAX]
    source.etag = _validator("etag", etag)
    source.last_modified = _validator("last_modified", last_modified)
    source.first_import_at = source.first_import_at or now
    source.skipped = dict(Counter(skipped))
    source.floor_seconds = min(int(floor.total_seconds()), _SECONDS_MAX) or None
    source.skip_hours = skip_hours


def learned(source: Source) -> Learned:
    """Return what has been learned of a source's rhythm."""
    return Learned(rhythm=_duration(source.rhythm_seconds), pace=_duration(source.pace_seconds))


def set_learned(source: Source, learned: Learned) -> None:
    """Keep what has been learned of a source's rhythm."""
    source.rhythm_seconds = None if learned.rhythm is None else int(learned.rhythm.total_seconds())
    source.pace_seconds = None if learned.pace is None else int(learned.pace.total_seconds())


def move(source: Source) -> Move | None:
    """Return where permanent redirects lead; None where there are none."""
    if source.moved_url is None or source.moved_since is None:
        return None
    return Move(source.moved_url, source.moved_count, source.moved_since)


def set_move(source: Source, move: Move | None) -> None:
    """Keep where permanent redirects lead."""
    source.moved_url = move.url if move else None
    source.moved_count = move.count if move else 0
    source.moved_since = move.since if move else None


def follow(source: Source, move: Move) -> None:
    """Ask at the new address from now on; files that name the old one still mean this source."""
    former = [url for url in (source.url, *source.former_urls) if url != move.url]
    source.url, source.former_urls = move.url, former[:_FORMER_KEPT]
    set_move(source, None)


def note_hub(source: Source, hub: str, topic: str) -> None:
    """Keep the hub that a feed names; another one, or another name, is another subscription."""
    if (source.hub_url or "", source.hub_topic or "") == (hub, topic):
        return
    source.hub_url, source.hub_topic = hub or None, topic or None
    forget_hub(source)


def forget_hub(source: Source) -> None:
    """Forget a subscription: what its hub still says is not understood any more."""
    source.hub_token = source.hub_secret = source.hub_asked_at = source.hub_until = None


def with_hub(session: Session) -> Sequence[Source]:
    """Return the sources that name a hub."""
    return session.scalars(select(Source).where(Source.hub_url.is_not(None)).order_by(Source.id)).all()


def by_hub_token(session: Session, token: str, *, lock: bool = False) -> Source | None:
    """Return the source whose hub calls us under this token; locked when it is to be changed."""
    query = select(Source).where(Source.hub_token == token)
    return session.scalar(query.with_for_update() if lock else query)


def ask_by(session: Session, source_id: int, at: datetime) -> None:
    """Let an active source be asked at this time, if not earlier."""
    session.execute(
        update(Source)
        .where(Source.id == source_id, Source.status == SourceStatus.ACTIVE, Source.next_poll_at > at)
        .values(next_poll_at=at)
        .execution_options(synchronize_session=False)
    )


def record_failure(
    source: Source, *, reason: str, text: str, now: datetime, next_poll_at: datetime, stop: bool
) -> None:
    """Record a failure and give the source back; ``stop`` ends the polling."""
    source.last_poll_at = now
    source.failure_count += 1
    source.last_error = reason[:40]
    source.last_error_text = text[:_TEXT_MAX]
    source.next_poll_at = next_poll_at
    source.lease_until = None
    if stop:
        source.status = SourceStatus.STOPPED


def _duration(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(Source.lease_until.is_(None), Source.lease_until <= now)


def _validator(name: str, value: str | None) -> str | None:
    """Return a validator as it came; one that does not fit is not kept, because half of it is none."""
    return value if value is not None and len(value) <= _VALIDATOR_MAX[name] else None
