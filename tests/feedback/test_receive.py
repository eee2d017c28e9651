"""Check at the door: which addresses are ours, whichever way they come back, and what is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from newsletter.domain.arrivals import ArrivalStatus, MailWay
from newsletter.feedback.receive import Door
from newsletter.inbound.dialogue import Standing
from newsletter.inbound.mail import Mail
from newsletter.store import arrivals, keys
from newsletter.store.tables import KeyPurpose
from tests.feedback.post import BOB, DOMAIN, MESSAGES, Post

RAW = b"Subject: Undelivered\r\n\r\nNo such user.\r\n"


def door(post: Post, *, ring: Callable[[], object] = lambda: None) -> Door:
    """Open it on the post's database."""
    return Door(
        post.database.transaction,
        post.database.reading,
        inbound_domain=DOMAIN,
        message_domain=MESSAGES,
        roles=("postmaster", "abuse"),
        ring=ring,
        clock=post.clock,
    )


def test_only_what_we_gave_away_is_ours(post: Post) -> None:
    ours, leaving = post.token("b"), post.token("u")
    local = ours.partition("@")[0]
    standings = {
        ours: Standing.OURS,
        ours.upper(): Standing.OURS,
        leaving: Standing.OURS,
        f"prvs=1234abcdef={ours}": Standing.OURS,
        f"SRS0=ab12=XY=example.net={local}@{DOMAIN}": Standing.OURS,
        f"Postmaster@{DOMAIN}": Standing.OURS,
        f"abuse@{DOMAIN}.": Standing.OURS,
        "postmaster": Standing.OURS,
        ours.replace(DOMAIN, "elsewhere.example"): Standing.ELSEWHERE,
        "postmaster@elsewhere.example": Standing.ELSEWHERE,
        "<>": Standing.ELSEWHERE,
        f"ada@{DOMAIN}": Standing.UNKNOWN,
        ours.replace("b-", "u-", 1): Standing.UNKNOWN,
        f"m-{post.token('m').partition('@')[0][2:]}@{DOMAIN}": Standing.UNKNOWN,
        f"b-{'0' * 34}@{DOMAIN}": Standing.UNKNOWN,
        ours[:20] + ("a" if ours[20] != "a" else "b") + ours[21:]: Standing.UNKNOWN,
    }

    opened = door(post)

    assert {address: opened.standing(address) for address in standings} == standings


def test_a_return_path_expires_and_a_way_to_leave_does_not(post: Post) -> None:
    opened = door(post)

    standings = [
        opened.standing(post.token(kind, days=days))  # type: ignore[arg-type]  # one of two letters
        for kind, days in (("b", 45), ("b", 46), ("u", 2_000))
    ]

    assert standings == [Standing.OURS, Standing.UNKNOWN, Standing.OURS]


def test_a_new_key_is_known_after_the_next_look_and_looks_have_a_distance(post: Post) -> None:
    opened = door(post)
    with post.database.transaction() as session:
        keys.rotate(session, KeyPurpose.RETURN_PATH, now=post.clock.now())
        post.paths = keys.return_paths(session, inbound_domain=DOMAIN, message_domain=MESSAGES)
    address = post.token("b")

    opened.refresh()
    too_early = opened.standing(address)
    post.clock.advance(timedelta(seconds=2))
    opened.refresh()

    assert (too_early, opened.standing(address)) == (Standing.UNKNOWN, Standing.OURS)


def test_a_mail_is_kept_once_for_each_of_its_recipients(post: Post) -> None:
    recipients = (post.token("b"), post.token("b", BOB))
    mail = Mail(raw=RAW, size_bytes=9_000_000, recipients=recipients, sender="", peer="192.0.2.7")

    for _ in range(2):
        door(post).keep(MailWay.SMTP, mail)

    with post.database.reading() as session:
        rows = arrivals.listing(session, status=ArrivalStatus.WAITING, limit=10)
    assert sorted(row.recipient or "" for row in rows) == sorted(recipients)
    assert {(row.way, row.sender, row.size_bytes) for row in rows} == {("smtp", "", 9_000_000)}


def test_a_worker_is_woken_once_for_what_comes_at_once(post: Post) -> None:
    rings: list[int] = []
    opened = door(post, ring=lambda: rings.append(len(rings)))

    for number in range(3):
        opened.keep(MailWay.LMTP, Mail(raw=b"%d" % number, size_bytes=1, recipients=(post.token("b"),)))
    post.clock.advance(timedelta(seconds=1))
    opened.keep(MailWay.LMTP, Mail(raw=RAW, size_bytes=len(RAW), recipients=(post.token("b"),)))

    assert len(rings) == 2


def test_what_cannot_be_kept_is_said(post: Post) -> None:
    opened = door(post)
    with post.database.engine.connect() as connection:
        connection.exec_driver_sql("DROP TABLE arrivals")
        connection.commit()

    with pytest.raises(Exception, match="arrivals"):
        opened.keep(MailWay.LMTP, Mail(raw=RAW, size_bytes=len(RAW), recipients=(post.token("b"),)))


def test_nobody_fills_the_disk_through_one_address(post: Post) -> None:
    opened, address = door(post), post.token("b")

    answers = [opened.has_room(each) for each in [address, address.upper()] * 20]

    assert answers == [True] * 20 + [False] * 20
    assert opened.has_room(post.token("b", BOB))


def test_one_network_is_one_client(post: Post) -> None:
    opened = door(post)

    answers = [opened.may_bring(f"2001:db8::{number:x}") for number in range(1_001)]

    assert answers == [True] * 1_000 + [False]
    assert opened.may_bring("192.0.2.7")
