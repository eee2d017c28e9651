"""Deciding sees each reader as the reader is at that moment, and everything that the reader had."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.mailings import MessageStatus
from newsletter.domain.subscriptions import Cadence, SubscriptionStatus
from newsletter.store import Session, messages, readers, suppressions
from newsletter.store.messages import MessageRow
from newsletter.store.readers import Reader
from newsletter.store.tables import Domain, Newsletter, Subscriber
from tests.builders import add_article, add_newsletter, add_reader
from tests.clocks import NOON
from tests.store.plans import add_mailing

ADA = "ada@example.com"
FAR = 1_000_000  # an id that makes a list of readers a sparse one


@pytest.fixture
def daily(session: Session) -> Newsletter:
    """Add the daily."""
    return add_newsletter(session)


def find(session: Session, newsletter: Newsletter, *ids: int) -> dict[int, Reader]:
    found = readers.find(session, newsletter.id, ids, now=NOON)
    return {reader: found[reader] for reader in ids if reader in found}


def had_mail(
    mailing_id: int, reader: int, picks: bytes, status: MessageStatus = MessageStatus.SUBMITTED
) -> MessageRow:
    return mailing_id, reader, 0, 250, status, picks


@pytest.mark.parametrize("others", [(), (FAR,)])
def test_a_reader_is_read_with_everything_that_matters(
    session: Session, daily: Newsletter, others: tuple[int, ...]
) -> None:
    article = add_article(session, daily, title="Eels are back", seen_at=NOON)
    session.add(Domain(id=7, name="example.com"))
    session.flush()
    ada = add_reader(
        session,
        daily,
        ADA,
        name="Ada",
        topics=5,
        cadence=Cadence.WEEKLY,
        signup_article=article.canonical_url,
    )
    ada.domain_id = 7

    found = find(session, daily, ada.id, *others)

    expected = Reader(ada.id, ADA, "Ada", 7, True, False, 5, Cadence.WEEKLY, article.number)
    assert found == {ada.id: expected}
    assert found[ada.id].cadence is Cadence.WEEKLY


def test_who_is_not_active_here_is_read_too(session: Session, daily: Newsletter) -> None:
    weekend = add_newsletter(session, slug="weekend")
    pending = add_reader(session, daily, "bob@example.com", status=SubscriptionStatus.PENDING)
    stranger = add_reader(session, weekend, "eve@example.com", topics=3)
    erased = Subscriber(created_at=NOON, erased_at=NOON)
    session.add(erased)
    session.flush()

    found = find(session, daily, pending.id, stranger.id, erased.id)

    assert [found[reader.id].is_active for reader in (pending, stranger, erased)] == [0, 0, 0]
    assert (found[stranger.id].topics, found[stranger.id].cadence) == (0, Cadence.EVERY_ISSUE)
    assert found[erased.id].address is None


def test_a_suppression_counts_while_it_lasts(session: Session, daily: Newsletter) -> None:
    names = ["never", "bulk", "ended", "lifted", "to come", "confirmations"]
    ids = {name: add_reader(session, daily, f"{name.replace(' ', '')}@example.com").id for name in names}

    def suppress(name: str, **over: object) -> None:
        key = f"{name.replace(' ', '')}@example.com"
        suppressions.add(session, key, reason="complaint", evidence="", now=NOON, **over)  # type: ignore[arg-type]

    suppress("bulk")
    suppress("ended", expires_at=NOON)
    suppress("to come", expires_at=NOON + timedelta(seconds=1))
    suppress("confirmations", scope="confirmations")
    suppress("lifted")
    suppressions.lift(session, "lifted@example.com", now=NOON)

    found = find(session, daily, *ids.values())

    assert {name for name in names if found[ids[name]].is_suppressed} == {"bulk", "to come"}


def test_nobody_is_asked_for_without_ids(session: Session, daily: Newsletter) -> None:
    assert readers.find(session, daily.id, [], now=NOON) == {}
    assert list(readers.had(session, [1], [])) == []
    assert list(readers.had(session, [], [1])) == []


@pytest.mark.parametrize("ids", [(1, 2, 3), (1, 2, 3, FAR)])
def test_what_readers_had_comes_mailing_by_mailing_in_the_given_order(
    session: Session, daily: Newsletter, ids: tuple[int, ...]
) -> None:
    first, second, third = (add_mailing(session, daily) for _ in range(3))
    rows = [
        had_mail(first, 1, b"\x01"),
        had_mail(first, 2, b"\x02", MessageStatus.UNCERTAIN),
        had_mail(first, 3, b"", MessageStatus.WITHHELD),
        had_mail(second, 1, b"\x04", MessageStatus.DEFERRED),
        had_mail(second, 2, b"\x05", MessageStatus.FAILED),
        had_mail(second, 3, b"\x06", MessageStatus.EXPIRED),
        had_mail(third, 1, b"\x07"),
    ]
    assert messages.append(session, rows) == []

    found = [(mailing, sorted(had)) for mailing, had in readers.had(session, [second, first], ids)]

    assert found == [(second, [(1, b"\x04")]), (first, [(1, b"\x01"), (2, b"\x02")])]
