"""Check which mails that come back let a reader leave, and that no mail breaks the taking in."""

from __future__ import annotations

from datetime import timedelta

from newsletter.domain.consent import ConsentKind
from newsletter.domain.outcomes import OutcomeKind, OutcomeSource
from newsletter.domain.subscriptions import EndReason, SubscriptionStatus
from newsletter.domain.tokens import Delivery, LocalPartKind, sign_local_part
from newsletter.feedback import inbound
from newsletter.feedback.inbound import Understood
from newsletter.store import Database, Session, consent, keys, mailings, outcomes, subscriptions
from newsletter.store.tables import Issue, KeyPurpose, Mailing, Newsletter
from newsletter.subscribing import unsubscribe
from tests.builders import add_newsletter, add_reader
from tests.clocks import NOON

DOMAIN = "in.example.com"
READER, MAILING = 4711, 3


def address(session: Session, *, kind: LocalPartKind = "u", domain: str = DOMAIN, **over: int) -> str:
    """Return the address that a mail of ours names for leaving."""
    delivery = Delivery(over.get("mailing_id", MAILING), over.get("subscriber_id", READER))
    ring = keys.ring(session, KeyPurpose.LINKS)
    return f"{sign_local_part(kind, delivery, ring, domain=domain, day=NOON.date())}@{domain}"


def mail(*fields: str, body: str = "Please let me go.") -> bytes:
    """Return a mail with these fields."""
    return "\r\n".join([*fields, "Subject: unsubscribe", "", body, ""]).encode("utf-8", "surrogateescape")


def ingest(session: Session, raw: bytes) -> Understood:
    """Take a mail in at noon."""
    return inbound.ingest(session, raw, inbound_domain=DOMAIN, now=NOON)


def changed(text: str) -> str:
    """Change one letter of a token."""
    return text[:10] + ("a" if text[10] != "a" else "b") + text[11:]


def test_the_address_alone_says_who_leaves(session: Session) -> None:
    raw = mail("From: somebody.else@example.org", f"To: {address(session)}")

    assert ingest(session, raw) == Understood("unsubscribe", "recorded", READER)

    (outcome,) = outcomes.open_ones(session, {OutcomeKind.UNSUBSCRIBED}, limit=10)
    assert (outcome.mailing_id, outcome.subscriber_id) == (MAILING, READER)
    assert (outcome.source, outcome.at, outcome.acted_at) == (OutcomeSource.INBOUND_MAIL, NOON, None)


def test_the_address_is_found_wherever_servers_put_it_and_in_any_case(session: Session) -> None:
    ours = address(session)
    fields = [
        f"To: {ours.upper()}",
        f"To: <{ours}>",
        f'To: "The Harbour Post" <{ours.title()}>',
        f"To: desk@post.example.com, {ours}",
        f"Cc: x@example.com,\r\n <{ours}>",
        f"delivered-to: {ours}",
        f"X-Original-To: {ours.upper()}",
        f"Envelope-To: {ours}",
        f"To: =?utf-8?q?Harbour_Post?= <{ours}>",
        f"To: group: {ours};",
        f"To: \udcff <{ours}>",
    ]

    kinds = [ingest(session, mail(field)).kind for field in fields]

    assert kinds == ["unsubscribe"] * len(fields)


def test_the_same_mail_again_changes_nothing(session: Session) -> None:
    raw = mail(f"To: {address(session)}")

    answers = [ingest(session, raw).reason for _ in range(3)]

    assert answers == ["recorded", "known_already", "known_already"]
    assert len(outcomes.of_subscriber(session, READER)) == 1


def test_a_machine_unsubscribes_nobody(session: Session) -> None:
    fields = [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: Auto-Generated; owner-email=x",
        "Return-Path: <>",
        "Return-Path:  <> ",
        "Precedence: auto_reply",
        "Precedence: Bulk",
    ]

    answers = {ingest(session, mail(field, f"To: {address(session)}")) for field in fields}

    assert answers == {Understood("auto_reply", "not_from_a_person", READER)}
    assert outcomes.of_subscriber(session, READER) == []


def test_a_person_is_no_machine(session: Session) -> None:
    fields = ["Auto-Submitted: no", "Return-Path: <ada@example.com>", "Precedence: normal"]

    kinds = {ingest(session, mail(field, f"To: {address(session)}")).kind for field in fields}

    assert kinds == {"unsubscribe"}


