"""Check the states of an issue and the reasons to skip one."""

from __future__ import annotations

from itertools import product

import pytest

from newsletter.domain import issues
from newsletter.domain.errors import Conflict
from newsletter.domain.issues import IssueStatus, SkipReason

ALLOWED = {
    "planned": {"built", "skipped", "cancelled"},
    "built": {"planned", "mailed", "held", "skipped", "cancelled"},
    "held": {"planned", "built", "mailed", "cancelled"},
}


@pytest.mark.parametrize(("current", "target"), list(product(IssueStatus, repeat=2)))
def test_an_issue_moves_as_the_table_says_and_no_further_once_it_is_over(
    current: IssueStatus, target: IssueStatus
) -> None:
    if target in ALLOWED.get(current, set()):
        assert issues.move(current, target) is target
        return

    with pytest.raises(Conflict) as caught:
        issues.move(current, target)

    assert caught.value.hint


@pytest.mark.parametrize(
    ("available", "minimum", "reason"),
    [
        (0, 1, SkipReason.NO_ARTICLES),
        (0, 5, SkipReason.NO_ARTICLES),
        (1, 1, None),
        (4, 5, SkipReason.TOO_FEW_ARTICLES),
        (5, 5, None),
        (99, 5, None),
    ],
)
def test_an_issue_is_skipped_when_there_is_too_little_to_say(
    available: int, minimum: int, reason: SkipReason | None
) -> None:
    assert issues.skip_reason(available=available, minimum=minimum) is reason
