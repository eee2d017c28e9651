"""Make up readers: who follows what, how often, and where they live."""

from __future__ import annotations

import random  # noqa: TID251 - the seed decides everything
from dataclasses import dataclass
from datetime import datetime

from newsletter.domain.subscriptions import Cadence, SubscriptionStatus
from newsletter.store import Session
from newsletter.store.tables import Newsletter, Subscription
from tests.builders import add_reader

_CADENCES = {Cadence.EVERY_ISSUE: 25, Cadence.DAILY: 35, Cadence.WEEKDAYS: 20, Cadence.WEEKLY: 20}
_HOURS = (*(None,) * 8, 9, 19)
_ZONES = (None, None, "Europe/Berlin", "America/New_York", "Asia/Kolkata")


@dataclass(frozen=True)
class Reader:
    """Hold a reader as the test knows it; ``cadences`` by slug of the newsletters read."""

    id: int
    address: str
    cadences: dict[str, Cadence]
    topics: int
    first: str  # the newsletter that topics, cadence and hour are of
    hour: int | None
    zone: str | None


def settle(
    session: Session, daily: Newsletter, coast: Newsletter, *, count: int, seed: int, now: datetime
) -> list[Reader]:
    """Add readers; every third reads both newsletters, every sixth the second alone."""
    chance, found = random.Random(f"readers {seed}"), []
    for number in range(count):
        topics = 0 if chance.random() < 0.3 else _topics(chance)
        cadence = chance.choices(list(_CADENCES), list(_CADENCES.values()))[0]
        hour = chance.choice(_HOURS)
        first = coast if number % 6 == 5 else daily
        address = f"r{number}@reader{number % 7}.example"
        row = add_reader(
            session,
            first,
            address,
            name=f"Reader {number}" if number % 2 else "",
            topics=topics,
            cadence=cadence,
            hour=hour,
            requested_at=now,
            confirmed_at=now,
        )
        row.zone = chance.choice(_ZONES)
        cadences = {first.slug: cadence}
        if number % 3 == 0:
            cadences[coast.slug] = Cadence.EVERY_ISSUE
            session.add(_second(row.id, coast, topics, now=now))
        found.append(Reader(row.id, address, cadences, topics, first.slug, hour, row.zone))
    return found


def _second(reader_id: int, newsletter: Newsletter, topics: int, *, now: datetime) -> Subscription:
    return Subscription(
        subscriber_id=reader_id,
        newsletter_id=newsletter.id,
        status=SubscriptionStatus.ACTIVE,
        topics=topics,
        cadence=Cadence.EVERY_ISSUE,
        requested_at=now,
        confirmed_at=now,
    )


def _topics(chance: random.Random) -> int:
    return sum(1 << number for number in chance.sample(range(6), chance.randint(1, 4)))
