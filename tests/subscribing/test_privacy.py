"""An erased reader is nobody any more, and what the address did is not forgotten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.domain import addresses
from newsletter.domain.suppressions import SuppressionReason
from newsletter.feedback.suppress import suppress
from newsletter.store import Database, arrivals, readers, subscribers, subscriptions, suppressions
from newsletter.store.tables import Arrival, Outcome, Subscriber, Suppression
from newsletter.subscribing import asking, privacy
from newsletter.subscribing.asking import Silence
from tests.clocks import NOON
from tests.feedback.post import ADA, BOB, Post, complaint


@pytest.fixture
def post(database: Database) -> Post:
    """Let Ada complain, and Bob."""
    post = Post.begin(database)
    for address in (ADA, BOB):
        post.come(complaint(recipient=address, returned=f"Message-ID: <{post.token('m', address)}>"))
    suppress(database.transaction, now=NOON, ask_dns=lambda _domain: None)
    return post


def erase(post: Post) -> bool:
    with post.database.transaction() as session:
        return privacy.erase(session, post.readers[ADA], now=NOON + timedelta(days=1))


def test_nothing_that_is_kept_names_the_reader(post: Post) -> None:
    assert [erase(post), erase(post)] == [True, False]

    with post.database.reading() as session:
        reader = session.get_one(Subscriber, post.readers[ADA])
        assert (reader.address, reader.address_key, reader.abuse_key) == (None, None, None)
        assert reader.erased_at == NOON + timedelta(days=1)
        kept = [
            *(arrival.body.decode() for arrival in session.scalars(select(Arrival))),
            *session.scalars(select(Suppression.address_key)),
            *(f"{each.evidence} {each.named_recipient}" for each in session.scalars(select(Outcome))),
        ]
        assert not any("ada@" in text.lower() for text in kept)
        assert any("bob@" in text.lower() for text in kept)


def test_an_erased_reader_gets_no_mail_that_is_under_way(post: Post) -> None:
    erase(post)

    with post.database.reading() as session:
        found = readers.find(session, post.newsletter.id, [post.readers[ADA]], now=NOON)[post.readers[ADA]]
        [subscription] = subscriptions.of_subscriber(session, post.readers[ADA])
    assert (found.address, found.is_active, subscription.status) == (None, False, "ended")


def test_who_complained_is_not_asked_when_the_address_signs_up_again(post: Post) -> None:
    erase(post)

    with post.database.transaction() as session:
        silence = asking.silence_for_address(session, addresses.parse(ADA), now=NOON)
        anew = subscribers.ensure(session, addresses.parse(ADA), name="", language=None, now=NOON)
        why = suppressions.why(session, ADA, now=NOON)
    assert silence is Silence.SUPPRESSED
    assert anew.id not in post.readers.values()
    assert why is not None
    assert why.reason == SuppressionReason.COMPLAINT


def test_what_comes_back_later_finds_nobody_and_breaks_nothing(post: Post) -> None:
    recipient = post.token("b")
    erase(post)

    post.come(complaint(returned="Subject: x"), recipient=recipient)

    assert suppress(post.database.transaction, now=NOON, ask_dns=lambda _domain: None).count == 0
    with post.database.reading() as session:
        assert not arrivals.is_due(session, now=NOON)
