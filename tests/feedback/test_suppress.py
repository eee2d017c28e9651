"""Check which refusals in the dialogue suppress an address: at once, only that of a mailbox that does not exist."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from newsletter.domain import bounces
from newsletter.domain.outcomes import OutcomeKind, OutcomeSource, SmtpReply
from newsletter.domain.suppressions import SuppressionReason
from newsletter.feedback.suppress import suppress
from newsletter.store import Database, outcomes, suppressions
from newsletter.store.tables import Subscriber
from tests.builders import add_newsletter, add_reader
from tests.clocks import NOON

ADA = "ada@example.com"
HOUR = timedelta(hours=1)


def fail(
    database: Database,
    reader_id: int | None,
    reply: str,
    *,
    kind: OutcomeKind = OutcomeKind.FAILED,
    at: datetime = NOON,
) -> None:
    """Write a refusal down as sending does."""
    code, _, text = reply.partition(" ")
    parsed = SmtpReply.parse(int(code), text)
    diagnosis = bounces.diagnose(parsed)
    with database.transaction() as session:
        outcomes.add(
            session,
            kind=kind,
            source=OutcomeSource.DIALOGUE,
            at=at,
            event_key=f"{reader_id}:{reply}",
            mailing_id=3,
            subscriber_id=reader_id,
            reason=diagnosis.reason,
            category=diagnosis.category,
            reply=parsed,
            evidence=parsed.text,
            needs_action=True,
        )


@pytest.fixture
def ada(database: Database) -> int:
    """Add a reader."""
    with database.transaction() as session:
        return add_reader(session, add_newsletter(session), "Ada@example.com").id


def suppressed(database: Database) -> set[str]:
    """Return who is suppressed."""
    with database.reading() as session:
        return suppressions.active_keys(session, [ADA, "bob@example.com"], NOON)


def test_a_mailbox_that_does_not_exist_is_suppressed_at_the_first_refusal(
    database: Database, ada: int
) -> None:
    fail(database, ada, "550 5.1.1 Nobody of that name")

    counts = [suppress(database.transaction, now=NOON).count for _ in range(2)]

    assert counts == [1, 0]
    with database.reading() as session:
        found = suppressions.why(session, ADA, now=NOON)
    assert found is not None
    assert (found.reason, found.expires_at) == (SuppressionReason.HARD_BOUNCE, None)
    assert found.evidence.endswith(": 550 5.1.1 Nobody of that name")


@pytest.mark.parametrize(
    "reply",
    [
        "552 5.2.2 No room",
        "550 5.7.1 Not wanted",
        "550 Sender address rejected: user unknown",
        "554 Too many unknown users",
        "550 5.1.2 No such domain",
        "550",
    ],
)
def test_no_other_refusal_is_held_against_an_address(database: Database, ada: int, reply: str) -> None:
    fail(database, ada, reply)

    assert suppress(database.transaction, now=NOON).count == 0
    assert suppressed(database) == set()


@pytest.mark.parametrize("kind", [OutcomeKind.DEFERRED, OutcomeKind.EXPIRED, OutcomeKind.UNCERTAIN])
def test_a_mailbox_that_was_missing_for_a_while_is_not_suppressed(
    database: Database, ada: int, kind: OutcomeKind
) -> None:
    fail(database, ada, "450 4.1.1 Nobody of that name yet", kind=kind)

    assert suppress(database.transaction, now=NOON).count == 0
    assert suppressed(database) == set()


def test_what_has_been_looked_at_does_not_suppress_again_after_it_was_lifted(
    database: Database, ada: int
) -> None:
    fail(database, ada, "550 5.1.1 Nobody of that name")
    suppress(database.transaction, now=NOON)
    with database.transaction() as session:
        suppressions.lift(session, ADA, now=NOON)

    assert suppress(database.transaction, now=NOON).count == 0
    assert suppressed(database) == set()

    fail(database, ada, "550 5.1.1 Still nobody of that name", at=NOON + HOUR)
    assert suppress(database.transaction, now=NOON + HOUR).count == 1
    assert suppressed(database) == {ADA}


def test_who_complained_stays_suppressed_for_that(database: Database, ada: int) -> None:
    with database.transaction() as session:
        suppressions.add(session, ADA, reason=SuppressionReason.COMPLAINT, evidence="", now=NOON)
    fail(database, ada, "550 5.1.1 Nobody of that name")

    assert suppress(database.transaction, now=NOON).count == 0
    with database.reading() as session:
        found = suppressions.why(session, ADA, now=NOON)
    assert found is not None
    assert found.reason == SuppressionReason.COMPLAINT


def test_an_erased_reader_and_a_failure_of_nobody_are_passed_over(database: Database, ada: int) -> None:
    with database.transaction() as session:
        reader = session.get_one(Subscriber, ada)
        reader.address = reader.address_key = None
    fail(database, ada, "550 5.1.1 Nobody of that name")
    fail(database, None, "550 5.1.1 Nobody of that name")

    assert suppress(database.transaction, now=NOON).count == 0
    with database.reading() as session:
        assert outcomes.open_ones(session, {OutcomeKind.FAILED}, limit=10) == []


def test_more_failures_than_one_transaction_takes_are_worked_off(database: Database) -> None:
    with database.transaction() as session:
        daily = add_newsletter(session)
        readers = [add_reader(session, daily, f"reader{n}@example.com").id for n in range(3)]
        outcomes.add_many(
            session,
            [
                {
                    "kind": OutcomeKind.FAILED,
                    "source": OutcomeSource.DIALOGUE,
                    "at": NOON,
                    "subscriber_id": readers[n % 3],
                    "category": bounces.INVALID_RECIPIENT,
                }
                for n in range(201)
            ],
        )

    assert suppress(database.transaction, now=NOON).count == 3
    assert suppress(database.transaction, now=NOON).count == 0
