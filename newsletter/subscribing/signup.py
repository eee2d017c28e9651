"""Take a signup and answer it with a confirmation mail, or with silence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from newsletter.domain import addresses, articles, names, schedules
from newsletter.domain.addresses import EmailAddress
from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.domain.errors import InvalidInput
from newsletter.domain.subscriptions import Cadence, SubscriptionStatus, parse_hour
from newsletter.runtime import logs
from newsletter.store import Session, consent, newsletters, subscribers, subscriptions
from newsletter.store.tables import Newsletter, Topic
from newsletter.subscribing import asking
from newsletter.subscribing.asking import Silence

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,6})?")
_NEWSLETTERS_MAX = 20  # in one request; no form offers more
_log = logs.get(__name__)


@dataclass(frozen=True, kw_only=True)
class SignupRequest:
    """Hold what somebody asked for an address; newsletters and topics by slug, no topic meaning all.

    ``zone`` is the reader's (IANA), ``hour`` the hour of the reader's day at which digests shall come.
    """

    address: str
    newsletters: tuple[str, ...]
    evidence: ConsentEvidence
    name: str = ""
    topics: tuple[str, ...] = ()
    language: str | None = None
    cadence: Cadence | None = None
    article_url: str | None = None
    zone: str | None = None
    hour: int | None = None


@dataclass(frozen=True)
class SignupResult:
    """Hold the mails that were queued, and the reason for each newsletter that none was queued for."""

    notice_ids: tuple[int, ...] = ()
    silences: Mapping[str, Silence] = field(default_factory=dict)


@dataclass(frozen=True)
class _Wish:
    newsletter: Newsletter
    topics: int


@dataclass(frozen=True)
class _Checked:
    address: EmailAddress
    name: str
    language: str | None
    cadence: Cadence
    signup_article: str | None
    zone: str | None
    hour: int | None
    wishes: tuple[_Wish, ...]
    evidence: ConsentEvidence


def request(session: Session, wanted: SignupRequest, *, now: datetime) -> SignupResult:
    """Queue one confirmation mail for all newsletters of a request.

    Raise InvalidInput when the request itself is wrong. Whether the address is known, suppressed or has been asked
    enough changes only whether a mail goes out: callers answer alike.
    """
    checked = _check(session, wanted)
    silence = asking.silence_for_address(session, checked.address, now=now)
    if silence is not None:
        return _told(SignupResult((), {wish.newsletter.slug: silence for wish in checked.wishes}))
    subscriber = subscribers.ensure(
        session, checked.address, name=checked.name, language=checked.language, zone=checked.zone, now=now
    )
    subscribers.lock(session, subscriber.id)
    silences = _silences(session, subscriber.id, checked, now=now)
    open_wishes = [wish for wish in checked.wishes if wish.newsletter.slug not in silences]
    if not open_wishes:
        return _told(SignupResult((), silences))
    notice_id = _ask(session, subscriber.id, checked, open_wishes, now=now)
    return _told(SignupResult((notice_id,), silences))


def topic_mask(topics: Sequence[Topic], slugs: Sequence[str]) -> int:
    """Return the mask of those topics that are named; 0, which means all, when it would hold every one."""
    chosen = [topic for topic in topics if topic.slug in slugs]
    if len(chosen) == len(topics):
        return 0
    return sum(1 << topic.number for topic in chosen)


def _check(session: Session, wanted: SignupRequest) -> _Checked:
    slugs = tuple(dict.fromkeys(wanted.newsletters))
    if not 0 < len(slugs) <= _NEWSLETTERS_MAX:
        raise InvalidInput(
            "The signup names no newsletter, or too many.",
            hint="Name one newsletter or more by slug.",
            reason="no_newsletter",
        )
    if wanted.language and not LANGUAGE.fullmatch(wanted.language):
        raise InvalidInput(
            "The language is no language tag.", hint="Give one such as en or pt-BR.", reason="bad_language"
        )
    if wanted.zone:
        schedules.zone(wanted.zone)
    return _Checked(
        address=addresses.parse(wanted.address),
        name=names.parse(wanted.name),
        language=wanted.language or None,
        cadence=wanted.cadence or Cadence.EVERY_ISSUE,
        signup_article=_article_key(wanted.article_url),
        zone=wanted.zone or None,
        hour=_hour(wanted.hour),
        wishes=_wishes(session, slugs, wanted.topics),
        evidence=wanted.evidence,
    )


def _hour(hour: int | None) -> int | None:
    return None if hour is None else parse_hour(str(hour))


def _article_key(url: str | None) -> str | None:
    """Return what the article is known by; None for none, and for a front page."""
    return articles.url_key(articles.canonical_url(url)) if url else None


def _wishes(session: Session, slugs: Sequence[str], topic_slugs: Sequence[str]) -> tuple[_Wish, ...]:
    unknown = set(topic_slugs)
    wishes = []
    for slug in slugs:
        newsletter = newsletters.by_slug(session, slug)
        topics = newsletters.topics(session, newsletter.id)
        unknown -= {topic.slug for topic in topics}
        wishes.append(_Wish(newsletter, topic_mask(topics, topic_slugs)))
    if unknown:
        raise InvalidInput(
            f"None of the newsletters has the topic {min(unknown)!r}.",
            hint="See the topics with: newsletter topics list",
            reason="unknown_topic",
        )
    return tuple(wishes)


def _silences(
    session: Session, subscriber_id: int, checked: _Checked, *, now: datetime
) -> dict[str, Silence]:
    slugs = {wish.newsletter.id: wish.newsletter.slug for wish in checked.wishes}
    found = {
        slugs[subscription.newsletter_id]: Silence.ALREADY_ACTIVE
        for subscription in subscriptions.of_subscriber(session, subscriber_id)
        if subscription.newsletter_id in slugs and subscription.status is SubscriptionStatus.ACTIVE
    }
    left = [newsletter_id for newsletter_id, slug in slugs.items() if slug not in found]
    capped = asking.silences(session, subscriber_id, left, abuse_key=checked.address.abuse_key, now=now)
    return found | {slugs[newsletter_id]: silence for newsletter_id, silence in capped.items()}


def _ask(
    session: Session, subscriber_id: int, checked: _Checked, wishes: Sequence[_Wish], *, now: datetime
) -> int:
    newsletter_ids = [wish.newsletter.id for wish in wishes]
    for wish in wishes:
        subscriptions.request(
            session,
            subscriber_id,
            wish.newsletter.id,
            topics=wish.topics,
            cadence=checked.cadence,
            signup_article=checked.signup_article,
            hour=checked.hour,
            now=now,
        )
    consent.add(
        session,
        subscriber_id,
        ConsentKind.REQUESTED,
        newsletters=newsletter_ids,
        evidence=checked.evidence,
        now=now,
    )
    return asking.ask(session, subscriber_id, newsletter_ids, now=now).id


def _told(result: SignupResult) -> SignupResult:
    for slug, silence in result.silences.items():
        _log.info("signup_not_mailed", newsletter=slug, reason=silence.value)
    return result
