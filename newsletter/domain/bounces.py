"""Say what a relay's refusal means: the reason, its category, and whether the address is to blame.

Reason and category are words of docs/glossary.md; the answer rests on the enhanced code (RFC 3463) first, then on
the text, and never on "5xx" alone: a refusal of our server, our rate or our content says nothing about a reader.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from newsletter.domain.outcomes import SmtpReply

INVALID_RECIPIENT = "invalid_recipient"

# RFC 3463 §3.2 and the registry of RFC 5248: bad mailbox, moved, bad syntax, null mailbox (Microsoft's 5.1.10).
_INVALID_RECIPIENT = frozenset({"1.1", "1.3", "1.6", "1.10"})
_BY_CODE = {
    "1.2": ("hostunknown", "invalid_domain"),
    "1.4": ("rejected", "policy"),
    "1.7": ("rejected", "policy"),
    "1.8": ("rejected", "policy"),
    "2.1": ("suspend", "inactive"),
    "2.2": ("mailboxfull", "mailbox_full"),
    "2.3": ("exceedlimit", "too_big"),
    "3.1": ("systemfull", "system"),
    "3.2": ("speeding", "rate_limited"),
    "3.4": ("mesgtoobig", "too_big"),
    "4.1": ("networkerror", "transit"),
    "4.2": ("networkerror", "transit"),
    "4.4": ("hostunknown", "invalid_domain"),
    "4.5": ("speeding", "rate_limited"),
    "4.7": ("expired", "transit"),
    "5.3": ("speeding", "rate_limited"),
    "7.26": ("authfailure", "authentication"),
    "7.28": ("speeding", "rate_limited"),
}
_BY_CLASS = {
    "2": ("onhold", "undetermined"),
    "3": ("systemerror", "system"),
    "4": ("networkerror", "transit"),
    "5": ("policyviolation", "policy"),
    "6": ("contenterror", "content"),
    "7": ("policyviolation", "policy"),
}
# What servers write when no mailbox has that name, in the words of RFC 5321 §3.5.3 and §4.2.2 and their kin. A text
# decides only where the code does not.
_UNKNOWN_USER = re.compile(
    r"(?:no such (?:user|mailbox|recipient|address)|unknown (?:user|mailbox|recipient|local)|"
    r"(?:user|mailbox|recipient|address|account)(?: \S+)? (?:is )?(?:unknown|not found|does(?: not|n't) exist)|"
    r"user unknown|unrouteable address|does not exist here)",
    re.IGNORECASE,
)
# Words about us: that a sender, a client's host or its name is unknown says nothing about the reader.
_ABOUT_US = re.compile(
    r"\b(?:sender|return.?path|client|helo|ehlo|ip address|reverse dns|ptr)\b", re.IGNORECASE
)
_FULL = re.compile(
    r"(?:over ?quota|quota exceeded|mailbox (?:is )?full|insufficient (?:disk|storage))", re.IGNORECASE
)
_RATE = re.compile(
    r"(?:too (?:many|fast|quickly)|rate limit|throttl|try again later|greylist)", re.IGNORECASE
)


@dataclass(frozen=True)
class Diagnosis:
    """Hold the reason (fine) and its category (what is done about it)."""

    reason: str
    category: str


def diagnose(reply: SmtpReply) -> Diagnosis:
    """Read a refusal; an unclear one is ``undefined``, which harms nobody."""
    detail = reply.enhanced.partition(".")[2] if reply.enhanced else ""
    if detail in _INVALID_RECIPIENT:
        return Diagnosis("userunknown", INVALID_RECIPIENT)
    if detail in _BY_CODE:
        return Diagnosis(*_BY_CODE[detail])
    for pattern, reason, category in (
        (_ABOUT_US, "rejected", "policy"),
        (_FULL, "mailboxfull", "mailbox_full"),
        (_RATE, "speeding", "rate_limited"),
        (_UNKNOWN_USER, "userunknown", INVALID_RECIPIENT),
    ):
        if pattern.search(reply.text):
            return Diagnosis(reason, category)
    if reply.code == 552:  # RFC 5321 §4.2.3: exceeded storage allocation
        return Diagnosis("mailboxfull", "mailbox_full")
    return Diagnosis(*_BY_CLASS.get(detail[:1], ("undefined", "undetermined")))
