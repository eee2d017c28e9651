"""Check that readers can choose, and that the choice is kept with its proof."""

from __future__ import annotations

import pytest

from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.subscriptions import Cadence, SubscriptionStatus
from newsletter.domain.tokens import LinkPurpose
from newsletter.store import Session, consent, subscriptions
from newsletter.store.tables import Newsletter, Subscriber
from newsletter.subscribing import preferences
from tests.builders import add_newsletter, add_reader, add_topic
from tests.clocks import NOON
from tests.subscribing.links import link

PAGE = ConsentEvidence(channel="page")


@pytest.fixture
def daily(session: Session) -> Newsletter:
    """Add a newsletter with three topics."""
    newsletter = add_newsletter(session)
    for number, slug in enumerate(["politics", "culture", "sport"]):
        add_topic(session, newsletter, slug, number=number)
    return newsletter


def token_of(session: Session, reader: Subscriber, newsletter: Newsletter) -> str:
    """Return a reader's preferences link."""
    return link(
        session,
        LinkPurpose.PREFERENCES,
        subscriber_id=reader.id,
        object_id=newsletter.id,
        issued_at=NOON,
    )


def test_choosing_topics_and_cadence_is_kept_and_proved(session: Session, daily: Newsletter) -> None:
    reader = add_reader(session, daily, "ada@example.com")
    token = token_of(session, reader, daily)

    after = preferences.save(
        session, token, topics=["sport", "culture"], cadence=Cadence.WEEKLY, evidence=PAGE, now=NOON
    )

    assert [topic.slug for topic in after.topics if topic.is_followed] == ["culture", "sport"]
    assert after.cadence is Cadence.WEEKLY
    (event,) = consent.of_subscriber(session, reader.id)
    assert event.kind is ConsentKind.PREFERENCES_CHANGED
    assert event.evidence["extra"] == {"topics": "culture,sport", "cadence": "weekly"}


def test_saving_what_is_so_already_adds_no_proof(session: Session, daily: Newsletter) -> None:
    reader = add_reader(session, daily, "ada@example.com")

    preferences.save(
        session,
        token_of(session, reader, daily),
        topics=["politics", "culture", "sport"],
        cadence=Cadence.EVERY_ISSUE,
        evidence=PAGE,
        now=NOON,
    )

    subscription = subscriptions.get(session, reader.id, daily.id)
    assert subscription is not None
    assert subscription.topics == 0
    assert consent.of_subscriber(session, reader.id) == []


def test_choosing_nothing_is_refused(session: Session, daily: Newsletter) -> None:
    reader = add_reader(session, daily, "ada@example.com", topics=1)
    token = token_of(session, reader, daily)

    with pytest.raises(InvalidInput) as refusal:
        preferences.save(
            session, token, topics=["unheard-of"], cadence=Cadence.DAILY, evidence=PAGE, now=NOON
        )

    assert refusal.value.reason == "no_topic"
    assert preferences.load(session, token, now=NOON).cadence is Cadence.EVERY_ISSUE


def test_who_has_left_has_no_preferences_to_change(session: Session, daily: Newsletter) -> None:
    reader = add_reader(session, daily, "ada@example.com", status=SubscriptionStatus.ENDED)

    with pytest.raises(Conflict):
        preferences.save(
            session,
            token_of(session, reader, daily),
            topics=["sport"],
            cadence=Cadence.DAILY,
            evidence=PAGE,
            now=NOON,
        )


def test_leaving_everything_ends_everything(session: Session, daily: Newsletter) -> None:
    reader = add_reader(session, daily, "ada@example.com")

    after = preferences.leave_all(session, token_of(session, reader, daily), evidence=PAGE, now=NOON)

    assert after.status is SubscriptionStatus.ENDED
    (subscription,) = subscriptions.of_subscriber(session, reader.id)
    assert subscription.status is SubscriptionStatus.ENDED
