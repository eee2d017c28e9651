"""Check that readers can choose, and that the choice is kept with its proof."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.subscriptions import Cadence, SubscriptionStatus
from newsletter.domain.tokens import LinkPurpose
from newsletter.store import Session, consent, subscriptions
from newsletter.store.tables import Newsletter, Subscriber
from newsletter.subscribing import preferences
from newsletter.subscribing.preferences import Preferences, Timing
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


def save(session: Session, token: str, timing: Timing) -> Preferences:
    return preferences.save(
        session,
        token,
        topics=["politics", "culture", "sport"],
        cadence=Cadence.EVERY_ISSUE,
        timing=timing,
        evidence=PAGE,
        now=NOON,
    )


def test_hour_zone_language_and_pause_are_kept_and_proved(session: Session, daily: Newsletter) -> None:
    reader = add_reader(session, daily, "ada@example.com")
    token = token_of(session, reader, daily)

    after = save(
        session, token, Timing(hour="7", zone="America/New_York", language="de", snooze="2", until="")
    )

    assert (after.hour, after.zone, after.language) == (7, "America/New_York", "de")
    assert after.snoozed_until == datetime(2026, 12, 8, 5, tzinfo=UTC)  # midnight in New York
    (event,) = consent.of_subscriber(session, reader.id)
    assert event.evidence["extra"] == {
        "topics": "politics,culture,sport",
        "cadence": "every_issue",
        "hour": 7,
        "zone": "America/New_York",
        "language": "de",
        "snoozed_until": "2026-12-08T05:00:00+00:00",
    }


def test_a_pause_stays_until_it_is_ended_and_may_end_on_a_day(session: Session, daily: Newsletter) -> None:
    token = token_of(session, add_reader(session, daily, "ada@example.com"), daily)

    until = save(session, token, Timing(snooze="day", until="2026-12-24")).snoozed_until
    kept = save(session, token, Timing(hour="9")).snoozed_until
    ended = save(session, token, Timing(snooze="end")).snoozed_until

    assert until == kept == datetime(2026, 12, 24, tzinfo=UTC)
    assert ended is None


@pytest.mark.parametrize(
    ("timing", "reason"),
    [
        (Timing(zone="Europe/Atlantis"), "unknown_zone"),
        (Timing(zone="../../etc/passwd"), "unknown_zone"),
        (Timing(hour="24"), "bad_hour"),
        (Timing(hour="seven"), "bad_hour"),
        (Timing(snooze="9"), "bad_snooze"),
        (Timing(snooze="day", until="2026-11-24"), "bad_snooze"),
        (Timing(snooze="day", until="2028-01-01"), "bad_snooze"),
        (Timing(snooze="day", until="soon"), "bad_snooze"),
        (Timing(language="<b>"), "bad_language"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(
    session: Session, daily: Newsletter, timing: Timing, reason: str
) -> None:
    reader = add_reader(session, daily, "ada@example.com")
    token = token_of(session, reader, daily)
    before = preferences.load(session, token, now=NOON)

    with pytest.raises(InvalidInput) as refusal:
        save(session, token, timing)

    assert refusal.value.reason == reason
    assert preferences.load(session, token, now=NOON) == before
