"""Check what is kept of readers: suppressions, notices, hooks, and many rows at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import DBAPIError

from newsletter.domain import addresses
from newsletter.domain.consent import ConsentEvidence, ConsentKind
from newsletter.domain.outcomes import SmtpReply
from newsletter.domain.suppressions import SuppressionReason
from newsletter.domain.webhooks import REMEMBERED
from newsletter.store import Database, Session, consent, hooks, notices, subscribers, suppressions
from newsletter.store.tables import ConsentEvent, Newsletter, NoticeKind, NoticeStatus, Subscriber
from tests.builders import add_newsletter, add_reader
from tests.clocks import NOON

ADA = "ada@example.com"
DAY = timedelta(days=1)


@pytest.fixture
def daily(session: Session) -> Newsletter:
    """Add the daily."""
    return add_newsletter(session)


@pytest.fixture
def ada(session: Session, daily: Newsletter) -> Subscriber:
    """Add a reader."""
    return add_reader(session, daily, ADA)


def add_notice(session: Session, reader: Subscriber, newsletter: Newsletter) -> int:
    """Queue a confirmation at noon."""
    return notices.add(
        session,
        NoticeKind.CONFIRMATION,
        reader.id,
        newsletter.id,
        {"newsletters": [newsletter.id]},
        now=NOON,
        expires_at=NOON + 7 * DAY,
    ).id


def test_one_address_is_one_reader_however_it_is_spelled(session: Session) -> None:
    one = subscribers.ensure(
        session, addresses.parse("Ada@Bücher.example"), name="Ada", language="de", now=NOON
    )
    other = subscribers.ensure(
        session, addresses.parse("ADA@xn--bcher-kva.example"), name="Eve", language=None, now=NOON
    )

    assert one.id == other.id
    assert (other.address, other.name, other.language) == ("Ada@xn--bcher-kva.example", "Ada", "de")


def test_readers_are_found_by_any_part_and_page_by_page(session: Session, daily: Newsletter) -> None:
    ids = [add_reader(session, daily, f"reader_{n}@example.com", name=f"Nr {n}").id for n in range(5)]

    assert [reader.id for reader in subscribers.search(session, "READER_", limit=2)] == ids[:2]
    assert [reader.id for reader in subscribers.search(session, "reader_", after_id=ids[2])] == ids[3:]
    assert [reader.id for reader in subscribers.search(session, "nr 4")] == [ids[4]]
    assert subscribers.search(session, "%") == []
    assert subscribers.search(session, newsletter_id=daily.id + 1) == []


def test_consent_is_added_and_never_changed(session: Session, ada: Subscriber, daily: Newsletter) -> None:
    consent.add(
        session,
        ada.id,
        ConsentKind.CONFIRMED,
        newsletters=[daily.id],
        evidence=ConsentEvidence(channel="page"),
        now=NOON,
    )
    assert len(consent.of_subscriber(session, ada.id)) == 1

    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.execute(delete(ConsentEvent))


def test_a_suppression_is_active_until_it_ends_or_is_lifted(session: Session) -> None:
    suppressions.add(session, ADA, reason="hard_bounce", evidence="5.1.1", now=NOON, expires_at=NOON + DAY)

    assert suppressions.active_keys(session, [ADA, "bob@example.com"], NOON) == {ADA}
    assert suppressions.active_keys(session, [ADA], NOON + DAY) == set()
    assert suppressions.lift(session, ADA, now=NOON)
    assert not suppressions.lift(session, ADA, now=NOON)
    assert suppressions.active_keys(session, [ADA], NOON) == set()
    assert suppressions.add(session, ADA, reason="manual", evidence="", now=NOON)
    assert suppressions.active_keys(session, [ADA], NOON + 999 * DAY) == {ADA}


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT, SuppressionReason.COMPLAINT),
        (SuppressionReason.COMPLAINT, SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT),
        (SuppressionReason.COMPLAINT, SuppressionReason.MANUAL, SuppressionReason.COMPLAINT),
    ],
)
def test_a_reason_that_lasts_is_not_replaced_by_one_that_does_not(
    session: Session, first: SuppressionReason, second: SuppressionReason, kept: SuppressionReason
) -> None:
    for reason in (first, second):
        suppressions.add(session, ADA, reason=reason, evidence="", now=NOON)

    found = suppressions.why(session, ADA, now=NOON)
    assert found is not None
    assert found.reason == kept


def test_a_suppression_that_lasts_replaces_one_that_ends(session: Session) -> None:
    suppressions.add(session, ADA, reason="complaint", evidence="", now=NOON, expires_at=NOON + DAY)

    assert suppressions.add(session, ADA, reason="complaint", evidence="", now=NOON)
    assert not suppressions.add(
        session, ADA, reason="complaint", evidence="", now=NOON, expires_at=NOON + DAY
    )
    assert suppressions.active_keys(session, [ADA], NOON + 2 * DAY) == {ADA}


def test_thousands_of_keys_are_looked_up_at_once(session: Session) -> None:
    suppressions.add(session, ADA, reason="complaint", evidence="", now=NOON)
    keys = [f"reader{n}@example.com" for n in range(40_000)]

    assert suppressions.active_keys(session, [*keys, ADA], NOON) == {ADA}


def test_a_notice_is_claimed_by_one_holder_until_the_lease_ends(
    session: Session, ada: Subscriber, daily: Newsletter
) -> None:
    notice_id = add_notice(session, ada, daily)

    first = notices.claim_due(session, holder="one", now=NOON, limit=10)
    second = notices.claim_due(session, holder="two", now=NOON, limit=10)
    late = notices.claim_due(session, holder="two", now=NOON + notices.LEASE, limit=10)

    assert [[one.id for one in claimed] for claimed in (first, second, late)] == [
        [notice_id],
        [],
        [notice_id],
    ]
    assert late[0].attempt_count == 2
    assert not notices.record_result(
        session, notice_id, holder="one", status=NoticeStatus.SUBMITTED, now=NOON
    )


def test_a_deferred_notice_keeps_its_bytes_and_comes_again(
    session: Session, ada: Subscriber, daily: Newsletter
) -> None:
    notice_id = add_notice(session, ada, daily)
    notices.claim_due(session, holder="one", now=NOON, limit=10)
    notices.keep_message(session, notice_id, b"From: x")

    notices.record_result(
        session,
        notice_id,
        holder="one",
        status=NoticeStatus.DUE,
        now=NOON,
        reply=SmtpReply(451, "4.7.1", "later"),
        next_attempt_at=NOON + timedelta(minutes=5),
    )

    assert notices.claim_due(session, holder="one", now=NOON + timedelta(minutes=4), limit=10) == []
    (again,) = notices.claim_due(session, holder="one", now=NOON + timedelta(minutes=5), limit=10)
    session.refresh(again)
    assert (again.message, again.reply_code) == (b"From: x", 451)


def test_a_notice_that_means_nothing_any_more_is_given_up(
    session: Session, ada: Subscriber, daily: Newsletter
) -> None:
    add_notice(session, ada, daily)

    assert notices.claim_due(session, holder="one", now=NOON + 7 * DAY, limit=10) == []
    assert notices.expire(session, now=NOON + 7 * DAY) == 1
    assert notices.waiting(session) == 0


def test_what_was_never_mailed_does_not_count_as_asked(session: Session, daily: Newsletter) -> None:
    reader = subscribers.ensure(
        session, addresses.parse("a.d.a+x@gmail.com"), name="", language=None, now=NOON
    )
    add_notice(session, reader, daily)
    assert len(notices.asked(session, "ada@gmail.com")) == 1

    notices.withhold(session, reader.id, now=NOON)

    assert notices.asked(session, "ada@gmail.com") == []


def test_a_delivery_is_claimed_once_and_forgotten_after_a_day(database: Database) -> None:
    with database.transaction() as session:
        assert hooks.claim(session, "signup", "msg_1", now=NOON)
        hooks.answer(session, "signup", "msg_1", {"accepted": True})

    with database.transaction() as session:
        assert not hooks.claim(session, "signup", "msg_1", now=NOON + REMEMBERED)
        assert hooks.answered(session, "signup", "msg_1") == {"accepted": True}
        assert hooks.claim(session, "articles", "msg_1", now=NOON)
    with database.transaction() as session:
        assert hooks.claim(session, "signup", "msg_1", now=NOON + REMEMBERED + timedelta(seconds=1))
        assert hooks.forget(session, now=NOON + 3 * DAY) == 2
