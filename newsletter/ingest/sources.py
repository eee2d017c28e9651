"""Read sources: add them, ask them when they are due, and keep what they bring."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from newsletter.domain import articles as rules
from newsletter.domain import polling
from newsletter.domain.errors import Conflict, FeedError, FetchError, InvalidInput, NotFound
from newsletter.feeds.fetch import Fetched, Fetcher
from newsletter.feeds.parse import ParsedFeed, parse
from newsletter.runtime import ids, logs
from newsletter.store import Session, Transactions, article_drafts, sources
from newsletter.store.article_drafts import UpsertReport
from newsletter.store.sources import Claim
from newsletter.store.tables import Newsletter, Source, SourceStatus

_log = logs.get(__name__)

_MESSAGES = {
    polling.Refusal.GONE: "The server says that the feed is gone for good (410).",
    polling.Refusal.NOT_FOUND: "There is no document at this address (404).",
    polling.Refusal.FORBIDDEN: "The server does not let us read the feed (401 or 403).",
    polling.Refusal.THROTTLED: "The server asks us to come less often (429).",
    polling.Refusal.SERVER_ERROR: "The server has a fault (5xx).",
    polling.Refusal.UNEXPECTED_STATUS: "The server's answer is neither the feed nor a refusal.",
}


class PollStatus(StrEnum):
    """Say what came of asking a source."""

    READ = "read"
    NOT_MODIFIED = "not_modified"
    FAILED = "failed"
    STOPPED = "stopped"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class PollReport:
    """Hold the counts of one poll; ``reason`` and ``message`` tell why it failed.

    ``skipped`` are items left out, one reason each. Status SKIPPED: not due, stopped, or with another worker.
    """

    source_id: int
    status: PollStatus
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: tuple[str, ...] = ()
    is_backlog: bool = False
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class _Failure:
    reason: str
    message: str
    retry_after: timedelta | None = None

    @property
    def is_missing(self) -> bool:
        return self.reason in {polling.Refusal.NOT_FOUND, polling.Refusal.FORBIDDEN}

    @property
    def is_final(self) -> bool:
        return self.reason == polling.Refusal.GONE


def add(
    session: Session,
    newsletter: Newsletter,
    url: str,
    *,
    include_existing: bool = False,
    interval: timedelta = polling.INTERVAL,
    now: datetime,
) -> Source:
    """Add a feed to a newsletter; it is asked at once.

    What it holds then is backlog and never mailed, unless ``include_existing``.
    """
    address = rules.absolute_url(url).partition("#")[0]
    if interval < polling.INTERVAL_MIN:
        raise InvalidInput(
            "A source is asked once a minute at most.",
            hint="Give 60 seconds or more.",
            reason="interval_too_short",
        )
    if sources.find(session, newsletter.id, address) is not None:
        raise Conflict(
            f"The newsletter {newsletter.slug} has this source already.",
            hint="See its sources with: newsletter sources list",
            reason="source_exists",
        )
    return sources.add(
        session, newsletter, address, include_existing=include_existing, interval=interval, now=now
    )


def due(session: Session, *, now: datetime) -> list[int]:
    """Return the ids of the sources to poll now."""
    return sources.due(session, now=now)


def stop(session: Session, source_id: int) -> Source:
    """Ask a source no more; its articles stay."""
    source = _source(session, source_id)
    source.status = SourceStatus.STOPPED
    return source


def resume(session: Session, source_id: int, *, now: datetime) -> Source:
    """Ask a stopped source again, at once."""
    source = _source(session, source_id)
    source.status = SourceStatus.ACTIVE
    source.failure_count = 0
    source.next_poll_at = now
    return source


def poll(
    transactions: Transactions, source_id: int, *, fetcher: Fetcher, now: datetime, force: bool = False
) -> PollReport:
    """Ask a source that is due and keep what is new; ``force`` asks one that is not due yet.

    Safe to call twice at once: a lease lets one through, and articles know themselves.
    """
    with transactions() as session:
        _source(session, source_id)
        claim = sources.claim(session, source_id, now=now, lease=polling.LEASE, force=force)
    if claim is None:
        return PollReport(source_id=source_id, status=PollStatus.SKIPPED)
    answer = _ask(fetcher, claim, now=now)
    with transactions() as session:
        source = sources.held(session, claim)
        if source is None:
            return PollReport(source_id=source_id, status=PollStatus.SKIPPED)
        report = _record(session, source, answer, now=now)
    _log.info(
        "source polled", source_id=source_id, status=report.status, new=report.new, reason=report.reason
    )
    return report


def _ask(fetcher: Fetcher, claim: Claim, *, now: datetime) -> tuple[Fetched, ParsedFeed | None] | _Failure:
    """Fetch and read with no transaction open; the feed is None when it has not changed."""
    try:
        answer = fetcher.fetch(claim.url, etag=claim.etag, last_modified=claim.last_modified)
        refusal = polling.refusal(answer.status)
        if refusal is not None:
            wait = polling.retry_after(answer.retry_after, now=now)
            return _Failure(refusal, _MESSAGES[refusal], wait)
        if answer.status == 304:
            return answer, None
        return answer, parse(answer.body, answer.content_type, answer.final_url)
    except (FetchError, FeedError) as error:
        return _Failure(error.reason, str(error))


def _record(
    session: Session, source: Source, answer: tuple[Fetched, ParsedFeed | None] | _Failure, *, now: datetime
) -> PollReport:
    if isinstance(answer, _Failure):
        return _record_failure(source, answer, now=now)
    fetched, feed = answer
    is_first = source.first_import_at is None
    interval = timedelta(seconds=source.interval_seconds)
    wait = polling.wait_after_success(interval, cache_control=fetched.cache_control, jitter=ids.jitter())
    if feed is None:
        sources.record_success(source, now=now, next_poll_at=now + wait)
        return PollReport(source_id=source.id, status=PollStatus.NOT_MODIFIED)
    kept = _keep(session, source, feed, is_first=is_first, now=now)
    sources.record_success(
        source,
        now=now,
        next_poll_at=now + wait,
        title=feed.title,
        etag=fetched.etag,
        last_modified=fetched.last_modified,
    )
    return PollReport(
        source_id=source.id,
        status=PollStatus.READ,
        new=kept.new,
        updated=kept.updated,
        unchanged=kept.unchanged,
        skipped=feed.skipped,
        is_backlog=is_first and not source.include_existing,
    )


def _keep(
    session: Session, source: Source, feed: ParsedFeed, *, is_first: bool, now: datetime
) -> UpsertReport:
    newsletter = session.get_one(Newsletter, source.newsletter_id)
    return article_drafts.upsert(
        session,
        feed.items,
        source=source,
        newsletter=newsletter,
        now=now,
        backlog=is_first and not source.include_existing,
        keep_old=is_first and source.include_existing,
    )


def _record_failure(source: Source, failure: _Failure, *, now: datetime) -> PollReport:
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
    status = PollStatus.STOPPED if failure.is_final else PollStatus.FAILED
    return PollReport(source_id=source.id, status=status, reason=failure.reason, message=failure.message)


def _source(session: Session, source_id: int) -> Source:
    source = sources.get(session, source_id)
    if source is None:
        raise NotFound(
            f"There is no source {source_id}.",
            hint="See the sources with: newsletter sources list",
            reason="unknown_source",
        )
    return source
