"""Check who may come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import suppressions
from newsletter.domain.suppressions import SuppressionReason


@pytest.mark.parametrize(
    ("reason", "may_be_asked"),
    [
        (SuppressionReason.HARD_BOUNCE, True),
        (SuppressionReason.SOFT_BOUNCES, True),
        (SuppressionReason.MAILBOX_FULL, True),
        (SuppressionReason.COMPLAINT, False),
        (SuppressionReason.BLOCKED, False),
        (SuppressionReason.MANUAL, False),
        ("a reason of tomorrow", False),
    ],
)
def test_only_who_could_not_be_reached_may_be_asked_again(*, reason: str, may_be_asked: bool) -> None:
    assert suppressions.may_be_asked(reason) is may_be_asked


@given(st.emails(), st.emails())
def test_a_hash_recognises_its_address_and_can_be_no_address(one: str, other: str) -> None:
    found = suppressions.hashed(one, b"k" * 32)

    assert "@" not in found
    assert len(found) == 41
    assert found == suppressions.hashed(one, b"k" * 32)
    assert (found == suppressions.hashed(other, b"k" * 32)) == (one == other)
    assert found != suppressions.hashed(one, b"q" * 32)
