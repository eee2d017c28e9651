"""Record what came of asking a source: articles, pace, faults, moves, and alerts about its health."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.domain import articles, polling, rhythm
from newsletter.domain.errors import InvalidInput
from newsletter.domain.polling import Refusal
from newsletter.domain.rhythm import Learned, Reading
from newsletter.feeds import links
from newsletter.feeds.fetch import Fetched
from newsletter.feeds.parse import ParsedFeed
from newsletter.ingest import health
from newsletter.ingest.polled import PollReport, PollStatus
from newsletter.runtime import ids, logs
from newsletter.store import Session, article_drafts, sources
from newsletter.store.article_drafts import UpsertReport
from newsletter.store.tables import Newsletter, Source

_log = logs.get(__name__)


@dataclass(frozen=True)
class Failure:
    """Hold why an answer cannot be used."""

    reason: str
    message: str
    retry_after: timedelta | None = None

    @property
    def is_missing(self) -> bool:
        """Say whether the document is not to be had, rather than its server troubled."""
        return self.reason in {Refusal.NOT_FOUND, Refusal.FORBIDDEN}

    @property
    def is_final(self) -> bool:
        """Say whether the source is not to be asked again."""
        return self.reason == Refusal.GONE


def record_answer(
    session: Session, source: Source, fetched: Fetched, feed: ParsedFeed | None, *, now: datetime
) -> PollReport:
    """Keep what a source brought and say when it is asked again; ``feed`` None: it has not changed."""
    if feed is None:
        _finish(session, source, fetched, now=now)
        return PollReport(source_id=source.id, status=PollStatus.NOT_MODIFIED)
    is_first = source.first_import_at is None
    kept = _keep(session, source, feed, is_first=is_first, now=now)
    sources.record_reading(
        source,
        now=now,
        title=feed.title,
        etag=fetched.etag,
        last_modified=fetched.last_modified,
        skipped=feed.skipped,
        floor=feed.head.floor,
        skip_hours=feed.head.skip_hours,
    )
    sources.note_hub(source, *hub_of(fetched, feed))
    _learn(session, source, feed, kept, is_first=is_first, now=now)
    _finish(session, source, fetched, now=now)
    return PollReport(
        source_id=source.id,
        status=PollStatus.READ,
        new=kept.new,
        updated=kept.updated,
        unchanged=kept.unchanged,
        skipped=feed.skipped,
        is_backlog=is_first and not source.include_existing,
    )


def record_failure(session: Session, source: Source, failure: Failure, *, now: datetime) -> PollReport:
    """Record why a source cannot be read and say when it is asked again."""
    wait = polling.wait_after_failure(
        timedelta(seconds=source.interval_seconds),
        failures=source.failure_count + 1,
        is_missing=failure.is_missing,
        retry_after=failure.retry_after,
        jitter=ids.jitter(),
    )
    sources.record_failure(
        source,
        reason=failure.reason,
        text=failure.message,
        now=now,
        next_poll_at=now + wait,
        stop=failure.is_final,
    )
    health.after_failure(session, source, now=now)
    status = PollStatus.STOPPED if failure.is_final else PollStatus.FAILED
    return PollReport(source_id=source.id, status=status, reason=failure.reason, message=failure.message)


def _keep(
    session: Session, source: Source, feed: ParsedFeed, *, is_first: bool, now: datetime
) -> UpsertReport:
    return article_drafts.upsert(
        session,
        feed.items,
        source=source,
        newsletter=session.get_one(Newsletter, source.newsletter_id),
        now=now,
        backlog=is_first and not source.include_existing,
        keep_old=is_first and source.include_existing,
    )


def _learn(
    session: Session, source: Source, feed: ParsedFeed, kept: UpsertReport, *, is_first: bool, now: datetime
) -> None:
    """Learn the rhythm of a source from what it brought."""
    if is_first:
        dates = [item.published_at for item in feed.items if item.published_at and item.published_at <= now]
        learned = Learned(rhythm=rhythm.seed(dates))
    else:
        elapsed = now - source.last_new_at if source.last_new_at else None
        reading = Reading(count=len(feed.items), new=kept.new, elapsed=elapsed)
        interval = timedelta(seconds=source.interval_seconds)
        learned = rhythm.learn(sources.learned(source), reading, interval=interval)
        if reading.is_loss:
            source.lost_count += 1
            health.after_loss(session, source, now=now)
        elif kept.new:
            health.after_new(session, source, now=now)
    sources.set_learned(source, learned)
    if kept.new:
        source.last_new_at = now


def _finish(session: Session, source: Source, fetched: Fetched, *, now: datetime) -> None:
    """Record an answer that could be used."""
    pace = sources.learned(source).pace or timedelta(seconds=source.interval_seconds)
    # Where whole windows are missed, a feed's wish to be asked rarely is a mistake.
    is_losing = pace < timedelta(seconds=source.interval_seconds) / rhythm.SPREAD
    floor = timedelta() if is_losing else timedelta(seconds=source.floor_seconds or 0)
    wait = polling.wait_after_success(
        pace, cache_control=fetched.cache_control, floor=floor, jitter=ids.jitter()
    )
    _move(session, source, fetched.permanent_url, now=now)
    next_poll_at = polling.after_skipped_hours(now + wait, 0 if is_losing else source.skip_hours)
    sources.record_success(source, now=now, next_poll_at=next_poll_at)
    health.after_success(session, source, now=now)


def _move(session: Session, source: Source, permanent_url: str | None, *, now: datetime) -> None:
    """Follow redirects that are meant to last for good, when they have lasted."""
    address = permanent_url.partition("#")[0] if permanent_url else None
    move = polling.move(sources.move(source), address, now=now)
    if move is None or not move.is_settled(now=now):
        sources.set_move(source, move)
        return
    if sources.find(session, source.newsletter_id, move.url) is not None:
        sources.set_move(source, move)  # the newsletter reads that address already: this one stays as it is
        return
    _log.info("source moved", source_id=source.id, to=move.url)
    sources.follow(source, move)


def hub_of(fetched: Fetched, feed: ParsedFeed) -> tuple[str, str]:
    """Return the hub that a feed names and the name under which to subscribe; "" without one.

    The header's word counts before the document's (WebSub §4).
    """
    named, base = links.links_of(fetched.links), fetched.final_url
    hub = named.get("hub") or feed.head.hub
    topic = named.get("self") or feed.head.self_url or base
    if not hub:
        return "", ""
    try:
        return articles.absolute_url(hub, base=base), articles.absolute_url(topic, base=base)
    except InvalidInput:
        return "", ""
