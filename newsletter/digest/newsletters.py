"""Set newsletters up: who they are from, what they look like, their topics and schedules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any  # a change is of any field's type

from newsletter.domain import addresses, articles
from newsletter.domain import schedules as rules
from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.issues import IssueStatus, OnSilence, SkipReason
from newsletter.rendering import words
from newsletter.store import IntegrityError, Session, issues, newsletters
from newsletter.store.tables import Newsletter, Schedule, Topic

TOPIC_MAXIMUM = 63  # bits of a mask that fits a signed column of 64
STORY_MAXIMUM = 60  # Gmail cuts a mail at 102 kB; sixty stories stay below
SPREAD_MAXIMUM = 720  # minutes: half of the day after which a digest is stale; the other half is for retries
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")  # a label of the List-Id, RFC 2919
_LANGUAGE_MAX = 10  # the column; "zh-Hant-TW" has as many
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # Gmail cuts a mail with C1 controls at any size


@dataclass(frozen=True, kw_only=True)
class NewsletterDraft:
    """Hold what a newsletter shall be; ``on_silence``: what happens to an issue that nobody approves.

    ``spread_minutes``: the time over which an issue goes out; 0 = as fast as it can.
    """

    slug: str
    name: str
    from_name: str
    from_address: str
    postal_address: str
    reply_to: str | None = None
    description: str = ""
    home_url: str = ""
    privacy_url: str = ""
    language: str = "en"
    zone: str = "UTC"
    accent: str = "#1a4f8b"
    background: str = "#f4f3ef"
    logo_url: str = ""
    story_minimum: int = 1
    story_maximum: int = 20
    on_silence: OnSilence = OnSilence.SEND
    spread_minutes: int = 0


def add(
    session: Session, draft: NewsletterDraft, *, now: datetime, languages: tuple[str, ...] | None = None
) -> Newsletter:
    """Add a newsletter; raise InvalidInput that names the field to mend, Conflict when the slug is taken.

    ``languages``: those with a catalogue of words; None = the shipped ones.
    """
    checked = _checked(draft, languages=words.languages() if languages is None else languages)
    found = Newsletter(**asdict(checked), direction=words.direction(checked.language), created_at=now)
    try:
        with session.begin_nested():
            session.add(found)
    except IntegrityError as error:
        raise Conflict(
            f"There is a newsletter {draft.slug!r} already.", hint="Choose another slug.", reason="slug_taken"
        ) from error
    return found


def edit(
    session: Session,
    newsletter: Newsletter,
    changes: Mapping[str, Any],
    *,
    languages: tuple[str, ...] | None = None,
) -> None:
    """Change fields of a newsletter, except its slug, which stands in links; raise InvalidInput as ``add`` does.

    An issue that is built already stays as it is.
    """
    present = {field.name: getattr(newsletter, field.name) for field in fields(NewsletterDraft)}
    draft = NewsletterDraft(**{**present, **changes, "slug": newsletter.slug})
    checked = _checked(draft, languages=words.languages() if languages is None else languages)
    for name, value in asdict(checked).items():
        setattr(newsletter, name, value)
    newsletter.direction = words.direction(checked.language)
    session.flush()


def add_topic(session: Session, newsletter: Newsletter, *, slug: str, name: str) -> Topic:
    """Add a topic that readers can follow; articles whose category has its slug or name belong to it."""
    _check_slug(slug)
    taken = newsletters.topics(session, newsletter.id, with_retired=True)
    number = max((topic.number for topic in taken), default=-1) + 1
    if number >= TOPIC_MAXIMUM:
        raise Conflict(
            f"A newsletter can have {TOPIC_MAXIMUM} topics.",
            hint="Use fewer topics.",
            reason="too_many_topics",
        )
    topic = Topic(
        newsletter_id=newsletter.id, number=number, slug=slug, name=_line("name", name, maximum=120)
    )
    try:
        with session.begin_nested():
            session.add(topic)
    except IntegrityError as error:
        raise Conflict(
            f"The newsletter has a topic {slug!r} already.", hint="Choose another slug.", reason="slug_taken"
        ) from error
    return topic


def rename_topic(session: Session, topic: Topic, *, slug: str, name: str) -> None:
    """Give a topic another slug and name; who follows it still does. Raise Conflict when the slug is taken."""
    _check_slug(slug)
    line = _line("name", name, maximum=120)
    try:
        with session.begin_nested():
            topic.slug, topic.name = slug, line
    except IntegrityError as error:
        raise Conflict(
            f"The newsletter has a topic {slug!r} already.", hint="Choose another slug.", reason="slug_taken"
        ) from error


def add_schedule(
    session: Session, newsletter: Newsletter, *, cron: str, zone: str | None = None, now: datetime
) -> Schedule:
    """Add a schedule: five cron fields in an IANA zone, else in the newsletter's own."""
    name = zone or newsletter.zone
    schedule = Schedule(
        newsletter_id=newsletter.id, cron=cron, zone=name, next_slot_at=rules.next_slot(cron, name, after=now)
    )
    session.add(schedule)
    session.flush()
    return schedule


