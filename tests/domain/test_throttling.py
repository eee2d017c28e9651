"""Check what each reply of the providers' pages means for our pace, row by row."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import throttling
from newsletter.domain.outcomes import SmtpReply
from newsletter.domain.throttling import Scope

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def read(code: int, text: str, group: str | None = None) -> throttling.Throttling:
    return throttling.read(SmtpReply.parse(code, text), group)


# reply | group | scope | reason
ROWS = """
421 4.7.28 Gmail has detected an unusual rate of unsolicited mail from your IP | google | group | unusual_rate
421 4.7.28 an unusual rate of mail containing one of your URL domains | - | group | unusual_rate
550 5.7.28 There is an unusual rate of mail of this DKIM domain | google | group | unusual_rate
421 4.7.0 suspicious due to the very low reputation of the sending domain | google | group | low_reputation
450 4.2.1 The user you are trying to contact is receiving mail too quickly | google | mailbox | receives_too_quickly
450 4.2.1 is receiving mail at a rate that prevents additional messages | google | mailbox | receives_too_quickly
421 4.7.23 no PTR | google | configuration | authentication
421 4.7.24 SPF suspicious | google | configuration | authentication
421 4.7.26 neither SPF nor DKIM | google | configuration | authentication
421 4.7.27 SPF does not pass | google | configuration | authentication
421 4.7.29 no TLS | google | configuration | authentication
421 4.7.30 DKIM does not pass | google | configuration | authentication
421 4.7.31 no DMARC record | google | configuration | authentication
421 4.7.32 From is not aligned | google | configuration | authentication
421 4.7.40 no DMARC policy | google | configuration | authentication
421 5.7.32 From is not aligned | google | configuration | authentication
550 5.7.25 no PTR | google | configuration | authentication
550 5.7.26 not authenticated | google | configuration | authentication
550 5.7.26 not authenticated | x.example | configuration | authentication

421 4.7.0 [TSS04] temporarily deferred due to unexpected volume or user complaints | yahoodns | group | complaints
421 4.7.0 temporarily deferred due to unexpected volume or user complaints | yahoodns | group | complaints
421 4.7.0 [TSS05] temporarily deferred | yahoodns | group | complaints
421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred | - | group | complaints
421 4.16.55 [IPTS04] deferred due to user complaints | - | group | complaints
553 5.7.1 [BL21] Connections not accepted: the ip is in Spamhaus's list | - | group | listed
554 5.7.9 Message not accepted for policy reasons. | yahoodns | group | listed

421 RP-001 The mail server IP has exceeded the rate limit allowed | outlook | group | rate_limited
421 RP-002 exceeded the rate limit allowed on this connection | - | group | rate_limited
421 RP-003 exceeded the connection limit allowed | - | group | rate_limited
451 4.7.650 has been temporarily rate limited due to IP reputation. (S775) | outlook | group | rate_limited
451 4.7.651 has been temporarily rate limited due to IP reputation. (S3114) | - | group | rate_limited
421 4.3.2 Server busy. Please try again later. (S77714) | outlook | group | rate_limited
421 4.7.0 exceeded the maximum number of connections | outlook | group | rate_limited
421 4.4.2 exceeded the maximum number of messages per connection | outlook | connection | messages_per_connection
550 5.7.1 part of their network is on our block list (S3150) | outlook | group | listed
550 5.7.1 not sent (S3140) | - | group | listed
550 5.7.515 does not meet the required authentication level. | outlook | configuration | authentication

421 4.7.0 [HCM1] Message rejected due to local policy | icloud | group | rate_limited
451 4.7.1 [BS02] Too many messages from your address | icloud | group | rate_limited

450 4.7.1 <ada@example.com>: Greylisted for 5 minutes | x.example | recipient | greylisted
451 4.7.1 Greylisting in action, please come back later | x.example | recipient | greylisted
450 4.2.0 Recipient address rejected: try again | x.example | recipient | greylisted
452 4.2.2 The account that you tried to reach is over quota | google | mailbox | mailbox_full
552 5.2.2 The recipient's inbox is out of storage space | google | mailbox | mailbox_full
452 Mailbox full | x.example | mailbox | mailbox_full
452 4.5.3 Too many recipients | x.example | transaction | too_many_recipients
550 5.1.1 No such user | x.example | address | no_such_mailbox
550 5.1.2 Bad system | x.example | address | no_such_mailbox
550 5.1.10 Null MX | x.example | address | no_such_mailbox
553 5.1.3 Bad address | x.example | address | no_such_mailbox
550 User unknown | x.example | address | no_such_mailbox
550 5.2.1 The account is disabled | x.example | address | no_such_mailbox
450 4.1.2 Recipient address rejected: Domain not found | x.example | domain | no_server
450 Host or domain name not found. Name service error | x.example | domain | no_server
451 4.4.3 SERVFAIL | x.example | domain | no_server
451 4.4.1 Connection timed out | x.example | domain | no_server

550 5.7.1 Message rejected by policy | x.example | message | policy
554 5.6.0 Content refused | x.example | message | policy
554 Transaction failed | x.example | message | refused
451 Local problem | x.example | recipient | soft
450 4.7.1 Client host rejected | x.example | recipient | soft

421 4.7.0 Too many messages, slow down | x.example | group | rate_limited
421 4.7.0 Refused by policy because of your reputation | x.example | group | rate_limited
421 Try again later, closing connection. | x.example | group | rate_limited
451 4.7.1 Rate limit exceeded, try again later | x.example | group | rate_limited
451 4.3.0 Queue is full | x.example | group | busy
451 4.4.5 Server busy | x.example | group | busy
450 Server busy | x.example | group | busy

