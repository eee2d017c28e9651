"""Whatever comes in is kept and read; nothing that strangers write breaks the reading or reaches a reader."""

from __future__ import annotations

from hashlib import shake_128

import pytest

from newsletter.domain.arrivals import KEPT_BYTES, READ_BYTES, ArrivalStatus, MailWay
from newsletter.feedback.suppress import Suppressed, suppress
from newsletter.store import arrivals, suppressions
from newsletter.store.tables import Arrival
from tests.feedback.post import ADA, BOB, Post, bounce, complaint, letter


def come_all(post: Post, mails: list[bytes], *, recipient: str | None = None) -> list[Arrival]:
    """Let mails come in together and be read; return those that could not be."""
    with post.database.transaction() as session:
        for raw in mails:
            arrivals.keep(
                session, way=MailWay.SMTP, raw=raw, now=post.clock.now(), recipient=recipient, sender=""
            )
    assert post.read() == len(set(mails))
    with post.database.reading() as session:
        assert not arrivals.is_due(session, now=post.clock.now())
        return arrivals.listing(session, status=ArrivalStatus.FAILED, limit=100)


def act(post: Post) -> Suppressed:
    return suppress(post.database.transaction, now=post.clock.now(), ask_dns=lambda _domain: True)


def test_mails_that_were_damaged_at_random_are_read(post: Post) -> None:
    whole = [bounce(), complaint(recipient=ADA), letter(f"To: {post.token('u')}")]
    mails = []
    for number in range(60):
        raw = bytearray(whole[number % 3])
        damage = shake_128(str(number).encode()).digest(3 * (number + 1))
        for high, low, octet in zip(damage[::3], damage[1::3], damage[2::3], strict=True):
            raw[(256 * high + low) % len(raw)] = b"\0\r\n:;<>@=\xff\x80 -"[octet % 13]
        mails.append(bytes(raw))

    assert come_all(post, mails, recipient=post.token("b")) == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0" * 5000,
        b"\xff" * 5000,
        b"To: " + b"<" * 100_000,
        b"Content-Type: multipart/mixed; boundary=a\n\n"
        + b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 10_000,
        b"Message-ID: <" + b"m-" + b"0" * 34 + b"@news.post.example>\n\n",
        bounce("ada\0@example.com\x1b[2J"),
        bounce(ADA, text="550 5.1.1 " + "\u202e\0\x07x" * 3000),
    ],
    ids=["empty", "nul", "high", "brackets", "nested", "forged", "controls", "text"],
)
def test_nothing_breaks_the_reading(post: Post, raw: bytes) -> None:
    assert come_all(post, [raw], recipient="b-\0\ud800@b.post.example") == []


def test_a_report_about_ten_thousand_strangers_reaches_nobody_but_ours(post: Post) -> None:
    rows = b"".join(
        b"\r\nFinal-Recipient: rfc822; reader%d@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n" % number
        for number in range(10_000)
    )
    raw = bounce(BOB).replace(
        b"--cut\r\nContent-Type: text/rfc822", rows + b"--cut\r\nContent-Type: text/rfc822"
    )

    assert come_all(post, [raw]) == []
    assert len(post.outcomes(BOB)) == 1
    assert post.outcomes(ADA) == []


def test_of_fifty_megabytes_ten_are_kept_and_one_is_read(post: Post) -> None:
    raw = bounce().replace(b"Subject: The Daily", b"Subject: The Daily\r\nX-Long: " + b"x" * 50_000_000)

    assert come_all(post, [raw], recipient=post.token("b")) == []
    with post.database.reading() as session:
        found = session.get(Arrival, 1)
        assert found is not None
        assert (found.size_bytes, len(found.body)) == (len(raw), READ_BYTES)
        assert len(found.rest or b"") == KEPT_BYTES - READ_BYTES
    assert [outcome.category for outcome in post.outcomes()] == ["invalid_recipient"]


def test_forged_reports_reach_no_reader_who_was_not_mailed_and_suppress_nobody(post: Post) -> None:
    forged = post.token("b").replace("@", "x@")
    mails = [
        bounce("eve@example.org"),
        complaint(recipient="eve@example.org"),
        *(bounce(text=f"550 5.1.1 {n}") for n in range(20)),
    ]

    assert come_all(post, mails, recipient=forged) == []
    assert act(post) == Suppressed(held=1)
    with post.database.reading() as session:
        assert suppressions.active_keys(session, [ADA, BOB, "eve@example.org"], post.clock.now()) == set()


def test_a_replayed_report_counts_once(post: Post) -> None:
    mails = [
        b"Received: from a by b%d\r\n" % number + bounce(status="5.2.2", text="552 5.2.2 full")
        for number in range(30)
    ]

    assert come_all(post, mails, recipient=post.token("b")) == []
    assert len(post.outcomes()) == 1


def test_somebody_elses_footer_in_a_mail_unsubscribes_nobody(post: Post) -> None:
    quoted = (
        f"> To leave write to {post.token('u', BOB)}\r\n> List-Unsubscribe: <mailto:{post.token('u', BOB)}>"
    )
    raw = letter("To: news@post.example.com", body=f"What do you mean by this?\r\n\r\n{quoted}")

    post.come(raw, sender=ADA)

    assert [outcome.kind for outcome in post.outcomes(BOB) if outcome.kind == "unsubscribed"] == []
