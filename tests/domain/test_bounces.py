"""Check what refusals mean, and above all which of them blame an address. All replies are of our own wording."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import bounces
from newsletter.domain.outcomes import SmtpReply

GONE = "userunknown", "invalid_recipient"
FULL = "mailboxfull", "mailbox_full"
OURS = "rejected", "policy"
HOST = "blocked", "reputation"
RATE = "speeding", "rate_limited"
POLICY = "policyviolation", "policy"
UNCLEAR = "undefined", "undetermined"


@pytest.mark.parametrize(
    ("code", "text", "meaning"),
    [
        # The mailbox does not exist.
        (550, "5.1.1 Nobody of that name lives here", GONE),
        (550, "5.1.10 Recipient was not found", GONE),
        (553, "5.1.3 That is no address", GONE),
        (551, "5.1.6 The mailbox has moved and left no word", ("hasmoved", "invalid_recipient")),
        (450, "4.1.1 Nobody of that name yet", GONE),
        (550, "No such user here", GONE),
        (550, "No such recipient", GONE),
        (550, "User unknown", GONE),
        (550, "Unknown user <ada@example.com>", GONE),
        (550, "<ada@example.com>: Recipient address rejected: User unknown in our table", GONE),
        (550, "mailbox ada@example.com does not exist", GONE),
        (550, "The account ada doesn't exist", GONE),
        (550, "Unrouteable address", GONE),
        (550, "5.0.0 user not found", GONE),
        (550, "5.7.1 Recipient not found", GONE),
        # It exists and cannot take the mail.
        (552, "5.2.2 The mailbox has no room", FULL),
        (452, "4.2.2 No room now", FULL),
        (552, "Cannot take this", FULL),
        (550, "Mailbox is full", FULL),
        (550, "The user is over quota", FULL),
        (550, "5.2.1 The mailbox sleeps", ("suspend", "inactive")),
        (552, "5.3.4 The message is longer than we take", ("mesgtoobig", "too_big")),
        (552, "5.2.3 The message is longer than this mailbox takes", ("exceedlimit", "too_big")),
        (550, "5.2.9 Something about the mailbox", ("onhold", "undetermined")),
        # The domain.
        (550, "5.1.2 No such domain", ("hostunknown", "invalid_domain")),
        (550, "5.4.4 The domain has no server", ("hostunknown", "invalid_domain")),
        # Our sender, host, rate or words: no reader is to blame.
        (550, "5.1.8 The sender's domain does not exist", OURS),
        (550, "5.1.7 The sender cannot be read", OURS),
        (550, "5.1.0 Sender address rejected: User unknown in our table", OURS),
        (550, "The sender address does not exist", OURS),
        (550, "Return-Path address not found", OURS),
        (554, "IP address 192.0.2.1 not found in reverse DNS", ("requireptr", "reputation")),
        (550, "Client address unknown", HOST),
        (550, "HELO address does not exist", HOST),
        (550, "Too many unknown users asked for", RATE),
        (451, "4.7.1 Greylisted, come back", RATE),
        (421, "4.7.28 This network writes too much", RATE),
        (421, "Too many connections", ("toomanyconn", "rate_limited")),
        (450, "Please try again later", RATE),
        (452, "4.5.3 More recipients than we take", RATE),
        (550, "5.7.26 Neither SPF nor DKIM fits", ("authfailure", "authentication")),
        (550, "5.7.1 Not wanted here", POLICY),
        (554, "5.7.606 Access denied", HOST),
        (554, "5.6.0 The words are not to our taste", ("contenterror", "content")),
        (503, "5.5.1 Not now", ("syntaxerror", "policy")),
        # The way there.
        (451, "4.3.0 Out of order", ("systemerror", "system")),
        (452, "4.3.1 The disk is full", ("systemfull", "system")),
        (421, "4.4.2 Gone in the middle", ("networkerror", "transit")),
        (550, "5.4.7 Kept too long", ("expired", "transit")),
        (550, "5.4.6 Round and round", ("networkerror", "transit")),
        # Nothing is said, so nothing is known.
        (550, "", UNCLEAR),
        (550, "5.0.0", UNCLEAR),
        (554, "Transaction failed", UNCLEAR),
        (550, "5.9.9 A class that nobody has registered", UNCLEAR),
    ],
)
def test_a_refusal_has_a_reason_and_a_category(code: int, text: str, meaning: tuple[str, str]) -> None:
    found = bounces.diagnose(SmtpReply.parse(code, text))

    assert (found.reason, found.category) == meaning


def test_a_code_weighs_more_than_the_words() -> None:
    found = bounces.diagnose(SmtpReply(552, "5.2.2", "no such user, mailbox full, try again later"))

    assert found.category == "mailbox_full"


@given(code=st.integers(400, 599), text=st.text(max_size=60) | st.from_regex(r"[45]\.\d{1,3}\.\d{1,3} \w*"))
def test_any_reply_has_some_meaning(code: int, text: str) -> None:
    found = bounces.diagnose(SmtpReply.parse(code, text))

    assert found.reason
    assert found.category