def test_what_we_did_not_sign_for_leaving_here_is_unknown(session: Session) -> None:
    ours = address(session)
    targets = [
        changed(ours),
        ours.replace(DOMAIN, f"{DOMAIN}.evil.example"),
        ours.replace(DOMAIN, "evil.example"),
        address(session, kind="b"),
        address(session, kind="b").replace("b-", "u-", 1),
        address(session, domain="other.example.com").replace("other.example.com", DOMAIN),
        f"u-{'0' * 34}@{DOMAIN}",
        f"u-@{DOMAIN}",
        f"news@{DOMAIN}",
    ]

    answers = {ingest(session, mail(f"To: {target}")) for target in targets}

    assert answers == {Understood("unknown", "no_token_of_ours")}


def test_a_forged_address_does_not_hide_ours(session: Session) -> None:
    ours = address(session)

    assert ingest(session, mail(f"To: {changed(ours)}", f"Delivered-To: {ours}")).kind == "unsubscribe"


def test_an_address_in_the_body_or_in_from_means_nothing(session: Session) -> None:
    ours = address(session)

    assert ingest(session, mail(f"From: {ours}", "To: desk@post.example.com", body=ours)).kind == "unknown"


def test_a_token_of_a_replaced_key_still_lets_leave(session: Session) -> None:
    raw = mail(f"To: {address(session)}")
    keys.rotate(session, KeyPurpose.LINKS, now=NOON)

    assert ingest(session, raw).kind == "unsubscribe"


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


def test_broken_fields_break_nothing_and_hide_nothing(session: Session) -> None:
    ours = address(session)

    without = {ingest(session, mail(field, "X-Other: y")).kind for field in BROKEN}
    behind = {ingest(session, mail(f"Delivered-To: {ours}", field)).kind for field in BROKEN}

    assert (without, behind) == ({"unknown"}, {"unsubscribe"})


def test_what_is_no_mail_is_unknown(session: Session) -> None:
    raws = [b"", b"\r\n", b"\0" * 1000, bytes(range(256)) * 20, b"To: " + b"<" * 2_000_000]

    answers = {ingest(session, raw) for raw in raws}

    assert answers == {Understood("unknown", "no_token_of_ours")}


def add_mailing(session: Session, newsletter: Newsletter) -> Mailing:
    """Add the mailing of an issue."""
    issue = Issue(newsletter_id=newsletter.id, number=1, since=NOON, cut_off_at=NOON, planned_at=NOON)
    session.add(issue)
    session.flush()
    return mailings.start(session, issue, highest=1, now=NOON, expires_at=NOON + timedelta(days=1))


def test_a_mail_ends_the_subscription_of_its_newsletter_once(database: Database) -> None:
    with database.transaction() as session:
        daily, weekly = add_newsletter(session), add_newsletter(session, slug="weekly")
        reader = add_reader(session, daily, "ada@example.com")
        other = add_reader(session, weekly, "bob@example.com")
        to = address(session, mailing_id=add_mailing(session, daily).id, subscriber_id=reader.id)
        for number in range(2):
            ingest(session, mail(f"To: {to}", f"X-Number: {number}"))

    first = unsubscribe.work_off(database.transaction, now=NOON + timedelta(minutes=1))
    second = unsubscribe.work_off(database.transaction, now=NOON + timedelta(minutes=2))

    assert (first, second) == (2, 0)
    with database.reading() as session:
        found = subscriptions.get(session, reader.id, daily.id)
        untouched = subscriptions.get(session, other.id, weekly.id)
        events = consent.of_subscriber(session, reader.id)
    assert found is not None
    assert (found.status, found.end_reason) == (SubscriptionStatus.ENDED, EndReason.UNSUBSCRIBED)
    assert found.ended_at == NOON + timedelta(minutes=1)
    assert untouched is not None
    assert untouched.status is SubscriptionStatus.ACTIVE
    assert [(event.kind, event.evidence["channel"]) for event in events] == [
        (ConsentKind.UNSUBSCRIBED, "mail")
    ]


def test_a_mail_about_a_mailing_that_is_gone_is_looked_at_once_and_ends_nothing(database: Database) -> None:
    with database.transaction() as session:
        reader = add_reader(session, add_newsletter(session), "ada@example.com")
        ingest(session, mail(f"To: {address(session, mailing_id=99, subscriber_id=reader.id)}"))

    counts = [unsubscribe.work_off(database.transaction, now=NOON) for _ in range(2)]

    assert counts == [1, 0]
    with database.reading() as session:
        (found,) = subscriptions.of_subscriber(session, reader.id)
    assert found.status is SubscriptionStatus.ACTIVE
