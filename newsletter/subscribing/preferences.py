"""Let readers choose their topics and how often they get mail."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.subscriptions import Cadence, SubscriptionStatus
from newsletter.domain.tokens import LinkPurpose, read_link
from newsletter.store import Session, consent, keys, newsletters, subscribers, subscriptions
from newsletter.store.tables import KeyPurpose
from newsletter.subscribing import unsubscribe
from newsletter.subscribing.signup import topic_mask
from newsletter.subscribing.unsubscribe import Membership


@dataclass(frozen=True)
class TopicChoice:
    """One topic as a box to tick."""

    slug: str
    name: str
    is_followed: bool


@dataclass(frozen=True)
class Preferences:
    """Hold what a reader gets from one newsletter."""

    membership: Membership
    topics: tuple[TopicChoice, ...]
    cadence: Cadence


def load(session: Session, text: str, *, now: datetime) -> Preferences:
    """Say what a preferences link is about; such links never expire and open nothing else."""
    token = read_link(text, LinkPurpose.PREFERENCES, keys.ring(session, KeyPurpose.LINKS), now=now)
    membership = unsubscribe.membership(session, token)
    subscription = subscriptions.get(session, membership.subscriber_id, membership.newsletter.id)
    mask = subscription.topics if subscription else 0
    choices = tuple(
        TopicChoice(topic.slug, topic.name, mask == 0 or bool(mask >> topic.number & 1))
        for topic in newsletters.topics(session, membership.newsletter.id)
    )
    return Preferences(membership, choices, subscription.cadence if subscription else Cadence.EVERY_ISSUE)


def save(
    session: Session,
    text: str,
    *,
    topics: Collection[str],
    cadence: Cadence,
    evidence: ConsentEvidence,
    now: datetime,
) -> Preferences:
    """Change topics, by slug, and cadence of an active subscription; the next issue follows them.

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
    mask = topic_mask(known, chosen)
    if not subscriptions.set_preferences(session, reader, newsletter.id, topics=mask, cadence=cadence):
        raise Conflict(
            "Only a reader of the newsletter has preferences.", hint="Sign up again.", reason="not_active"
        )
    after = load(session, text, now=now)
    if after != before:
        consent.add(
            session,
            reader,
            ConsentKind.PREFERENCES_CHANGED,
            newsletters=[newsletter.id],
            evidence=replace(
                evidence, extra=evidence.extra | {"topics": ",".join(chosen), "cadence": cadence.value}
            ),
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
