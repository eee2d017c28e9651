"""Check which mails that come back let a reader leave, and that no mail breaks the reading."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.arrivals import ArrivalResult, ArrivalStatus, MailWay
from newsletter.domain.consent import ConsentKind
from newsletter.domain.outcomes import OutcomeKind, OutcomeSource
from newsletter.domain.subscriptions import EndReason, SubscriptionStatus
from newsletter.store import consent, keys, subscriptions
from newsletter.store.tables import Arrival, KeyPurpose
from newsletter.subscribing import unsubscribe
from tests.clocks import NOON
from tests.feedback.post import ADA, BOB, DOMAIN, Post


def mail(*fields: str, body: str = "Please let me go.") -> bytes:
    """Return a mail with these fields."""
    return "\r\n".join([*fields, "Subject: unsubscribe", "", body, ""]).encode("utf-8", "surrogateescape")


def come(post: Post, raw: bytes) -> Arrival:
    """Let a mail come in by a way that tells no envelope."""
    return post.come(raw, sender=None, way=MailWay.INGEST)


def leavings(post: Post, address: str = ADA) -> int:
    """Count how often a reader was heard to leave."""
    return [outcome.kind for outcome in post.outcomes(address)].count(OutcomeKind.UNSUBSCRIBED)


def changed(text: str) -> str:
    """Change one letter of a token."""
    return text[:10] + ("a" if text[10] != "a" else "b") + text[11:]


def test_the_address_alone_says_who_leaves(post: Post) -> None:
    come(post, mail("From: somebody.else@example.org", f"To: {post.token('u')}"))

    [outcome] = post.outcomes()
    assert (outcome.kind, outcome.mailing_id) == (OutcomeKind.UNSUBSCRIBED, post.mailings[0])
    assert (outcome.source, outcome.at, outcome.acted_at) == (OutcomeSource.INBOUND_MAIL, NOON, None)


def test_the_address_is_found_wherever_servers_put_it_and_in_any_case(post: Post) -> None:
    ours = post.token("u")
    fields = [
        f"To: {ours.upper()}",
        f"To: <{ours}>",
        f'To: "The Harbour Post" <{ours.title()}>',
        f"To: desk@post.example.com, {ours}",
        f"delivered-to: {ours}",
        f"X-Original-To: {ours.upper()}",
        f"Envelope-To: {ours}",
        f"To: =?utf-8?q?Harbour_Post?= <{ours}>",
        f"To: group: {ours};",
        f"To: \udcff <{ours}>",
    ]

    for field in fields:
        come(post, mail(field))

    assert leavings(post) == len(fields)


def test_the_same_mail_again_changes_nothing(post: Post) -> None:
    for way in (MailWay.INGEST, MailWay.MAILDIR, MailWay.IMAP):
        post.come(mail(f"To: {post.token('u')}"), sender=None, way=way)

    assert leavings(post) == 1


@pytest.mark.parametrize(
    "field",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: Auto-Generated; owner-email=x",
        "Return-Path: <>",
        "Return-Path:  <> ",
        "Precedence: auto_reply",
        "Precedence: Bulk",
    ],
)
def test_a_machine_unsubscribes_nobody(post: Post, field: str) -> None:
    come(post, mail(field, f"To: {post.token('u')}"))

    assert leavings(post) == 0


@pytest.mark.parametrize(
    "field", ["Auto-Submitted: no", "Return-Path: <ada@example.com>", "Precedence: normal"]
)
def test_a_person_is_no_machine(post: Post, field: str) -> None:
    come(post, mail(field, f"To: {post.token('u')}"))

    assert leavings(post) == 1


def test_what_we_did_not_sign_for_leaving_here_lets_nobody_leave(post: Post) -> None:
    ours = post.token("u")
    targets = [
        changed(ours),
        post.token("b").replace("b-", "u-", 1),
        f"u-{'0' * 34}@{DOMAIN}",
        f"u-@{DOMAIN}",
        f"news@{DOMAIN}",
    ]

    results = {come(post, mail(f"To: {target}")).result for target in targets}

    assert results == {ArrivalResult.PERSON}
    assert leavings(post) == 0


def test_a_forged_address_does_not_hide_ours(post: Post) -> None:
    ours = post.token("u")

    come(post, mail(f"To: {changed(ours)}", f"Delivered-To: {ours}"))

    assert leavings(post) == 1


def test_a_token_of_a_replaced_key_still_lets_leave(post: Post) -> None:
    ours = post.token("u")
    with post.database.transaction() as session:
        keys.rotate(session, KeyPurpose.LINKS, now=NOON)

    come(post, mail(f"To: {ours}"))

    assert leavings(post) == 1


BROKEN = [
    "Cc: =?=?x?q?a?=<",
    "Cc: ,\t:=FF=FF",
    'To: "=?utf-8?q?=?utf-8?b? =FF=FF',
    "Cc: é@[Delivered-To:=?utf-8?b?\t",
    "To: =?utf-8?b?=FFCc:in.example.com)]1",
    "Cc: a:\x00b:,(c:).d\r\n=?To:",
    'Auto-Submitted: no\r\nCc: group: a;"\té',
    "Content-Type: multipart/mixed; boundary=x\r\nTo: \udcff\udcfe\x00",
    "no header at all",
]


def test_broken_fields_break_nothing_and_hide_nothing(post: Post) -> None:
    for field in BROKEN:
        arrival = come(post, mail(field, "X-Other: y"))
        assert arrival.status is ArrivalStatus.READ

        come(post, mail(f"Delivered-To: {post.token('u')}", field))

    assert leavings(post) == len(BROKEN)


def test_what_is_no_mail_breaks_nothing(post: Post) -> None:
    raws = [b"", b"\r\n", b"\0" * 1000, bytes(range(256)) * 20, b"To: " + b"<" * 2_000_000]

    arrivals = [come(post, raw) for raw in raws]

    assert {arrival.status for arrival in arrivals} == {ArrivalStatus.READ}


def test_a_mail_ends_the_subscription_of_its_newsletter_once(post: Post) -> None:
    for number in range(2):
        come(post, mail(f"To: {post.token('u')}", f"X-Number: {number}"))

    first = unsubscribe.work_off(post.database.transaction, now=NOON + timedelta(minutes=1))
    second = unsubscribe.work_off(post.database.transaction, now=NOON + timedelta(minutes=2))

    assert (first, second) == (2, 0)
    with post.database.reading() as session:
        found = subscriptions.get(session, post.readers[ADA], post.newsletter.id)
        untouched = subscriptions.get(session, post.readers[BOB], post.newsletter.id)
        events = consent.of_subscriber(session, post.readers[ADA])
    assert found is not None
    assert (found.status, found.end_reason) == (SubscriptionStatus.ENDED, EndReason.UNSUBSCRIBED)
    assert found.ended_at == NOON + timedelta(minutes=1)
    assert untouched is not None
    assert untouched.status is SubscriptionStatus.ACTIVE
    assert [(event.kind, event.evidence["channel"]) for event in events] == [
        (ConsentKind.UNSUBSCRIBED, "mail")
    ]


def test_a_mail_about_a_mailing_that_is_gone_is_looked_at_once_and_ends_nothing(post: Post) -> None:
    come(post, mail(f"To: {post.token('u', mailing=99)}"))

    counts = [unsubscribe.work_off(post.database.transaction, now=NOON) for _ in range(2)]

    assert counts == [1, 0]
    with post.database.reading() as session:
        [found] = subscriptions.of_subscriber(session, post.readers[ADA])
    assert found.status is SubscriptionStatus.ACTIVE