def edit_schedule(
    session: Session,
    schedule_id: int,
    *,
    cron: str | None = None,
    zone: str | None = None,
    now: datetime,
) -> Schedule:
    """Change when issues are due; one that is planned ahead for a slot that is none any more is given up."""
    schedule = newsletters.get_schedule(session, schedule_id)
    cron, zone = cron or schedule.cron, zone or schedule.zone
    following = rules.next_slot(cron, zone, after=now)
    schedule.cron, schedule.zone = cron, zone
    schedule.next_slot_at = following
    _give_up_ahead(session, schedule, following, now=now)
    return schedule


def stop_schedule(session: Session, schedule_id: int, *, now: datetime) -> Schedule:
    """Plan no more issues from a schedule; one that is planned ahead is given up."""
    schedule = newsletters.get_schedule(session, schedule_id)
    schedule.is_active = False
    _give_up_ahead(session, schedule, None, now=now)
    return schedule


def resume_schedule(session: Session, schedule_id: int, *, now: datetime) -> Schedule:
    """Plan issues from a schedule again, from the next slot on; missed ones stay missed."""
    schedule = newsletters.get_schedule(session, schedule_id)
    schedule.is_active = True
    schedule.next_slot_at = rules.next_slot(schedule.cron, schedule.zone, after=now)
    return schedule


def _give_up_ahead(session: Session, schedule: Schedule, kept: datetime | None, *, now: datetime) -> None:
    """Skip what is planned ahead for other slots than ``kept``, and leave those slots free: they may come back."""
    session.flush()
    for issue in issues.of_slots(session, schedule.id, after=now):
        if issue.slot_at == kept:
            continue
        issues.move(
            session,
            issue.id,
            IssueStatus.SKIPPED,
            only_from=IssueStatus.PLANNED,
            reason=SkipReason.RESCHEDULED.value,
        )
        issue.schedule_id = issue.slot_at = None
    session.flush()


def cleaned(
    draft: NewsletterDraft, *, languages: tuple[str, ...] | None = None
) -> tuple[NewsletterDraft, dict[str, InvalidInput]]:
    """Return a draft with its texts cleaned, and what is wrong with it by field; it stays as it was there."""
    known = words.languages() if languages is None else languages
    values: dict[str, Any] = {}
    faults: dict[str, InvalidInput] = {}
    for field, clean in _CLEANING.items():
        try:
            values[field] = clean(draft)
        except InvalidInput as error:
            faults[field] = error
    try:
        _check_language(draft.language, known)
    except InvalidInput as error:
        faults["language"] = error
    return replace(draft, **values), faults


def _checked(draft: NewsletterDraft, *, languages: tuple[str, ...]) -> NewsletterDraft:
    checked, faults = cleaned(draft, languages=languages)
    for fault in faults.values():
        raise fault
    return checked


