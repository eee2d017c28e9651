"""The policy: who is at fault decides, and every category of failures has its rule."""

from __future__ import annotations

import pytest

from newsletter.domain import bounces, feedback_policy
from newsletter.domain.feedback_policy import Action
from newsletter.domain.outcomes import OutcomeKind


def test_every_category_that_a_failure_can_have_has_a_rule() -> None:
    assert set(bounces.CATEGORIES.values()) == set(feedback_policy.CATEGORIES)


@pytest.mark.parametrize(
    ("category", "reason", "text", "action", "weight"),
    [
        ("invalid_recipient", "userunknown", "", Action.SUPPRESS, 1.0),
        ("invalid_domain", "hostunknown", "", Action.CONFIRM, 0.5),
        ("inactive", "suspend", "554 The account is disabled", Action.COUNT, 1.5),
        ("inactive", "suspend", "554 This account is Disabled or Discontinued", Action.SUPPRESS, 1.0),
        ("inactive", "suspend", "mailbox is no longer used", Action.SUPPRESS, 1.0),
        ("mailbox_full", "mailboxfull", "", Action.COUNT, 1.0),
        ("too_big", "mesgtoobig", "", Action.ALERT, 0.0),
        ("content", "spamdetected", "", Action.ALERT, 0.0),
        ("reputation", "blocked", "", Action.ALERT, 0.0),
        ("authentication", "authfailure", "", Action.ALERT, 0.0),
        ("policy", "rejected", "", Action.COUNT, 0.25),
        ("policy", "norelaying", "", Action.COUNT, 1.0),
        ("rate_limited", "speeding", "", Action.IGNORE, 0.0),
        ("transit", "expired", "", Action.COUNT, 0.5),
        ("system", "systemfull", "", Action.COUNT, 0.25),
        ("undetermined", "undefined", "", Action.COUNT, 0.5),
        ("auto_reply", "moved", "", Action.COUNT, 0.5),
        ("auto_reply", "vacation", "", Action.IGNORE, 0.0),
        ("a category of tomorrow", "", "", Action.IGNORE, 0.0),
    ],
)
def test_what_is_done_depends_on_who_is_at_fault(
    category: str, reason: str, text: str, action: Action, weight: float
) -> None:
    rule = feedback_policy.rule_of(category, reason, text)

    assert (rule.action, rule.weight) == (action, weight)


@pytest.mark.parametrize(
    ("kind", "reason", "is_final", "wanted"),
    [
        (OutcomeKind.BOUNCED, "userunknown", True, True),
        (OutcomeKind.BOUNCED, "expired", False, False),
        (OutcomeKind.DELAYED, "expired", False, False),
        (OutcomeKind.COMPLAINED, "abuse", True, True),
        (OutcomeKind.SUPPRESSED, "", True, True),
        (OutcomeKind.UNSUBSCRIBED, "mail", True, True),
        (OutcomeKind.AUTO_REPLIED, "moved", True, True),
        (OutcomeKind.AUTO_REPLIED, "vacation", True, False),
        (OutcomeKind.DELIVERED, "", True, False),
        (OutcomeKind.OPENED, "", True, False),
        (OutcomeKind.UNKNOWN, "", True, False),
    ],
)
def test_the_policy_looks_at_what_may_change_something(
    *, kind: OutcomeKind, reason: str, is_final: bool, wanted: bool
) -> None:
    assert feedback_policy.needs_action(kind, reason=reason, is_final=is_final) is wanted
