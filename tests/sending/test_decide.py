"""Who gets what is decided from what is true at that moment, and from everything a reader had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from newsletter.domain.mailings import MessageStatus, WithheldReason
from newsletter.domain.subscriptions import Cadence
from newsletter.sending import context as contexts
from newsletter.sending import decide
from newsletter.sending.context import Context
from newsletter.sending.decide import Decided
from newsletter.store import leases, messages, subscriptions, suppressions, windows
from newsletter.store.leases import Claim
from newsletter.store.tables import Domain, Subscriber
from tests.clocks import NOON
from tests.sending.press import Press
from tests.sending.test_drain import set_up

LEASE = timedelta(minutes=5)


def claimed(press: Press, mailing_id: int) -> tuple[Context, Claim]:
    with press.database.transaction() as session:
        claim = leases.claim(session, holder="one", lease=LEASE, now=press.clock.now())
        assert claim is not None
        return contexts.load(session, mailing_id, settings=press.settings), claim


def decided(
    press: Press,
    context: Context,
    claim: Claim,
    readers: Sequence[int],
    *,
    is_held: Callable[[int | None], bool] | None = None,
) -> Decided:
    with press.database.transaction() as session:
        return decide.decide_fresh(session, context, claim, readers, now=press.clock.now(), is_held=is_held)


def test_readers_of_a_held_destination_are_left_for_later_and_the_others_go_on(press: Press) -> None:
    newsletter_id = set_up(press, *(f"r{n}@reader.example" for n in range(4)))
    with press.database.transaction() as session:
        session.add_all([Domain(id=7, name="slow.example"), Domain(id=8, name="fast.example")])
        session.flush()
        for reader, domain_id in ((1, 7), (2, 8), (3, 7)):
            session.get_one(Subscriber, reader).domain_id = domain_id
        suppressions.add(session, "r2@reader.example", reason="complaint", evidence="", now=NOON)  # reader 3
    context, claim = claimed(press, press.expand(newsletter_id))
    asked: list[int | None] = []

    def is_held(domain_id: int | None) -> bool:
        asked.append(domain_id)
        return domain_id == 7

    found = decided(press, context, claim, [1, 2, 3, 4], is_held=is_held)

    assert (found.left, found.held) == ((1,), frozenset({7}))
    assert [(message.subscriber_id, message.domain_id) for message in found.messages] == [(2, 8), (4, None)]
    assert [(one.planned.subscriber_id, one.code) for one in found.settled] == [
        (3, WithheldReason.SUPPRESSED)
    ]
    assert asked == [7, 8, None]


def test_a_window_of_held_readers_alone_is_none(press: Press) -> None:
    context, claim = claimed(press, press.expand(set_up(press, "ana@reader.example")))

    found = decided(press, context, claim, [1], is_held=lambda _: True)

    assert (found.window_id, found.messages, found.settled, found.left) == (None, (), (), (1,))


def test_who_leaves_between_two_windows_of_a_batch_gets_nothing(press: Press) -> None:
    newsletter_id = set_up(press, *(f"r{n}@reader.example" for n in range(5)))
    context, claim = claimed(press, press.expand(newsletter_id))
    decided(press, context, claim, [1])

    with press.database.transaction() as session:
        subscription = subscriptions.get(session, 2, newsletter_id)
        assert subscription is not None
        session.delete(subscription)
        suppressions.add(session, "r2@reader.example", reason="complaint", evidence="", now=NOON)
        session.get_one(Subscriber, 4).address = None
    found = decided(press, context, claim, [2, 3, 4, 5, 6])

    assert [message.subscriber_id for message in found.messages] == [5]
    assert [(one.planned.subscriber_id, one.code) for one in found.settled] == [
        (2, WithheldReason.UNSUBSCRIBED),
        (3, WithheldReason.SUPPRESSED),
        (4, WithheldReason.ERASED),
        (6, WithheldReason.ERASED),
    ]


def test_the_window_holds_what_was_decided(press: Press) -> None:
    context, claim = claimed(press, press.expand(set_up(press, "ana@reader.example", "ben@reader.example")))

    found = decided(press, context, claim, [1, 2])

    assert found.window_id is not None
    with press.database.reading() as session:
        window = windows.get_many(session, [found.window_id])[found.window_id]
    assert (window.holder, window.epoch) == (claim.holder, claim.epoch)
    assert set(found.origins) == {1, 2}
    assert found.origins[1].window_id == found.window_id


def test_a_history_is_read_once_for_a_batch_and_anew_for_another_claim_of_it(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example", "ben@reader.example")
    first = press.expand(newsletter_id)
    press.drain()
    press.add_articles(newsletter_id, "Second day")
    second = press.expand(newsletter_id)
    context, claim = claimed(press, second)

    def history(claim: Claim) -> list[int]:
        with press.database.transaction() as session:
            found = context.histories.of_batch(session, claim, now=press.clock.now())
        return [found.of(reader, signup_number=None) for reader in (1, 2)]

    before = history(claim)
    with press.database.transaction() as session:  # a late bounce
        messages.change(session, first, [{"subscriber_id": 2, "status": MessageStatus.FAILED, "code": 550}])
    meanwhile = history(claim)
    with press.database.transaction() as session:
        leases.release(session, claim)
    afterwards = history(claimed(press, second)[1])

    assert before == meanwhile == [0b110, 0b110]
    assert afterwards == [0b110, 0]  # its stories may come again


def test_a_reader_who_is_not_due_is_withheld(press: Press) -> None:
    newsletter_id = set_up(press, "ana@reader.example")
    press.expand(newsletter_id)
    press.drain()
    press.clock.advance(timedelta(hours=1))
    with press.database.transaction() as session:
        subscription = subscriptions.get(session, 1, newsletter_id)
        assert subscription is not None
        subscription.cadence = Cadence.WEEKLY
    press.add_articles(newsletter_id, "Second day")
    context, claim = claimed(press, press.expand(newsletter_id))

    found = decided(press, context, claim, [1])

    assert [one.code for one in found.settled] == [WithheldReason.NOT_DUE]
