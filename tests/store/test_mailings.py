"""Mailings know their audience, and which others count for what a reader had."""

from __future__ import annotations

from datetime import timedelta

from newsletter.domain.mailings import BUCKET_SIZE
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.store import Session, audiences, mailings
from newsletter.store.tables import Newsletter, Subscriber, Subscription
from tests.builders import add_newsletter
from tests.clocks import NOON
from tests.store.plans import add_mailing

DAY = timedelta(days=1)


def subscribe(
    session: Session,
    newsletter: Newsletter,
    *ids: int,
    status: SubscriptionStatus = SubscriptionStatus.ACTIVE,
) -> None:
    session.add_all(Subscriber(id=reader, created_at=NOON) for reader in ids)
    session.flush()
    session.add_all(
        Subscription(subscriber_id=reader, newsletter_id=newsletter.id, status=status, requested_at=NOON)
        for reader in ids
    )
    session.flush()


def test_the_audience_is_who_is_active_by_bucket(session: Session) -> None:
    daily, weekend = add_newsletter(session), add_newsletter(session, slug="weekend")
    edge = 3 * BUCKET_SIZE
    subscribe(session, daily, 9, edge - 1, edge, edge + 5, 5 * BUCKET_SIZE)
    subscribe(session, daily, edge + 1, status=SubscriptionStatus.ENDED)
    subscribe(session, weekend, edge + 2)

    session.get_one(Subscription, (edge, daily.id)).hour = 7
    for reader in (edge, edge + 5):
        session.get_one(Subscriber, reader).zone = "Asia/Tokyo"
    session.flush()

    found = audiences.audience(session, daily.id, from_bucket=2, bucket_count=3)

    told = [(group.bucket, group.zone, group.hour, [*group.subscriber_ids]) for group in found]
    assert sorted(told, key=lambda each: each[3]) == [
        (2, None, None, [edge - 1]),
        (3, "Asia/Tokyo", 7, [edge]),
        (3, "Asia/Tokyo", None, [edge + 5]),
    ]
    nearer = audiences.audience(session, daily.id, from_bucket=2, bucket_count=3, has_all_zones=False)
    assert {(group.zone, group.hour, *group.subscriber_ids) for group in nearer} == {
        (None, None, edge - 1),
        ("Asia/Tokyo", 7, edge),
        (None, None, edge + 5),
    }
    assert audiences.next_bucket(session, daily.id, after=3) == 5


def test_other_mailings_count_when_they_reach_into_the_candidates_or_the_rhythm(session: Session) -> None:
    daily, weekend = add_newsletter(session), add_newsletter(session, slug="weekend")
    old = add_mailing(session, daily, at=NOON - 20 * DAY, highest=5)
    reaching = add_mailing(session, daily, at=NOON - 19 * DAY, highest=10)
    recent = add_mailing(session, daily, at=NOON - DAY, highest=3)
    own = add_mailing(session, daily, highest=20)
    later = add_mailing(session, daily, at=NOON + DAY, highest=30)
    other = add_mailing(session, weekend, highest=99)
    add_mailing(session, weekend, at=NOON - DAY, highest=9)

    found = mailings.earlier(session, daily.id, other_than=own, lowest_number=10, since=NOON - 8 * DAY)

    assert old not in {one.mailing_id for one in found}
    assert {one.mailing_id: (one.highest, one.cut_off_at) for one in found} == {
        reaching: (10, NOON - 19 * DAY),
        recent: (3, NOON - DAY),
        later: (30, NOON + DAY),
        other: (99, NOON),
    }
    assert {one.mailing_id for one in found if one.newsletter_id == weekend.id} == {other}


def test_waves_of_a_bucket_are_batches_of_their_own_and_each_stays_as_it_is(session: Session) -> None:
    mailing_id = add_mailing(session, add_newsletter(session))
    mailings.add_batches(session, mailing_id, {0: [1, 2]}, due_at=NOON)
    mailings.add_batches(session, mailing_id, {0: [3]}, due_at=NOON, wave=1)
    mailings.add_batches(session, mailing_id, {0: [1, 2, 4]}, due_at=NOON)

    found = mailings.places(session, mailing_id)
    mailings.set_due(session, {batch_id: NOON + wave * DAY for batch_id, wave, _ in found})

    batches = mailings.batches(session, mailing_id)
    assert [(batch.wave, batch.planned_count, batch.due_at) for batch in batches] == [
        (0, 2, NOON),
        (1, 1, NOON + DAY),
    ]
