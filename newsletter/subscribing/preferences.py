"""Let readers choose what they get, how often, when, and in which language."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from newsletter.domain import schedules
from newsletter.domain import subscriptions as wishes
from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.subscriptions import Cadence, SubscriptionStatus
from newsletter.domain.tokens import LinkPurpose, read_link
from newsletter.store import Session, consent, keys, newsletters, subscribers, subscriptions
from newsletter.store.tables import KeyPurpose
from newsletter.subscribing import unsubscribe
from newsletter.subscribing.signup import LANGUAGE, topic_mask
from newsletter.subscribing.unsubscribe import Membership


@dataclass(frozen=True)
class TopicChoice:
    """One topic as a box to tick."""

    slug: str
    name: str
    is_followed: bool


@dataclass(frozen=True, kw_only=True)
class Preferences:
    """Hold what a reader gets from one newsletter, and when.

    ``hour`` None: with the issue. ``zone`` and ``language`` belong to the reader, whatever the newsletter; None: as
    the newsletter has it. ``snoozed_until`` is in the future, or None.
    """

    membership: Membership
    topics: tuple[TopicChoice, ...]
    cadence: Cadence
    hour: int | None
    zone: str | None
    language: str | None
    snoozed_until: datetime | None

    @property
    def own_zone(self) -> str:
        """Return the zone whose clocks count for the reader."""
        return self.zone or self.membership.newsletter.zone


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Hold when a reader wants mail, as a form has it: texts, "" = none.

    ``snooze`` and ``until`` as domain/subscriptions.snooze_end has them.
    """

    hour: str = ""
    zone: str = ""
    language: str = ""
    snooze: str = ""
    until: str = ""


def load(session: Session, text: str, *, now: datetime) -> Preferences:
    """Say what a preferences link is about; such links never expire and open nothing else."""
    token = read_link(text, LinkPurpose.PREFERENCES, keys.ring(session, KeyPurpose.LINKS), now=now)
    membership = unsubscribe.membership(session, token)
    subscription = subscriptions.get(session, membership.subscriber_id, membership.newsletter.id)
    reader = subscribers.get(session, membership.subscriber_id)
    mask = subscription.topics if subscription else 0
    choices = tuple(
        TopicChoice(topic.slug, topic.name, mask == 0 or bool(mask >> topic.number & 1))
        for topic in newsletters.topics(session, membership.newsletter.id)
    )
    until = subscription.snoozed_until if subscription else None
    return Preferences(
        membership=membership,
        topics=choices,
        cadence=subscription.cadence if subscription else Cadence.EVERY_ISSUE,
        hour=subscription.hour if subscription else None,
        zone=reader.zone,
        language=reader.language,
        snoozed_until=until if until is not None and until > now else None,
    )


def save(
    session: Session,
    text: str,
    *,
    topics: Collection[str],
    cadence: Cadence,
    timing: Timing | None = None,
    evidence: ConsentEvidence,
    now: datetime,
) -> Preferences:
    """Change what an active subscription brings; the next issue follows it. ``timing`` None: it stays as it is.

    Following every topic is following all, those to come as well. Following none is refused: that is leaving.
    """
    before = load(session, text, now=now)
    reader, newsletter = before.membership.subscriber_id, before.membership.newsletter
    subscribers.lock(session, reader)
    known = newsletters.topics(session, newsletter.id)
    chosen = [topic.slug for topic in known if topic.slug in topics]
    if known and not chosen:
        raise InvalidInput(
            "No topic is chosen.", hint="Choose at least one, or unsubscribe.", reason="no_topic"
        )
    wanted = before if timing is None else _timed(before, timing, now=now)
    is_active = subscriptions.set_preferences(
        session,
        reader,
        newsletter.id,
        topics=topic_mask(known, chosen),
        cadence=cadence,
        hour=wanted.hour,
        snoozed_until=wanted.snoozed_until,
    )
    if not is_active:
        raise Conflict(
            "Only a reader of the newsletter has preferences.", hint="Sign up again.", reason="not_active"
        )
    subscribers.set_place(session, reader, zone=wanted.zone, language=wanted.language)
    session.expire_all()
    after = load(session, text, now=now)
    if after != before:
        told = _told(before, after, chosen)
        consent.add(
            session,
            reader,
            ConsentKind.PREFERENCES_CHANGED,
            newsletters=[newsletter.id],
            evidence=replace(evidence, extra=evidence.extra | told),
            now=now,
        )
    return after


def leave_all(session: Session, text: str, *, evidence: ConsentEvidence, now: datetime) -> Membership:
    """End everything that the reader of a preferences link gets from us."""
    membership = load(session, text, now=now).membership
    unsubscribe.leave_all(
        session, subscriber_id=membership.subscriber_id, channel="page", evidence=evidence, now=now
    )
    return replace(membership, status=SubscriptionStatus.ENDED, other_count=0)


def _timed(before: Preferences, timing: Timing, *, now: datetime) -> Preferences:
    """Return the wishes with those of a form; raise InvalidInput for what cannot be."""
    if timing.zone:
        schedules.zone(timing.zone)
    if timing.language and not LANGUAGE.fullmatch(timing.language):
        raise InvalidInput(
            "The language is no language tag.", hint="Give one such as en.", reason="bad_language"
        )
    placed = replace(before, zone=timing.zone or None, language=timing.language or None)
    until = wishes.snooze_end(
        timing.snooze, timing.until, present=before.snoozed_until, zone_name=placed.own_zone, now=now
    )
    return replace(placed, hour=wishes.parse_hour(timing.hour), snoozed_until=until)


def _told(
    before: Preferences, after: Preferences, topics: Collection[str]
) -> dict[str, str | int | bool | None]:
    """Return the new choice for the proof: topics and cadence always, the rest when it has changed."""
    told: dict[str, str | int | bool | None] = {"topics": ",".join(topics), "cadence": after.cadence.value}
    for name in ("hour", "zone", "language"):
        if getattr(before, name) != getattr(after, name):
            told[name] = getattr(after, name)
    if before.snoozed_until != after.snoozed_until:
        told["snoozed_until"] = after.snoozed_until.isoformat() if after.snoozed_until else None
    return told