421 4.7.0 Error: too many connections from 192.0.2.1 | google | relay | rate_limited
450 4.7.1 Error: too much mail from 192.0.2.1 | google | relay | rate_limited
454 Throttling failure: Maximum sending rate exceeded. | google | relay | rate_limited
454 Throttling failure: Daily message quota exceeded. | google | relay | rate_limited
421 4.3.2 Service shutting down | google | relay | busy
"""


@pytest.mark.parametrize("row", [row for row in ROWS.splitlines() if row])
def test_a_reply_is_about(row: str) -> None:
    reply, group, scope, reason = (part.strip() for part in row.split(" | "))
    code, _, text = reply.partition(" ")

    found = read(int(code), text, None if group == "-" else group)

    assert (found.scope, found.reason) == (Scope(scope), reason)


@pytest.mark.parametrize(
    ("code", "text", "group", "hits_and_pauses", "resume_rate"),
    [
        (421, "4.7.28 unusual rate of mail", "google", [(1, HOUR), (3, HOUR)], 10),
        (421, "4.7.0 very low reputation of the sending IP", "google", [(1, HOUR)], None),
        (421, "4.7.0 [TSS04] deferred", "yahoodns", [(1, None), (2, 2 * HOUR)], 1),
        (421, "4.7.0 [TSS05] deferred", "yahoodns", [(1, None), (2, 4 * HOUR)], 1),
        (421, "RP-001", "outlook", [(1, 30 * MINUTE)], 1),
        (421, "4.7.0 [HCM1]", "icloud", [(1, None), (2, None), (3, 15 * MINUTE)], None),
        (
            451,
            "4.4.5 Server busy",
            "x.example",
            [(1, None), (2, 5 * MINUTE), (3, 10 * MINUTE), (4, 20 * MINUTE), (90, 20 * MINUTE)],
            None,
        ),
        (421, "4.7.26 not authenticated", "google", [(1, HOUR)], 1),
        (421, "4.3.2 Service shutting down", "google", [(1, None), (9, None)], None),
    ],
)
def test_a_destination_is_suspended_as_its_page_says(
    code: int,
    text: str,
    group: str,
    hits_and_pauses: list[tuple[int, timedelta | None]],
    resume_rate: float | None,
) -> None:
    found = read(code, text, group)

    assert [(hits, found.pause_after(hits)) for hits, _ in hits_and_pauses] == hits_and_pauses
    assert found.resume_rate == resume_rate


@pytest.mark.parametrize(
    ("text", "everywhere", "halves", "alert"),
    [
        ("4.7.28 unusual rate of mail from your Netblock", True, True, False),
        ("4.7.0 very low reputation of the sending IP", True, True, True),
        ("4.7.30 DKIM does not pass", True, False, True),
        ("4.7.0 [TSS04] deferred", False, True, False),
        ("RP-001", False, True, False),
        ("4.7.0 [HCM1]", False, True, False),
    ],
)
def test_what_is_slowed_and_who_is_told(text: str, everywhere: bool, halves: bool, alert: bool) -> None:
    found = read(421, text, "google")

    assert (found.everywhere, found.halves, found.alert) == (everywhere, halves, alert)
    assert (found.fault is not None) == alert


def test_a_fault_is_told_in_the_receivers_words_without_the_readers_address() -> None:
    found = read(550, "5.7.26 <ada@example.com>: this mail is not authenticated", "google")

    assert found.fault == "550 5.7.26 <[address]>: this mail is not authenticated"


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("4.7.1 Greylisted, try again in 5 minutes", 5 * MINUTE),
        ("Greylisted for 300 seconds", 5 * MINUTE),
        ("4.7.1 Greylisting in action, please come back in 00:04:30", timedelta(seconds=270)),
        ("4.7.1 please try again in about 1 hour", HOUR),
        ("please retry after 90 s", timedelta(seconds=90)),
        ("try again in 900 hours", 6 * HOUR),
        ("4.2.0 Greylisted, see http://postgrey.example/help/5.html", 10 * MINUTE),
        ("4.2.2 mailbox over quota", 4 * HOUR),
        ("4.2.1 is receiving mail too quickly", HOUR),
        ("4.3.0 Temporary fault in 2 hops", None),
        ("again in 0 seconds", None),
        ("Try again later", None),
    ],
)
def test_a_server_may_say_how_long_to_wait(text: str, wait: timedelta | None) -> None:
    assert read(450, text).retry_after == wait


def test_what_is_refused_for_good_is_not_tried_again_however_politely_it_asks() -> None:
    assert read(550, "5.7.1 try again in 5 minutes").retry_after is None


@given(
    code=st.integers(400, 599),
    enhanced=st.none() | st.from_regex(r"\A[45]\.\d{1,2}\.\d{1,3}\Z"),
    text=st.text(max_size=300) | st.sampled_from(["rate limit", "again in 9 s", "greylist"]),
    group=st.none() | st.sampled_from(["google", "outlook", "x.example"]),
)
def test_any_refusal_can_be_read(code: int, enhanced: str | None, text: str, group: str | None) -> None:
    found = throttling.read(SmtpReply(code, enhanced, text), group)

    assert found.retry_after is None or found.retry_after > timedelta()
    assert (found.fault is not None) == found.alert
