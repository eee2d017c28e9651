"""Say what follows from each kind of failure: whether it is held against an address, and how much.

What decides is who is at fault. A refusal of our server, our rate or our content says nothing about a reader,
however permanent the server calls it: it is for the operator. Weights are sums towards ``scoring.THRESHOLD``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from newsletter.domain.outcomes import OutcomeKind


class Action(StrEnum):
    """Say what is done about a failure that is final."""

    SUPPRESS = "suppress"  # at the first, when it is permanent and proven
    CONFIRM = "confirm"  # at the second, when the DNS says so too
    COUNT = "count"  # towards a suppression
    ALERT = "alert"  # tell the operator; nothing against the address
    IGNORE = "ignore"


@dataclass(frozen=True)
class Rule:
    """Hold what is done about a category of failures.

    ``weight`` counts towards a suppression. ``alerts_at`` is the share of a mailing's messages above which the operator
    is told; None: never.
    """

    action: Action
    weight: float = 0.0
    alerts_at: float | None = None


_IGNORED = Rule(Action.IGNORE)
CATEGORIES: Mapping[str, Rule] = {
    "invalid_recipient": Rule(Action.SUPPRESS, 1.0),
    "invalid_domain": Rule(Action.CONFIRM, 0.5),  # unconfirmed, it is trouble on the way
    "inactive": Rule(Action.COUNT, 1.5),
    "mailbox_full": Rule(Action.COUNT, 1.0),
    "too_big": Rule(Action.ALERT, alerts_at=0.01),
    # What one message is refused for, all are.
    "content": Rule(Action.ALERT, alerts_at=0.0),
    "reputation": Rule(Action.ALERT, alerts_at=0.0),
    "authentication": Rule(Action.ALERT, alerts_at=0.0),
    "policy": Rule(Action.COUNT, 0.25, alerts_at=0.01),
    "rate_limited": _IGNORED,
    "transit": Rule(Action.COUNT, 0.5),
    "system": Rule(Action.COUNT, 0.25),
    "undetermined": Rule(Action.COUNT, 0.5),
}
# Reasons that weigh otherwise than their category.
REASONS: Mapping[str, Rule] = {
    "norelaying": Rule(Action.COUNT, 1.0, alerts_at=0.01),  # a stale MX, or a domain that was given up
    "moved": Rule(Action.COUNT, 0.5),  # an answer such as "no longer employed here"
}
# Types of feedback (RFC 5965 §7.3) by which a reader says: no more of this sender. Others are recorded and shown.
COMPLAINTS = frozenset({"", "abuse", "fraud"})
OPT_OUT = "opt-out"

UNPROVEN_MAX = 0.5  # what a report weighs at the most that anybody could have written
# Words that make a disabled mailbox a lost one: Yahoo's, which says them of accounts that it has deleted.
_GONE = re.compile(r"disabled or discontinued|no longer used", re.IGNORECASE)


def rule_of(category: str, reason: str, text: str = "") -> Rule:
    """Return what is done about a failure; ``text`` is the server's own words."""
    if category == "inactive" and _GONE.search(text):
        return CATEGORIES["invalid_recipient"]
    return REASONS.get(reason) or CATEGORIES.get(category, _IGNORED)


def needs_action(kind: OutcomeKind, *, reason: str = "", is_final: bool = True) -> bool:
    """Say whether the policy has to look at an outcome that is told; the others are only kept."""
    match kind:
        case OutcomeKind.BOUNCED | OutcomeKind.FAILED | OutcomeKind.EXPIRED:
            return is_final
        case OutcomeKind.COMPLAINED:
            return True
        case OutcomeKind.SUPPRESSED | OutcomeKind.UNSUBSCRIBED:
            return True
        case OutcomeKind.AUTO_REPLIED:
            return reason == "moved"
        case _:
            return False
