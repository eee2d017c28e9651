"""Name why an address is suppressed, for what, for how long, and who may come back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from hashlib import blake2b


class SuppressionScope(StrEnum):
    """Say which mail an address must not get; see also ``scope_of_newsletter``."""

    BULK = "bulk"
    CONFIRMATIONS = "confirmations"


class SuppressionReason(StrEnum):
    """Say why an address is suppressed."""

    HARD_BOUNCE = "hard_bounce"
    INVALID_DOMAIN = "invalid_domain"
    INACTIVE = "inactive"
    MAILBOX_FULL = "mailbox_full"
    SOFT_BOUNCES = "soft_bounces"
    PROVIDER = "provider"
    COMPLAINT = "complaint"
    BLOCKED = "blocked"
    MANUAL = "manual"


class Pending(StrEnum):
    """Say why a suppression is not in force yet: mail goes on until a second send fails, or a person decides."""

    DOUBTFUL = "doubtful"  # the report proves nothing, or the reader was seen meanwhile
    OUTBREAK = "outbreak"  # a receiver suddenly says the same of many


# Those that feedback gives; the others are people's.
BY_FEEDBACK = frozenset(SuppressionReason) - {SuppressionReason.BLOCKED, SuppressionReason.MANUAL}

# Only an address that could not be reached may prove by a confirmation that it can be reached again. Who complained,
# refused further confirmations or was stopped by the operator is not asked again.
LIFTED_BY_CONFIRMATION = frozenset(
    {
        SuppressionReason.HARD_BOUNCE,
        SuppressionReason.INVALID_DOMAIN,
        SuppressionReason.INACTIVE,
        SuppressionReason.MAILBOX_FULL,
        SuppressionReason.SOFT_BOUNCES,
        SuppressionReason.PROVIDER,
    }
)
# Such mailboxes come back to life. After this the next mail is a probe: when it fails, the old failures still count.
EXPIRES_AFTER: Mapping[SuppressionReason, timedelta] = {
    SuppressionReason.MAILBOX_FULL: timedelta(days=180),
    SuppressionReason.INACTIVE: timedelta(days=180),
}
PENDING_FOR = timedelta(days=90)  # nobody looked, and no second send of three months failed


def may_be_asked(reason: str) -> bool:
    """Say whether an address suppressed for that reason may get a confirmation mail."""
    return reason in LIFTED_BY_CONFIRMATION


def scope_of_newsletter(newsletter_id: int) -> str:
    """Return the scope of a suppression that holds for one newsletter alone."""
    return f"newsletter:{newsletter_id}"


def hashed(address_key: str, secret: bytes) -> str:
    """Return what stands in the place of an erased address: it recognises the address and does not tell it.

    No address begins with a number sign and lacks an @, so that the two never meet.
    """
    return f"#{blake2b(address_key.encode(), key=secret, digest_size=20).hexdigest()}"