def _check_slug(slug: str) -> str:
    if not _SLUG.fullmatch(slug):
        raise _refused("slug", f"{slug!r} is no slug", "Use 1 to 50 of a-z, 0-9 and -, such as daily.")
    return slug


def _check_language(language: str, languages: tuple[str, ...]) -> None:
    if len(language) > _LANGUAGE_MAX or language.partition("-")[0] not in languages:
        raise _refused(
            "language",
            f"there are no words for the language {language!r}",
            f"Use one of {', '.join(languages)}.",
        )


def _maximum(draft: NewsletterDraft) -> int:
    if not 1 <= draft.story_minimum <= draft.story_maximum <= STORY_MAXIMUM:
        raise _refused(
            "story_maximum",
            f"{draft.story_minimum} to {draft.story_maximum} stories are no range",
            f"Give a minimum of 1 or more and a maximum of at most {STORY_MAXIMUM}.",
        )
    return draft.story_maximum


def _spread(draft: NewsletterDraft) -> int:
    if not 0 <= draft.spread_minutes <= SPREAD_MAXIMUM:
        raise _refused(
            "spread_minutes",
            f"{draft.spread_minutes} is no time to spread an issue over",
            f"Give 0 (at once) to {SPREAD_MAXIMUM} minutes.",
        )
    return draft.spread_minutes


def _line(field: str, text: str, *, maximum: int) -> str:
    cleaned = " ".join(text.split())
    if not cleaned or len(cleaned) > maximum or _CONTROL.search(cleaned):
        raise _refused(field, "it must be one line of text", f"Give 1 to {maximum} characters.")
    return cleaned


def _postal(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.splitlines()]
    cleaned = "\n".join(line for line in lines if line)
    if not cleaned or len(cleaned) > 400 or _CONTROL.search(cleaned.replace("\n", "")):
        raise _refused(
            "postal_address",
            "it must be the publisher's address, which the law wants in every mail",
            "Give name, street and town in at most 400 characters.",
        )
    return cleaned


def _url(field: str, url: str) -> str:
    """Return an address in ASCII: it also stands in the header that says where images may come from."""
    try:
        return articles.absolute_url(url) if url else ""
    except InvalidInput as error:
        raise _refused(
            field, f"{url!r} is no web address", "Give one such as https://example.com/."
        ) from error


def _colour(field: str, colour: str) -> str:
    lowered = colour.lower()
    if not _COLOUR.fullmatch(lowered):
        raise _refused(field, f"{colour!r} is no colour", 'Give six hexadecimal digits, such as "#1a4f8b".')
    return lowered


def _refused(field: str, what: str, hint: str) -> InvalidInput:
    return InvalidInput(f"{field} cannot be used: {what}.", hint=hint, reason=f"bad_{field}")


def _described(draft: NewsletterDraft) -> str:
    text = draft.description[:400]
    return _line("description", text, maximum=400) if text.strip() else ""


# How each field is checked and cleaned, in the order in which faults are told.
_CLEANING: Mapping[str, Callable[[NewsletterDraft], object]] = {
    "slug": lambda draft: _check_slug(draft.slug),
    "zone": lambda draft: rules.zone(draft.zone).key,
    "story_maximum": _maximum,
    "spread_minutes": _spread,
    "name": lambda draft: _line("name", draft.name, maximum=120),
    "from_name": lambda draft: _line("from_name", draft.from_name, maximum=60),
    "from_address": lambda draft: str(addresses.parse(draft.from_address)),
    "reply_to": lambda draft: str(addresses.parse(draft.reply_to)) if draft.reply_to else None,
    "postal_address": lambda draft: _postal(draft.postal_address),
    "description": _described,
    "home_url": lambda draft: _url("home_url", draft.home_url),
    "privacy_url": lambda draft: _url("privacy_url", draft.privacy_url),
    "logo_url": lambda draft: _url("logo_url", draft.logo_url),
    "accent": lambda draft: _colour("accent", draft.accent),
    "background": lambda draft: _colour("background", draft.background),
}
