"""Tell people when a source is not well, and when it is well again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.domain import polling, rhythm
from newsletter.domain.polling import Refusal
from newsletter.store import Session, alerts, sources
from newsletter.store.tables import Source, SourceStatus

FAILING, GONE = "source_failing", "source_gone"
SILENT, LOSING = "source_silent", "source_losing"
CODES = (FAILING, GONE, SILENT, LOSING)
_LOSSES_ALARMING = 2  # the first teaches a faster pace


@dataclass(frozen=True, kw_only=True)
class Health:
    """Hold how a source is: ``state`` in a word, ``silent_for`` since its last new article.

    ``silence_limit``: how long it may be silent before that is strange; None while its rhythm is unknown.
    """

    state: str
    silent_for: timedelta | None
    silence_limit: timedelta | None


def of(source: Source, *, now: datetime) -> Health:
    """Say how a source is: well, new, failing, silent, stopped."""
    known = sources.learned(source).rhythm
    silent_for = now - source.last_new_at if source.last_new_at else None
    limit = rhythm.silence_limit(known) if known else None
    return Health(state=_state(source, now=now), silent_for=silent_for, silence_limit=limit)


def after_success(session: Session, source: Source, *, now: datetime) -> None:
    """End what an answer ends, and look at how long the source has been silent."""
    for code in (FAILING, GONE):
        alerts.resolve(session, code, _subject(source), now=now)
    if _is_silent(source, now=now) and source.last_new_at is not None:
        known = sources.learned(source).rhythm or timedelta()
        _note(
            session,
            source,
            SILENT,
            f"It has had no new article since {source.last_new_at:%Y-%m-%d %H:%M} UTC;"
            f" usually there is one every {_spoken(known)}.",
            now=now,
        )


def after_new(session: Session, source: Source, *, now: datetime) -> None:
    """End what a new article ends."""
    for code in (SILENT, LOSING):
        alerts.resolve(session, code, _subject(source), now=now)


def after_loss(session: Session, source: Source, *, now: datetime) -> None:
    """Tell that a source shows more new articles than it holds, when asking more often has not helped yet."""
    alerts.resolve(session, SILENT, _subject(source), now=now)
    if source.lost_count >= _LOSSES_ALARMING:
        _note(
            session,
            source,
            LOSING,
            "All that it held was new, so articles in between may have been missed. It is asked more often now;"
            " a feed with more articles, a hub or a push from the website is the cure.",
            now=now,
        )


def after_failure(session: Session, source: Source, *, now: datetime) -> None:
    """Tell of a source that is gone, that refuses us, or that fails again and again."""
    if source.last_error == Refusal.GONE:
        _note(
            session,
            source,
            GONE,
            f"{source.last_error_text} It is not asked any more; resume it when it is back, or add its new address.",
            now=now,
        )
    elif source.last_error == Refusal.FORBIDDEN or source.failure_count >= polling.FAILURES_ALARMING:
        often = "time" if source.failure_count == 1 else "times in a row"
        _note(session, source, FAILING, f"{source.last_error_text} ({source.failure_count} {often})", now=now)


def forget(session: Session, source: Source, *, now: datetime) -> None:
    """End all alerts about a source that somebody stopped or started anew."""
    for code in CODES:
        alerts.resolve(session, code, _subject(source), now=now)


def _note(session: Session, source: Source, code: str, text: str, *, now: datetime) -> None:
    told = f"{source.title or 'The source'} ({source.url}): {text}"
    alerts.note(session, code, _subject(source), told, now=now, newsletter_id=source.newsletter_id)


def _subject(source: Source) -> str:
    return f"source {source.id}"


def _state(source: Source, *, now: datetime) -> str:
    if source.status is SourceStatus.STOPPED:
        return "gone" if source.last_error == Refusal.GONE else "stopped"
    if source.failure_count >= polling.FAILURES_ALARMING or source.last_error == Refusal.FORBIDDEN:
        return "failing"
    if source.failure_count:
        return "troubled"
    if source.first_import_at is None:
        return "new"
    return "silent" if _is_silent(source, now=now) else "well"


def _is_silent(source: Source, *, now: datetime) -> bool:
    known = sources.learned(source).rhythm
    return source.last_new_at is not None and rhythm.is_silent(known, silence=now - source.last_new_at)


def _spoken(duration: timedelta) -> str:
    minutes = max(1, round(duration / timedelta(minutes=1)))
    if minutes < 120:
        return f"{minutes} minutes"
    hours = round(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"
