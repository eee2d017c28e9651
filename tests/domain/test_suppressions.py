"""Check who may come back."""

from __future__ import annotations

import pytest

from newsletter.domain import suppressions
from newsletter.domain.suppressions import SuppressionReason


@pytest.mark.parametrize(
    ("reason", "may_be_asked"),
    [
        (SuppressionReason.HARD_BOUNCE, True),
        (SuppressionReason.SOFT_BOUNCES, True),
        (SuppressionReason.COMPLAINT, False),
        (SuppressionReason.BLOCKED, False),
        (SuppressionReason.MANUAL, False),
        ("a reason of tomorrow", False),
    ],
)
def test_only_who_could_not_be_reached_may_be_asked_again(*, reason: str, may_be_asked: bool) -> None:
    assert suppressions.may_be_asked(reason) is may_be_asked
