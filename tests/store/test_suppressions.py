"""Suppressions: pending ones stop no mail, erased addresses are still known, all can be lifted."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from newsletter.domain.suppressions import Pending, SuppressionReason, scope_of_newsletter
from newsletter.store import Session, domains, keys, readers, subscribers, suppressions
from newsletter.store.tables import KeyPurpose, Newsletter, SigningKey, Subscriber, Suppression
from tests.builders import add_newsletter, add_reader
from tests.clocks import NOON

ADA, BOB = "ada@example.com", "bob@example.com"
DAY = timedelta(days=1)
HARD = SuppressionReason.HARD_BOUNCE


@pytest.fixture
def daily(session: Session) -> Newsletter:
    """Add the daily."""
    return add_newsletter(session)


def suppress(session: Session, address: str = ADA, **over: object) -> bool:
    values = {"reason": HARD, "evidence": "550 5.1.1", "now": NOON}
    return suppressions.add(session, address, **(values | over))  # type: ignore[arg-type]  # as the test gives them


def is_withheld(session: Session, newsletter: Newsletter, reader: Subscriber) -> bool:
    """Say whether a claim would leave the reader out."""
    return readers.find(session, newsletter.id, [reader.id], now=NOON)[reader.id].is_suppressed


def test_a_pending_suppression_stops_no_mail(session: Session, daily: Newsletter) -> None:
    ada = add_reader(session, daily, ADA)

    assert suppress(session, pending=Pending.DOUBTFUL, outcome_ids=[4, 5])

    assert suppressions.why(session, ADA, now=NOON) is None
    assert suppressions.active_keys(session, [ADA], NOON) == set()
    assert not is_withheld(session, daily, ada)
    [found] = suppressions.of_address(session, ADA)
    assert (found.pending, found.outcome_ids) == (Pending.DOUBTFUL, [4, 5])


def test_a_pending_suppression_gives_way_to_one_in_force_and_replaces_none(
    session: Session, daily: Newsletter
) -> None:
    ada = add_reader(session, daily, ADA)
    suppress(session, pending=Pending.DOUBTFUL)

    assert not suppress(session, pending=Pending.OUTBREAK)
    assert suppress(session, outcome_ids=[6])
    assert not suppress(session, pending=Pending.DOUBTFUL)
    assert is_withheld(session, daily, ada)


def test_lifting_forgives_what_failed_until_then(session: Session) -> None:
    suppress(session, pending=Pending.DOUBTFUL)

    assert suppressions.lift(session, ADA, now=NOON + DAY)
    suppress(session, now=NOON + 2 * DAY)

    [found] = suppressions.of_address(session, ADA)
    assert (found.lifted_at, found.forgiven_at) == (None, NOON + DAY)


def test_a_suppression_of_one_newsletter_stops_that_one_alone(session: Session, daily: Newsletter) -> None:
    weekly = add_newsletter(session, slug="weekly")
    ada = add_reader(session, daily, ADA)

    suppress(session, scope=scope_of_newsletter(daily.id), reason=SuppressionReason.MANUAL)

    assert is_withheld(session, daily, ada)
    assert not is_withheld(session, weekly, ada)
    assert suppressions.active_keys(session, [ADA], NOON) == set()
    assert suppressions.active_keys(session, [ADA], NOON, scopes=[scope_of_newsletter(daily.id)]) == {ADA}


def test_a_reader_suppressed_for_two_scopes_is_read_once(session: Session, daily: Newsletter) -> None:
    ada = add_reader(session, daily, ADA)
    suppress(session)
    suppress(session, scope=scope_of_newsletter(daily.id))

    assert is_withheld(session, daily, ada)


def test_an_erased_address_is_kept_as_a_hash_and_known_when_it_comes_back(session: Session) -> None:
    suppress(session, reason=SuppressionReason.COMPLAINT)
    suppress(session, BOB)

    suppressions.forget_address(session, ADA, now=NOON)

    kept = session.scalars(select(Suppression.address_key)).all()
    assert not any("ada" in key for key in kept)
    assert suppressions.active_keys(session, [ADA, BOB, "eve@example.com"], NOON) == {ADA, BOB}
    found = suppressions.why(session, ADA, now=NOON)
    assert found is not None
    assert (found.reason, found.evidence) == (SuppressionReason.COMPLAINT, "")
    assert not suppress(session)
    assert suppressions.lift(session, ADA, now=NOON)
    assert suppressions.why(session, ADA, now=NOON) is None


def test_a_hash_outlives_the_rotation_of_its_key(session: Session) -> None:
    suppress(session)
    suppressions.forget_address(session, ADA, now=NOON)

    keys.rotate(session, KeyPurpose.SUPPRESSIONS, now=NOON)

    assert suppressions.why(session, ADA, now=NOON) is not None


def test_without_a_key_nothing_is_hashed_until_one_is_needed(session: Session) -> None:
    session.execute(delete(SigningKey).where(SigningKey.purpose == KeyPurpose.SUPPRESSIONS))
    suppress(session)

    assert suppressions.why(session, ADA, now=NOON) is not None
    suppressions.forget_address(session, ADA, now=NOON)
    assert suppressions.why(session, ADA, now=NOON) is not None


def test_suppressions_are_listed_by_address_reason_and_what_is_pending(session: Session) -> None:
    suppress(session, now=NOON)
    suppress(session, BOB, pending=Pending.DOUBTFUL, now=NOON + DAY)
    suppress(session, "eve@example.com", reason=SuppressionReason.COMPLAINT, now=NOON + 2 * DAY)
    suppress(session, "old@example.com", expires_at=NOON + DAY)
    suppressions.forget_address(session, ADA, now=NOON)

    def listed(**over: object) -> list[str]:
        rows = suppressions.listing(session, now=NOON + 3 * DAY, limit=10, **over)  # type: ignore[arg-type]
        return [row.reason for row in rows]

    assert listed() == ["complaint", "hard_bounce", "hard_bounce"]
    assert listed(search="EVE@") == ["complaint"]
    assert listed(search="Ada@Example.com") == ["hard_bounce"]
    assert listed(reason="hard_bounce", is_pending=True) == ["hard_bounce"]
    assert listed(search="nobody") == []


def test_what_bounces_did_in_an_outbreak_is_held(session: Session, daily: Newsletter) -> None:
    for address in (ADA, BOB, "eve@other.example"):
        reader = add_reader(session, daily, address)
        domain = address.rpartition("@")[2]
        reader.domain_id = subscribers.domain_ids(session, [domain])[domain]
    suppress(session, now=NOON - timedelta(hours=2))
    suppress(session, BOB, now=NOON - timedelta(minutes=30))
    suppress(session, "eve@other.example", now=NOON - timedelta(minutes=30))

    held = suppressions.hold(
        session, domain_ids=domains.of_group(session, "example.com"), since=NOON - timedelta(hours=1)
    )

    assert held == 1
    assert suppressions.active_keys(session, [ADA, BOB, "eve@other.example"], NOON) == {
        ADA,
        "eve@other.example",
    }
