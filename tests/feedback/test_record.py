"""What comes back is written down once, for the reader whose message it is about."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.arrivals import ArrivalResult, ArrivalStatus, MailWay
from newsletter.domain.mailings import MessageStatus
from newsletter.domain.outcomes import IdentifiedBy, OutcomeKind, OutcomeSource
from newsletter.domain.tokens import LinkPurpose, LinkToken, sign_link
from newsletter.store import arrivals
from tests.clocks import NOON
from tests.feedback.post import ADA, BOB, MESSAGES, Post, bounce, complaint, letter

DAY = timedelta(days=1)


def test_a_bounce_to_a_return_path_is_an_outcome_of_that_message(post: Post) -> None:
    arrival = post.come(bounce(), recipient=post.token("b"))

    assert (arrival.status, arrival.kind, arrival.result) == (
        ArrivalStatus.READ,
        "bounce",
        ArrivalResult.RECORDED,
    )
    [outcome] = post.outcomes()
    assert (outcome.kind, outcome.source, outcome.at) == (
        OutcomeKind.BOUNCED,
        OutcomeSource.INBOUND_MAIL,
        NOON,
    )
    assert (outcome.mailing_id, outcome.identified_by) == (post.mailings[0], IdentifiedBy.RECIPIENT)
    assert (outcome.reason, outcome.category, outcome.reply_enhanced) == (
        "userunknown",
        "invalid_recipient",
        "5.1.1",
    )
    assert (outcome.is_hard, outcome.is_final, outcome.arrival_id) == (True, True, arrival.id)
    assert (outcome.named_recipient, outcome.acted_at) == (None, None)
    assert post.outcomes(BOB) == []


def test_each_step_of_the_ladder_finds_the_message(post: Post) -> None:
    token = LinkToken(
        purpose=LinkPurpose.UNSUBSCRIBE,
        subscriber_id=post.readers[ADA],
        object_id=post.newsletter.id,
        mailing_id=post.mailings[0],
        issued_at=NOON,
    )
    link = f"https://{MESSAGES}/u/{sign_link(token, post.paths.links)}"
    stranger = "x@y.example"
    full, lost, spam = "552 5.2.2 Mailbox full", "550 5.4.4 Host not found", "550 5.7.1 Looks like spam"
    local, message_id = post.token("b").partition("@")[0], post.token("m")
    steps = [
        (bounce(stranger, to=post.token("b")), IdentifiedBy.RECIPIENT),
        (bounce(stranger, status="5.2.2", text=full, envelope_id=local), IdentifiedBy.ENVELOPE_ID),
        (
            bounce(stranger, status="5.4.4", text=lost, returned=f"Message-ID: <{message_id}>"),
            IdentifiedBy.RETURNED,
        ),
        (
            bounce(stranger, status="5.7.1", text=spam, returned=f"Subject: x\r\n\r\nLeave: {link}"),
            IdentifiedBy.RETURNED,
        ),
        (bounce(ADA.upper(), status="5.2.1", text="550 5.2.1 Mailbox disabled"), IdentifiedBy.ADDRESS),
    ]

    for raw, _ in steps:
        post.come(raw)

    found = sorted(post.outcomes(), key=lambda outcome: outcome.id)
    assert [outcome.identified_by for outcome in found] == [by for _, by in steps]
    assert {outcome.mailing_id for outcome in found} == {post.mailings[0]}


def test_the_token_wins_over_the_address_and_keeps_it_as_evidence(post: Post) -> None:
    post.come(bounce(BOB), recipient=post.token("b", ADA))

    [outcome] = post.outcomes(ADA)
    assert outcome.named_recipient == BOB
    assert post.outcomes(BOB) == []


@pytest.mark.parametrize(
    "recipient",
    ["SRS0=ab12=TT=b.post.example={}@fwd.example", "prvs=1234abcdef={}@b.post.example"],
)
def test_what_forwarders_made_of_a_return_path_is_undone(post: Post, recipient: str) -> None:
    post.come(bounce(), recipient=recipient.format(post.token("b").partition("@")[0]).upper())

    assert [outcome.identified_by for outcome in post.outcomes()] == [IdentifiedBy.RECIPIENT]


def test_the_same_report_again_adds_nothing(post: Post) -> None:
    post.come(bounce(), recipient=post.token("b"))
    again = post.come(bounce(text="550 5.1.1 Still unknown"), recipient=post.token("b"))

    assert again.result == ArrivalResult.KNOWN
    assert len(post.outcomes()) == 1


def test_a_delay_notice_is_no_failure(post: Post) -> None:
    post.come(bounce(action="delayed", status="4.4.1", text="connect: timed out"), recipient=post.token("b"))

    [outcome] = post.outcomes()
    assert (outcome.kind, outcome.is_final) == (OutcomeKind.DELAYED, False)
    assert outcome.acted_at is not None


def test_a_report_about_a_stranger_is_kept_and_changes_nothing(post: Post) -> None:
    arrival = post.come(bounce("eve@example.org"))

    assert (arrival.result, arrival.body) == (ArrivalResult.UNIDENTIFIED, bounce("eve@example.org"))
    assert post.outcomes() == []


def test_an_address_alone_counts_for_ten_days_after_a_message_to_it(post: Post) -> None:
    post.clock.advance(10 * DAY)

    assert post.come(bounce()).result == ArrivalResult.UNIDENTIFIED


def test_an_address_that_was_never_mailed_is_nobodys(post: Post) -> None:
    post.mailings.clear()
    post.mail(at=NOON + 15 * DAY, status=MessageStatus.WITHHELD)
    post.clock.advance(16 * DAY)

    assert post.come(bounce()).result == ArrivalResult.UNIDENTIFIED


@pytest.mark.parametrize(("days", "is_known"), [(45, True), (46, False)])
def test_a_message_id_of_long_ago_identifies_no_bounce(*, post: Post, days: int, is_known: bool) -> None:
    arrival = post.come(bounce("x@y.example", returned=f"Message-ID: <{post.token('m', days=days)}>"))

    assert (arrival.result == ArrivalResult.RECORDED) is is_known


def test_a_forged_report_leaves_the_key_of_the_true_one_free(post: Post) -> None:
    post.come(bounce())
    post.come(bounce(), recipient=post.token("b"))

    assert [outcome.identified_by for outcome in post.outcomes()] == [
        IdentifiedBy.RECIPIENT,
        IdentifiedBy.ADDRESS,
    ]


@pytest.mark.parametrize(
    ("sender", "result"),
    [
        ("", ArrivalResult.RECORDED),
        ("MAILER-DAEMON@mx.example.net", ArrivalResult.RECORDED),
        ("postmaster@mx.example.net", ArrivalResult.RECORDED),
        ("eve@example.org", ArrivalResult.DOUBTFUL),
    ],
)
def test_a_report_to_a_return_path_comes_from_a_mail_system(post: Post, sender: str, result: str) -> None:
    arrival = post.come(bounce(), recipient=post.token("b"), sender=sender)

    assert arrival.result == result
    assert len(post.outcomes()) == (result == ArrivalResult.RECORDED)


def test_of_many_recipients_behind_one_token_the_readers_own_counts(post: Post) -> None:
    raw = bounce(ADA, status="4.2.2", text="452 4.2.2 Mailbox full").replace(
        b"--cut\r\nContent-Type: text/rfc822-headers",
        b"\r\nFinal-Recipient: rfc822; eve@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"--cut\r\nContent-Type: text/rfc822-headers",
    )

    post.come(raw, recipient=post.token("b"))

    assert [outcome.category for outcome in post.outcomes()] == ["mailbox_full"]


def test_a_report_about_several_of_our_readers_names_each(post: Post) -> None:
    raw = bounce(ADA).replace(
        b"--cut\r\nContent-Type: text/rfc822-headers",
        f"\r\nFinal-Recipient: rfc822; {BOB}\r\nAction: failed\r\nStatus: 5.2.2\r\n".encode()
        + b"\r\nFinal-Recipient: rfc822; nobody@here.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"--cut\r\nContent-Type: text/rfc822-headers",
    )

    post.come(raw)

    assert [outcome.category for outcome in post.outcomes(ADA)] == ["invalid_recipient"]
    assert [outcome.category for outcome in post.outcomes(BOB)] == ["mailbox_full"]


def test_a_complaint_with_a_token_is_proven_also_when_the_reader_is_left_out(post: Post) -> None:
    returned = f"Message-ID: <{post.token('m', days=300)}>"

    post.come(complaint(returned=returned))

    [outcome] = post.outcomes()
    assert (outcome.kind, outcome.reason, outcome.category) == (OutcomeKind.COMPLAINED, "abuse", "complaint")
    assert (outcome.identified_by, outcome.acted_at) == (IdentifiedBy.RETURNED, None)


def test_a_complaint_for_a_stranger_is_kept(post: Post) -> None:
    assert post.come(complaint(recipient="eve@example.org")).result == ArrivalResult.UNIDENTIFIED


def test_a_complaint_by_address_is_proven_by_an_enrolled_sender_only(post: Post) -> None:
    signed = "mx.post.example; spf=pass; dkim=pass (2048 bits) header.d=provider.example header.b=x"

    def identified(sign: str, *, senders: frozenset[str] = frozenset()) -> IdentifiedBy | None:
        raw = complaint(recipient=ADA, sign=f"{sign} header.b={len(post.outcomes())}")
        with post.database.transaction() as session:
            arrivals.keep(session, way=MailWay.SMTP, raw=raw, now=post.clock.now())
        post.read(complaint_senders=senders, authentication_server="mx.post.example")
        return post.outcomes()[0].identified_by

    enrolled = frozenset({"provider.example"})
    assert identified(signed) is IdentifiedBy.ADDRESS
    assert identified(signed.replace("pass (", "fail ("), senders=enrolled) is IdentifiedBy.ADDRESS
    assert identified(signed, senders=enrolled) is IdentifiedBy.PROVIDER


@pytest.mark.parametrize(
    ("kind", "outcome_kind"),
    [
        ("fraud", OutcomeKind.COMPLAINED),
        ("auth-failure", OutcomeKind.COMPLAINED),
        ("not-spam", OutcomeKind.UNKNOWN),
        ("opt-out", OutcomeKind.UNSUBSCRIBED),
    ],
)
def test_kinds_of_feedback_are_told_apart(post: Post, kind: str, outcome_kind: OutcomeKind) -> None:
    post.come(complaint(kind, returned=f"Message-ID: <{post.token('m')}>"))

    assert [outcome.kind for outcome in post.outcomes()] == [outcome_kind]


def test_an_opt_out_that_proves_nothing_ends_nothing(post: Post) -> None:
    post.come(complaint("opt-out", recipient=ADA))

    assert [outcome.kind for outcome in post.outcomes()] == [OutcomeKind.COMPLAINED]


def test_an_absent_reader_is_not_held_against_anybody(post: Post) -> None:
    raw = letter(
        "Auto-Submitted: auto-replied", f"To: {post.token('b')}", subject="Out of office", body="Back in May."
    )

    assert post.come(raw, recipient=post.token("b")).result == ArrivalResult.IGNORED
    assert post.outcomes() == []


def test_a_mail_that_went_round_and_round_is_left_alone(post: Post) -> None:
    raw = letter(*["Received: from a by b; Tue, 24 Nov 2026 12:00:00 +0000"] * 51, f"To: {post.token('u')}")

    assert post.come(raw, sender=ADA).result == ArrivalResult.LOOP
    assert post.outcomes() == []


def test_a_letter_is_shown_and_says_that_its_writer_lives(post: Post) -> None:
    reply = letter(f"References: <{post.token('m')}>", "To: news@post.example.com")

    assert post.come(reply, sender=ADA).result == ArrivalResult.PERSON
    assert [outcome.kind for outcome in post.outcomes()] == [OutcomeKind.REPLIED]
    assert post.come(
        letter("To: news@post.example.com", sender="eve@x.example"), sender="eve@x.example"
    ).result == (ArrivalResult.PERSON)


def test_only_a_persons_mail_may_be_answered(post: Post) -> None:
    to = f"To: {post.token('u')}"
    mails = [
        (letter(to), ADA, "<one@reader.example>"),
        (letter(to, "List-Id: <x.example>"), ADA, None),
        (letter(to, "X-Auto-Response-Suppress: All"), ADA, None),
        (letter(to, sender="noreply@example.com"), ADA, None),
        (letter(to, "Subject: a").replace(b"<one@reader.example>", b"<one\x01 @x>, <two\r\n @x>"), ADA, None),
    ]

    for raw, sender, _ in mails:
        post.come(raw, sender=sender)

    told = sorted(post.outcomes(), key=lambda outcome: outcome.id)
    assert [outcome.kind for outcome in told] == [OutcomeKind.UNSUBSCRIBED] * len(mails)
    assert [outcome.answer_to for outcome in told] == [wanted for *_, wanted in mails]


def test_somebody_who_is_said_to_be_gone_is_noted_and_shown(post: Post) -> None:
    raw = letter(
        "Auto-Submitted: auto-replied",
        f"To: {post.token('b')}",
        subject="Automatic reply: The Daily",
        body="Ada is no longer employed here. Please write to desk@example.com.",
    )

    assert post.come(raw, recipient=post.token("b")).result == ArrivalResult.MOVED
    [outcome] = post.outcomes()
    assert (outcome.kind, outcome.reason, outcome.acted_at) == (OutcomeKind.AUTO_REPLIED, "moved", None)


@pytest.mark.parametrize(
    ("sender", "kinds"), [(ADA, [OutcomeKind.UNSUBSCRIBED]), (BOB, []), ("eve@example.org", [])]
)
def test_who_answers_our_mail_leaves_for_nobody_else(
    post: Post, sender: str, kinds: list[OutcomeKind]
) -> None:
    answer = letter(
        f"In-Reply-To: <{post.token('m')}>",
        "To: news@post.example.com",
        sender=sender,
        body="Unsubscribe me, please.",
    )

    arrival = post.come(answer, sender=sender)

    assert arrival.kind == "unsubscribe"
    assert (arrival.result == ArrivalResult.PERSON) is not bool(kinds)
    assert [outcome.kind for outcome in post.outcomes(ADA)] == kinds
