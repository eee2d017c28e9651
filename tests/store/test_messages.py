"""Results are appended in bulk, once for each reader, whoever comes second."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from newsletter.domain.mailings import MessageStatus
from newsletter.store import Database, IntegrityError, OperationalError, Session, driver, messages
from newsletter.store.messages import MessageRow
from newsletter.store.tables import Message
from tests.builders import add_newsletter
from tests.store.plans import add_mailing

BIG = 2**31 - 1  # the greatest reader that a message can have


def row(mailing_id: int, reader: int, *, code: int = 250, picks: bytes = b"\x01") -> MessageRow:
    return mailing_id, reader, 7, code, MessageStatus.SUBMITTED, picks


def kept(session: Session) -> list[tuple[object, ...]]:
    columns = (
        Message.mailing_id,
        Message.subscriber_id,
        Message.at,
        Message.code,
        Message.status,
        Message.picks,
    )
    return [tuple(row) for row in session.execute(select(*columns).order_by(*columns[:2]))]


def test_rows_are_written_to_the_letter(session: Session) -> None:
    rows = [
        row(1, 1, picks=b""),
        row(1, 2, picks=bytes(range(256)) * 40),
        row(1, BIG, code=451),
        (2, 1, 2**31 - 1, 5, MessageStatus.WITHHELD, b"\0\n\\"),
    ]

    assert messages.append(session, rows) == []

    assert kept(session) == rows
    assert messages.append(session, []) == []


def test_a_result_that_is_there_stays_and_the_others_are_written(session: Session) -> None:
    messages.append(session, [row(1, 2, code=250), row(2, 3)])

    refused = messages.append(session, [row(1, reader, code=299) for reader in (1, 2, 3)])

    assert refused == [2]
    assert [(reader, code) for mailing, reader, _, code, *_ in kept(session) if mailing == 1] == [
        (1, 299),
        (2, 250),
        (3, 299),
    ]


def test_a_transaction_goes_on_after_a_refused_row(session: Session) -> None:
    messages.append(session, [row(1, 1)])
    messages.append(session, [row(1, 1), row(1, 2)])
    messages.append(session, [row(1, 3)])

    assert sorted(messages.recorded(session, 1, 0)) == [1, 2, 3]


def test_a_reader_twice_in_one_record_is_a_fault_of_ours(database: Database) -> None:
    with pytest.raises(IntegrityError), database.transaction() as session:
        messages.append(session, [row(1, 1), row(1, 1)])


def test_the_recorded_are_those_of_the_bucket_and_mailing(session: Session) -> None:
    messages.append(session, [row(1, 4095), row(1, 4096), row(1, 8191), row(1, 8192), row(2, 4100)])

    assert sorted(messages.recorded(session, 1, 1)) == [4096, 8191]
    assert messages.recorded(session, 3, 1) == []


def test_what_waits_in_the_session_is_written_before_the_driver_speaks(session: Session) -> None:
    mailing_id = add_mailing(session, add_newsletter(session))
    session.add(
        Message(
            mailing_id=mailing_id, subscriber_id=1, at=0, code=250, status=MessageStatus.SUBMITTED, picks=b""
        )
    )

    assert messages.recorded(session, mailing_id, 0) == [1]


def ask(session: Session, statement: str) -> list[tuple[object, ...]]:
    with driver.cursor(session) as cursor:
        cursor.execute(statement)
        found: list[tuple[object, ...]] = cursor.fetchall()
    return found


def test_a_fault_of_the_driver_is_an_error_of_the_store(database: Database) -> None:
    with pytest.raises(Exception, match="nowhere") as caught, database.transaction() as session:
        ask(session, "SELECT 1 FROM nowhere")

    assert type(caught.value).__module__ == "sqlalchemy.exc"


def test_a_connection_that_is_lost_is_made_anew(postgres_url: str) -> None:
    database = Database(postgres_url)
    session = Session(database.engine)
    [(process,)] = ask(session, "SELECT pg_backend_pid()")
    with database.transaction() as other:
        ask(other, f"SELECT pg_terminate_backend({process}, 5000)")

    with pytest.raises(OperationalError):
        ask(session, "SELECT 1")

    session.close()
    with database.transaction() as session:
        assert ask(session, "SELECT 1") == [(1,)]
    database.dispose()
