"""Read sources: add them, ask them when they are due, and keep what they bring."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from newsletter.domain import articles as rules
from newsletter.domain import mapping as mapping_rules
from newsletter.domain import polling
from newsletter.domain.errors import Conflict, FeedError, FetchError, InvalidInput, NotFound
from newsletter.domain.mapping import Rule
from newsletter.domain.rules import WEIGHT_MAXIMUM
from newsletter.feeds.fetch import Fetched, Fetcher
from newsletter.feeds.parse import ParsedFeed, parse
from newsletter.ingest import health, recording
from newsletter.ingest.polled import PollReport, PollStatus
from newsletter.ingest.recording import Failure
from newsletter.runtime import logs
from newsletter.store import Session, Transactions, article_places, newsletters, sources
from newsletter.store.sources import Claim
from newsletter.store.tables import Newsletter, Source, SourceStatus

__all__ = [
    "PollReport",
    "PollStatus",
    "add",
    "ask",
    "due",
    "edit",
    "known",
    "map_articles",
    "poll",
    "record",
    "resume",
    "stop",
]

Answer = tuple[Fetched, ParsedFeed | None] | Failure

_log = logs.get(__name__)

_MESSAGES = {
    polling.Refusal.GONE: "The server says that the feed is gone for good (410).",
    polling.Refusal.NOT_FOUND: "There is no document at this address (404).",
    polling.Refusal.FORBIDDEN: "The server does not let us read the feed (401 or 403).",
    polling.Refusal.THROTTLED: "The server asks us to come less often (429).",
    polling.Refusal.SERVER_ERROR: "The server has a fault (5xx).",
    polling.Refusal.UNEXPECTED_STATUS: "The server's answer is neither the feed nor a refusal.",
}


def add(
    session: Session,
    newsletter: Newsletter,
    url: str,
    *,
    include_existing: bool = False,
    interval: timedelta = polling.INTERVAL,
    importance: int = 0,
    now: datetime,
) -> Source:
    """Add a feed to a newsletter; it is asked at once.

    What it holds then is backlog and never mailed, unless ``include_existing``.
    """
    return sources.add(
        session,
        newsletter,
        _free_address(session, newsletter, url),
        include_existing=include_existing,
        interval=timedelta(seconds=_checked_interval(interval)),
        importance=_checked_importance(importance),
        now=now,
    )


def edit(
    session: Session,
    source_id: int,
    *,
    url: str | None = None,
    interval: timedelta | None = None,
    importance: int | None = None,
    now: datetime,
) -> Source:
    """Change a source; what is None stays. At a new address it is asked at once, and what it holds is as before."""
    source = known(session, source_id)
    if interval is not None:
        source.interval_seconds = _checked_interval(interval)
        source.pace_seconds = None  # what was learned was learned within the old bounds
        source.next_poll_at = min(source.next_poll_at, now + interval)
    if importance is not None:
        source.importance = _checked_importance(importance)
    if url is not None:
        newsletter = session.get_one(Newsletter, source.newsletter_id)
        source.url, source.former_urls = _free_address(session, newsletter, url), []
        source.etag = source.last_modified = None
        source.next_poll_at = now
        sources.set_move(source, None)
    return source


def map_articles(session: Session, source_id: int, mapping: Sequence[Rule]) -> int:
    """Give a source rules for its articles; return how many articles that are in no issue yet they changed.

    Raise InvalidInput for a topic that the newsletter does not have.
    """
    source = known(session, source_id)
    newsletter = session.get_one(Newsletter, source.newsletter_id)
    topics = {topic.slug for topic in newsletters.topics(session, newsletter.id)}
    unknown = [slug for slug in mapping_rules.slugs(mapping) if slug not in topics]
    if unknown:
        raise InvalidInput(
            f"The newsletter {newsletter.slug} has no topic {unknown[0]}.",
            hint=f"See them with: newsletter topics list {newsletter.slug}",
            reason="unknown_topic",
        )
    checked = mapping_rules.from_plain(mapping_rules.to_plain(mapping))
    return article_places.remap(session, newsletter, source, checked)


def due(session: Session, *, now: datetime) -> list[int]:
    """Return the ids of the sources to poll now."""
    return sources.due(session, now=now)


def stop(session: Session, source_id: int, *, now: datetime) -> Source:
    """Ask a source no more; its articles stay."""
    source = known(session, source_id)
    source.status = SourceStatus.STOPPED
    source.hub_asked_at = None  # its hub is told at once
    health.forget(session, source, now=now)
    return source


def resume(session: Session, source_id: int, *, now: datetime) -> Source:
    """Ask a stopped source again, at once."""
    source = known(session, source_id)
    source.status = SourceStatus.ACTIVE
    source.hub_asked_at = None
    source.failure_count = 0
    source.next_poll_at = now
    health.forget(session, source, now=now)
    return source


def poll(
    transactions: Transactions, source_id: int, *, fetcher: Fetcher, now: datetime, force: bool = False
) -> PollReport:
    """Ask a source that is due and keep what is new; ``force`` asks one that is not due yet.

    Safe to call twice at once: a lease lets one through, and articles know themselves.
    """
    with transactions() as session:
        known(session, source_id)
        claim = sources.claim(session, source_id, now=now, lease=polling.LEASE, force=force)
    if claim is None:
        return PollReport(source_id=source_id, status=PollStatus.SKIPPED)
    answer = ask(fetcher, claim, now=now)
    with transactions() as session:
        return record(session, claim, answer, now=now)


def ask(fetcher: Fetcher, claim: Claim, *, now: datetime) -> Answer:
    """Fetch and read a claimed source with no transaction open; the feed is None when it has not changed."""
    try:
        answer = fetcher.fetch(claim.url, etag=claim.etag, last_modified=claim.last_modified)
        refusal = polling.refusal(answer.status)
        if refusal is not None:
            wait = polling.retry_after(answer.retry_after, now=now)
            return Failure(refusal, _MESSAGES[refusal], wait)
        if answer.status == 304:
            return answer, None
        return answer, parse(answer.body, answer.content_type, answer.final_url)
    except (FetchError, FeedError) as error:
        return Failure(error.reason, str(error))


def record(session: Session, claim: Claim, answer: Answer, *, now: datetime) -> PollReport:
    """Record what came of asking a source; nothing when another worker has taken it since."""
    source = sources.held(session, claim)
    if source is None:
        return PollReport(source_id=claim.source_id, status=PollStatus.SKIPPED)
    if isinstance(answer, Failure):
        report = recording.record_failure(session, source, answer, now=now)
    else:
        report = recording.record_answer(session, source, *answer, now=now)
    _log.info(
        "source polled", source_id=source.id, status=report.status, new=report.new, reason=report.reason
    )
    return report


def known(session: Session, source_id: int) -> Source:
    """Return a source; raise NotFound when there is none of this id."""
    source = sources.get(session, source_id)
    if source is None:
        raise NotFound(
            f"There is no source {source_id}.",
            hint="See the sources with: newsletter sources list",
            reason="unknown_source",
        )
    return source


def _checked_interval(interval: timedelta) -> int:
    if interval < polling.INTERVAL_MIN:
        raise InvalidInput(
            "A source is asked once a minute at most.",
            hint="Give 60 seconds or more.",
            reason="interval_too_short",
        )
    return int(interval.total_seconds())


def _checked_importance(importance: int) -> int:
    if abs(importance) > WEIGHT_MAXIMUM:
        raise InvalidInput(
            f"The importance {importance} is out of bounds.",
            hint=f"Give a whole number from -{WEIGHT_MAXIMUM} to {WEIGHT_MAXIMUM}.",
            reason="bad_importance",
        )
    return importance


def _free_address(session: Session, newsletter: Newsletter, url: str) -> str:
    address = rules.absolute_url(url).partition("#")[0]
    if sources.find(session, newsletter.id, address) is not None:
        raise Conflict(
            f"The newsletter {newsletter.slug} has this source already.",
            hint="See its sources with: newsletter sources list",
            reason="source_exists",
        )
    return address
