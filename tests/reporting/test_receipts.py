"""Check that a receipt is counted by comparing bitmaps with results, and hides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from newsletter.domain.mailings import (
    BUCKET_SIZE,
    BatchStatus,
    MessageStatus,
    Receipt,
    WithheldReason,
    bitmap,
)
from newsletter.reporting import receipts
from newsletter.store import Session, mailings, messages
from newsletter.store.tables import Batch, Issue
from tests.builders import add_newsletter
from tests.clocks import NOON

SUBMITTED = MessageStatus.SUBMITTED
EDGE = BUCKET_SIZE - 1  # the last reader of bucket 0


@pytest.fixture
def mailing_id(session: Session) -> int:
    """Add a mailing without batches."""
    newsletter = add_newsletter(session)
    issue = Issue(newsletter_id=newsletter.id, number=1, since=NOON, cut_off_at=NOON, planned_at=NOON)
    session.add(issue)
    session.flush()
    return mailings.start(session, issue, highest=1, now=NOON, expires_at=NOON + timedelta(days=1)).id


def plan(session: Session, mailing_id: int, *readers: int, status: BatchStatus = BatchStatus.PENDING) -> None:
    """Add the batches of these readers."""
    by_bucket: dict[int, list[int]] = {}
    for reader in readers:
        by_bucket.setdefault(reader // BUCKET_SIZE, []).append(reader)
    mailings.add_batches(session, mailing_id, by_bucket, due_at=NOON)
    for batch in mailings.batches(session, mailing_id):
        mailings.settle_batch(session, batch.id, status=status, retry_at=None)


def record(
    session: Session,
    mailing_id: int,
    readers: Iterable[int],
    *,
    status: MessageStatus = SUBMITTED,
    code: int = 250,
) -> None:
    """Write results down."""
    rows = [(mailing_id, reader, 0, code, status, b"") for reader in readers]
    messages.append(session, rows)


def test_every_result_is_counted_under_its_name(session: Session, mailing_id: int) -> None:
    plan(session, mailing_id, *range(1, 12), EDGE, EDGE + 1)
    record(session, mailing_id, [1, EDGE, EDGE + 1])
    record(
        session, mailing_id, [2], status=MessageStatus.BOUNCED, code=550
    )  # was submitted, whatever came later
    record(session, mailing_id, [3], status=MessageStatus.FAILED, code=550)
    record(session, mailing_id, [4], status=MessageStatus.EXPIRED, code=451)
    record(session, mailing_id, [5], status=MessageStatus.DEFERRED, code=451)
    record(session, mailing_id, [6], status=MessageStatus.UNCERTAIN, code=0)
    record(session, mailing_id, [7, 8], status=MessageStatus.WITHHELD, code=WithheldReason.SUPPRESSED)
    record(session, mailing_id, [9], status=MessageStatus.WITHHELD, code=WithheldReason.UNSUBSCRIBED)

    found = receipts.receipt(session, mailing_id)

    assert found == Receipt(
        planned=13,
        submitted=4,
        withheld={"suppressed": 2, "unsubscribed": 1},
        failed=2,
        deferred=1,
        uncertain=1,
        unclaimed=2,
    )
    assert found.adds_up


def test_a_mailing_without_batches_has_planned_nobody(session: Session, mailing_id: int) -> None:
    found = receipts.receipt(session, mailing_id)

    assert (found.planned, found.unclaimed, found.unplanned, found.adds_up) == (0, 0, 0, True)


@pytest.mark.parametrize("status", list(BatchStatus))
def test_a_planned_reader_without_a_result_is_unclaimed_whatever_the_batch_says(
    session: Session, mailing_id: int, status: BatchStatus
) -> None:
    plan(session, mailing_id, 1, 2, EDGE + 1, status=status)
    record(session, mailing_id, [1])

    found = receipts.receipt(session, mailing_id)

    assert (found.planned, found.submitted, found.unclaimed, found.unplanned) == (3, 1, 2, 0)
    assert found.adds_up


@pytest.mark.parametrize("status", list(BatchStatus))
@pytest.mark.parametrize("stranger", [3, EDGE + 1])
def test_a_result_without_a_plan_shows_and_the_receipt_does_not_add_up(
    session: Session, mailing_id: int, status: BatchStatus, stranger: int
) -> None:
    plan(session, mailing_id, 1, 2, status=status)
    record(session, mailing_id, [1, 2, stranger])

    found = receipts.receipt(session, mailing_id)

    assert (found.planned, found.submitted, found.unclaimed, found.unplanned) == (2, 3, 0, 1)
    assert not found.adds_up


@pytest.mark.parametrize("status", list(BatchStatus))
def test_one_missing_and_one_too_many_do_not_cancel_out(
    session: Session, mailing_id: int, status: BatchStatus
) -> None:
    plan(session, mailing_id, 1, 2, status=status)
    record(session, mailing_id, [1, 3])

    found = receipts.receipt(session, mailing_id)

    assert (found.planned, found.submitted, found.unclaimed, found.unplanned) == (2, 2, 1, 1)
    assert not found.adds_up


def test_results_of_other_mailings_are_not_counted(session: Session, mailing_id: int) -> None:
    plan(session, mailing_id, 1)
    record(session, mailing_id + 1, [1, 2])

    found = receipts.receipt(session, mailing_id)

    assert (found.planned, found.submitted, found.unclaimed, found.unplanned) == (1, 0, 1, 0)


def test_batches_of_one_bucket_are_counted_together(session: Session, mailing_id: int) -> None:
    plan(session, mailing_id, 1, 2)
    session.add(
        Batch(
            mailing_id=mailing_id,
            wave=1,
            bucket=0,
            due_at=NOON,
            planned=bitmap([3], 0),
            planned_count=1,
        )
    )
    session.flush()
    record(session, mailing_id, [1, 3])

    found = receipts.receipt(session, mailing_id)

    assert (found.planned, found.submitted, found.unclaimed, found.adds_up) == (3, 2, 1, True)
