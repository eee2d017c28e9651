"""Arrivals: kept once, read by one at a time, put aside when they cannot be read, gone after 30 days."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.domain.arrivals import (
    ATTEMPTS_MAX,
    KEPT_BYTES,
    READ_BYTES,
    ArrivalResult,
    ArrivalStatus,
    MailWay,
)
from newsletter.store import Database, Session, alerts, arrivals
from newsletter.store.tables import Arrival
from tests.clocks import NOON

RAW = b"Subject: Undelivered\r\n\r\nNo such user.\r\n"


def keep(session: Session, raw: bytes = RAW, *, recipient: str | None = "b-1@b.post.example") -> bool:
    return arrivals.keep(session, way=MailWay.LMTP, raw=raw, now=NOON, recipient=recipient, sender="")


def test_an_arrival_is_kept_as_it_came(session: Session) -> None:
    is_new = arrivals.keep(
        session,
        way="postmark",
        raw=b"{}",
        now=NOON,
        key="77",
        peer="192.0.2.7",
        headers={"content-type": "application/json"},
    )

    [arrival_id] = arrivals.claim(session, now=NOON, limit=5)
    arrival = arrivals.get(session, arrival_id)
    assert is_new
    assert arrival is not None
    assert (arrival.way, arrival.body, arrival.rest, arrival.peer) == ("postmark", b"{}", None, "192.0.2.7")
    assert arrival.headers == {"content-type": "application/json"}
    assert (arrival.recipient, arrival.sender) == (None, None)


def test_the_same_mail_is_kept_once_whatever_way_it_came(session: Session) -> None:
    keep(session, recipient="b-1@b.post.example")

    again = arrivals.keep(session, way=MailWay.INGEST, raw=RAW, now=NOON, recipient="B-1@b.post.example")

    assert not again


def test_two_recipients_of_one_mail_are_two_arrivals(session: Session) -> None:
    assert keep(session, recipient="b-1@b.post.example")
    assert keep(session, recipient="b-2@b.post.example")


def test_a_providers_key_counts_for_that_provider_alone(session: Session) -> None:
    def keep_event(way: str, raw: bytes) -> bool:
        return arrivals.keep(session, way=way, raw=raw, now=NOON, key="77")

    assert keep_event("postmark", b"{}")
    assert keep_event("resend", b"{}")
    assert not keep_event("postmark", b"{ }")


def test_the_parser_sees_the_first_megabyte_and_the_rest_is_cut_at_ten(session: Session) -> None:
    keep(session, b"x" * (KEPT_BYTES + 10))

    body, rest, size = session.execute(select(Arrival.body, Arrival.rest, Arrival.size_bytes)).one()
    assert rest is not None
    assert (len(body), len(rest), size) == (READ_BYTES, KEPT_BYTES - READ_BYTES, KEPT_BYTES + 10)


def test_what_no_database_can_hold_is_left_out_of_addresses(session: Session) -> None:
    assert keep(session, recipient="a\0b\udcff@" + "x" * 400)

    recipient = session.scalars(select(Arrival.recipient)).one()
    assert recipient is not None
    assert recipient.startswith("ab?@xxx")
    assert len(recipient) == 320


def test_an_arrival_is_read_by_one_at_a_time_and_by_another_when_that_one_died(session: Session) -> None:
    keep(session)

    taken = arrivals.claim(session, now=NOON, limit=5)
    meanwhile = arrivals.claim(session, now=NOON + timedelta(seconds=1), limit=5)
    later = arrivals.claim(session, now=NOON + arrivals.LEASE, limit=5)

    assert (len(taken), meanwhile, later) == (1, [], taken)


def test_two_readers_at_once_take_different_arrivals(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    with database.transaction() as session:
        for number in range(4):
            keep(session, b"%d" % number)

    with database.transaction() as one, database.transaction() as other:
        first = arrivals.claim(one, now=NOON, limit=2)
        second = arrivals.claim(other, now=NOON, limit=4)

    assert (len(first), len(second)) == (2, 2)
    assert not set(first) & set(second)


def test_the_oldest_are_read_first(session: Session) -> None:
    for number in range(4):
        keep(session, b"%d" % number)

    first = arrivals.claim(session, now=NOON, limit=3)
    second = arrivals.claim(session, now=NOON, limit=3)

    assert first == sorted(first)
    assert max(first) < min(second)


def test_an_arrival_that_kills_its_readers_is_given_up_and_shown(session: Session) -> None:
    keep(session)
    times = [NOON + attempt * arrivals.LEASE for attempt in range(ATTEMPTS_MAX + 1)]

    taken = [arrivals.claim(session, now=now, limit=5) for now in times]

    [shown] = arrivals.listing(session, status=ArrivalStatus.FAILED, limit=5)
    assert [len(ids) for ids in taken] == [1, 1, 1, 0]
    assert shown.error != ""


def test_what_was_read_is_not_read_again_until_told(session: Session) -> None:
    keep(session)
    [arrival_id] = arrivals.claim(session, now=NOON, limit=5)

    assert arrivals.done(session, arrival_id, kind="bounce", result=ArrivalResult.RECORDED, now=NOON)
    assert not arrivals.failed(session, arrival_id, error="late", now=NOON)
    assert not arrivals.is_due(session, now=NOON + timedelta(days=1))

    assert arrivals.again(session, [arrival_id]) == 1
    assert arrivals.is_due(session, now=NOON)


def test_arrivals_are_counted_and_listed_by_result(session: Session) -> None:
    for number, result in enumerate(
        (ArrivalResult.RECORDED, ArrivalResult.UNIDENTIFIED, ArrivalResult.RECORDED)
    ):
        keep(session, b"%d" % number)
        [arrival_id] = arrivals.claim(session, now=NOON, limit=1)
        arrivals.done(session, arrival_id, kind="bounce", result=result, now=NOON)
    keep(session, b"9")

    assert arrivals.counts(session) == {
        (ArrivalStatus.READ, "recorded"): 2,
        (ArrivalStatus.READ, "unidentified"): 1,
        (ArrivalStatus.WAITING, ""): 1,
    }
    [shown] = arrivals.listing(session, results={"unidentified"}, limit=5)
    assert shown.kind == "bounce"


def test_after_thirty_days_only_what_was_never_read_is_left(session: Session) -> None:
    keep(session, b"read")
    arrivals.done(
        session,
        arrivals.claim(session, now=NOON, limit=1)[0],
        kind="bounce",
        result=ArrivalResult.IGNORED,
        now=NOON,
    )
    keep(session, b"unread")

    early = arrivals.sweep(session, now=NOON + timedelta(days=30))
    late = arrivals.sweep(session, now=NOON + timedelta(days=30, seconds=1))

    assert (early, late) == (0, 1)
    assert session.scalars(select(Arrival.body)).all() == [b"unread"]


def test_what_a_person_should_know_is_told_once_counted_and_forgotten(session: Session) -> None:
    first = alerts.note(session, "content", "mailing 4", "554 5.7.1 spam", now=NOON)
    second = alerts.note(session, "content", "mailing 4", "554 5.7.1 more spam", now=NOON + timedelta(days=1))
    alerts.note(session, "content", "mailing 5", "554 5.7.1 spam", now=NOON)

    assert (first, second) == (True, False)
    shown = alerts.recent(session, now=NOON + timedelta(days=7))
    assert [(each.subject, each.count, each.text) for each in shown] == [
        ("mailing 4", 2, "554 5.7.1 more spam")
    ]
