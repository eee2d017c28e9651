"""Name why an address is suppressed, for what, and who may come back."""

from __future__ import annotations

from enum import StrEnum


class SuppressionScope(StrEnum):
    """Say which mail an address must not get."""

    BULK = "bulk"
    CONFIRMATIONS = "confirmations"


class SuppressionReason(StrEnum):
    """Say why an address is suppressed."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCES = "soft_bounces"
    COMPLAINT = "complaint"
    BLOCKED = "blocked"
    MANUAL = "manual"


# Only an address that could not be reached may prove by a confirmation that it can be reached again. Who complained,
# refused further confirmations or was stopped by the operator is not asked again.
LIFTED_BY_CONFIRMATION = frozenset({SuppressionReason.HARD_BOUNCE, SuppressionReason.SOFT_BOUNCES})


def may_be_asked(reason: str) -> bool:
    """Say whether an address suppressed for that reason may get a confirmation mail."""
    return reason in LIFTED_BY_CONFIRMATION
