"""Check that readers can leave, from any mail and as often as they say so."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.domain.errors import InvalidToken
from newsletter.domain.outcomes import OutcomeKind
from newsletter.domain.subscriptions import EndReason, SubscriptionStatus
from newsletter.domain.tokens import LinkPurpose
from newsletter.store import Session, consent, keys, outcomes, subscriptions
from newsletter.store.tables import KeyPurpose, Subscription
from newsletter.subscribing import unsubscribe
from tests.builders import add_newsletter, add_reader
from tests.clocks import NOON
from tests.subscribing.links import link


def test_leaving_twice_is_leaving_once(session: Session) -> None:
    daily = add_newsletter(session)
    reader = add_reader(session, daily, "ada@example.com")

    answers = [
        unsubscribe.leave(
            session,
            subscriber_id=reader.id,
            newsletter_id=daily.id,
            mailing_id=5,
            channel="one_click",
            evidence=ConsentEvidence(channel="page", client_ip="192.0.2.7"),
            now=NOON,
        )
        for _ in range(3)
    ]

    assert answers == [True, False, False]
    subscription = subscriptions.get(session, reader.id, daily.id)
    assert subscription is not None
    assert (subscription.status, subscription.end_reason) == (
        SubscriptionStatus.ENDED,
        EndReason.UNSUBSCRIBED,
    )
    (event,) = consent.of_subscriber(session, reader.id)
    assert event.kind is ConsentKind.UNSUBSCRIBED
    assert event.evidence == {"channel": "one_click", "client_ip": "192.0.2.7"}
    (outcome,) = outcomes.of_subscriber(session, reader.id)
    assert (outcome.kind, outcome.mailing_id) == (OutcomeKind.UNSUBSCRIBED, 5)


def test_leaving_one_newsletter_keeps_the_others(session: Session) -> None:
    daily = add_newsletter(session)
    weekly = add_newsletter(session, slug="weekly")
    reader = add_reader(session, daily, "ada@example.com")
    session.add(
        Subscription(
            subscriber_id=reader.id,
            newsletter_id=weekly.id,
            status=SubscriptionStatus.ACTIVE,
            requested_at=NOON,
        )
    )
    session.flush()

    unsubscribe.leave(session, subscriber_id=reader.id, newsletter_id=daily.id, channel="page", now=NOON)

    held = {s.newsletter_id: s.status for s in subscriptions.of_subscriber(session, reader.id)}
    assert held == {daily.id: SubscriptionStatus.ENDED, weekly.id: SubscriptionStatus.ACTIVE}
    assert unsubscribe.leave_all(session, subscriber_id=reader.id, channel="page", now=NOON) == [weekly.id]


def test_a_link_from_years_ago_still_works_after_its_key_was_replaced(session: Session) -> None:
    daily = add_newsletter(session)
    reader = add_reader(session, daily, "ada@example.com")
    token = link(
        session,
        LinkPurpose.UNSUBSCRIBE,
        subscriber_id=reader.id,
        object_id=daily.id,
        mailing_id=3,
        issued_at=NOON - timedelta(days=3000),
    )
    keys.rotate(session, KeyPurpose.LINKS, now=NOON)

    found = unsubscribe.describe(session, token, now=NOON)

    assert (found.subscriber_id, found.newsletter.id, found.mailing_id) == (reader.id, daily.id, 3)
    assert found.masked_address == "a…@example.com"


def test_a_link_about_nobody_is_refused(session: Session) -> None:
    daily = add_newsletter(session)
    token = link(session, LinkPurpose.UNSUBSCRIBE, subscriber_id=4711, object_id=daily.id, issued_at=NOON)

    with pytest.raises(InvalidToken):
        unsubscribe.describe(session, token, now=NOON)
