"""Check what is told of a mailing while it goes out."""

from __future__ import annotations

from datetime import timedelta

from newsletter.domain.mailings import MailingStatus, MessageStatus
from newsletter.reporting.progress import Progress, progress_of
from newsletter.store import Session
from newsletter.store.tables import Message
from tests.clocks import NOON
from tests.reporting.test_receipts import mailing_id, plan

__all__ = ["mailing_id"]


def end(session: Session, mailing: int, reader: int, status: MessageStatus, *, after: int) -> None:
    """Write a result down, so many seconds after the mailing's start."""
    session.add(
        Message(mailing_id=mailing, subscriber_id=reader, at=after, code=250, status=status, picks=b"")
    )
    session.flush()


def test_nothing_has_happened_yet(session: Session, mailing_id: int) -> None:
    plan(session, mailing_id, 1, 2, 3)

    found = progress_of(session, mailing_id, now=NOON)

    assert found == Progress(
        status=MailingStatus.RUNNING,
        fault=None,
        planned=3,
        done=0,
        submitted=0,
        withheld=0,
        failed=0,
        deferred=0,
        uncertain=0,
        rate=0.0,
        ends_at=None,
    )


def test_the_rate_is_that_of_the_last_ten_seconds(session: Session, mailing_id: int) -> None:
    plan(session, mailing_id, *range(1, 101))
    for reader in range(1, 31):
        end(session, mailing_id, reader, MessageStatus.SUBMITTED, after=5)
    for reader in range(31, 51):
        end(session, mailing_id, reader, MessageStatus.SUBMITTED, after=95)

    found = progress_of(session, mailing_id, now=NOON + timedelta(seconds=100))

    assert (found.done, found.rate) == (50, 2.0)
    assert found.ends_at == NOON + timedelta(seconds=125)


def test_every_end_has_its_count(session: Session, mailing_id: int) -> None:
    plan(session, mailing_id, *range(1, 9))
    for reader, status in enumerate(MessageStatus, start=1):
        end(session, mailing_id, reader, status, after=0)

    found = progress_of(session, mailing_id, now=NOON + timedelta(seconds=2))

    assert (found.planned, found.done) == (8, 7)
    # What came back was submitted, and expired is failed.
    assert (found.submitted, found.withheld, found.failed) == (2, 1, 2)
    assert (found.deferred, found.uncertain) == (1, 1)
    assert found.as_dict()["rate"] == 3.5


def test_a_mailing_that_is_through_has_no_end_to_come(session: Session, mailing_id: int) -> None:
    plan(session, mailing_id, 1)
    end(session, mailing_id, 1, MessageStatus.SUBMITTED, after=0)

    assert progress_of(session, mailing_id, now=NOON + timedelta(seconds=1)).ends_at is None
