"""Turn what a provider says of a failure into our words: its own verdict, or the text that it hands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from newsletter.domain import bounces
from newsletter.domain.outcomes import OutcomeKind
from newsletter.domain.tokens import Delivery
from newsletter.providers import fields
from newsletter.providers.base import ProviderEvent

UNDETERMINED = "undetermined"
_GONE = frozenset({bounces.INVALID_RECIPIENT, "invalid_domain"})


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Say what happened, why, and whether it is for good."""

    kind: OutcomeKind
    reason: str = ""
    category: str = ""
    is_hard: bool = False
    is_final: bool = False


SUBMITTED = Verdict(kind=OutcomeKind.SUBMITTED)
DELIVERED = Verdict(kind=OutcomeKind.DELIVERED, reason="delivered", category="delivered", is_final=True)
OPENED = Verdict(kind=OutcomeKind.OPENED)
OPENED_BY_MACHINE = Verdict(kind=OutcomeKind.OPENED, reason="machine")
CLICKED = Verdict(kind=OutcomeKind.CLICKED)
UNSUBSCRIBED = Verdict(kind=OutcomeKind.UNSUBSCRIBED, reason="provider")
UNKNOWN = Verdict(kind=OutcomeKind.UNKNOWN)
# On the provider's own list: it will not try, and does not always say what put the address there.
SUPPRESSED = Verdict(
    kind=OutcomeKind.SUPPRESSED,
    reason="provider_suppressed",
    category="provider_suppressed",
    is_final=True,
)


def complained(feedback_type: str = "abuse") -> Verdict:
    """Return a complaint by its type of RFC 5965 §7.3; "not-spam" takes one back and is none."""
    kind = OutcomeKind.UNKNOWN if feedback_type == "not-spam" else OutcomeKind.COMPLAINED
    return Verdict(kind=kind, reason=(feedback_type or "abuse")[:40], category="complaint", is_final=True)


def auto_replied(reason: str) -> Verdict:
    """Return the answer of a machine: vacation, challenge or moved."""
    return Verdict(kind=OutcomeKind.AUTO_REPLIED, reason=reason, category="auto_reply")


def bounced(reason: str) -> Verdict:
    """Return a failure whose reason the provider names; it tries no more."""
    category = bounces.CATEGORIES[reason]
    return Verdict(
        kind=OutcomeKind.BOUNCED,
        reason=reason,
        category=category,
        is_hard=category in _GONE,
        is_final=True,
    )


def blameless(verdict: Verdict) -> Verdict:
    """Return a failure that the provider puts down to us: whatever its text says, no address is gone by it."""
    return bounced("rejected") if verdict.category in _GONE else verdict


def uncertain(verdict: Verdict) -> Verdict:
    """Return a failure that the provider takes for a passing one: no address is gone for good by it."""
    return replace(verdict, is_hard=False)


def judged(text: str, *, status: str = "", otherwise: str = "undefined") -> Verdict:
    """Judge a failure by the receiver's text and status; where they decide nothing, by the provider's word."""
    found = bounces.diagnose_text(text, status=status or None)
    if found.category == UNDETERMINED and otherwise != "undefined":
        return bounced(otherwise)
    return Verdict(
        kind=OutcomeKind.BOUNCED,
        reason=found.reason,
        category=found.category,
        is_hard=found.is_hard,
        is_final=True,
    )


def delayed(text: str, *, status: str = "") -> Verdict:
    """Judge a delay: the provider still tries."""
    found = bounces.diagnose_text(text, status=status or None, is_final=False)
    return Verdict(kind=OutcomeKind.DELAYED, reason=found.reason, category=found.category)


# The bounce types of Amazon SES ("Bounce types", Amazon SES developer guide), which Resend hands on as they are.
_AMAZON: Mapping[tuple[str, str], Verdict] = {
    ("permanent", "noemail"): bounced("userunknown"),
    ("permanent", "suppressed"): SUPPRESSED,
    ("permanent", "onaccountsuppressionlist"): SUPPRESSED,
    ("permanent", "unsubscribedrecipient"): SUPPRESSED,
    ("transient", "mailboxfull"): bounced("mailboxfull"),
    ("transient", "messagetoolarge"): bounced("mesgtoobig"),
    ("transient", "contentrejected"): bounced("contenterror"),
    ("transient", "attachmentrejected"): bounced("contenterror"),
}


def amazon(bounce_type: str, subtype: str, text: str, *, status: str = "") -> Verdict:
    """Judge a bounce by Amazon's type and subtype, and by the receiver's text where they leave it open."""
    known = _AMAZON.get((bounce_type.lower(), subtype.lower()))
    if known is not None:
        return known
    match bounce_type.lower():
        case "permanent":
            return judged(text, status=status, otherwise="userunknown")
        case "transient":
            return uncertain(judged(text, status=status))
        case _:
            return judged(text, status=status)


def event(
    verdict: Verdict,
    *,
    event_key: str,
    at: datetime | None,
    name: str,
    recipient: str,
    delivery: Delivery | None = None,
    message_id: str = "",
    provider_message_id: str = "",
    status: str = "",
    code: int | None = None,
    text: str = "",
) -> ProviderEvent:
    """Return an event with its verdict; status and code are read from the text where the provider gives none."""
    return ProviderEvent(
        event_key=event_key,
        at=at,
        kind=verdict.kind,
        name=name,
        recipient=recipient,
        delivery=delivery,
        message_id=message_id,
        provider_message_id=provider_message_id,
        reason=verdict.reason,
        category=verdict.category,
        is_hard=verdict.is_hard,
        is_final=verdict.is_final,
        status=fields.status(status or text),
        reply_code=code or fields.reply_code(text),
        text=text,
    )
