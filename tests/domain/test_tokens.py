"""Tokens prove one purpose each."""

from __future__ import annotations

from base64 import b32decode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import tokens
from newsletter.domain.errors import InvalidToken
from newsletter.domain.tokens import (
    Delivery,
    KeyRing,
    LinkPurpose,
    LinkSeries,
    LinkToken,
    LocalPartKind,
    LocalPartSeries,
    TokenSeries,
)
from tests.clocks import NOON

RING = KeyRing({1: b"a" * 32, 2: b"b" * 32})
TOKEN = LinkToken(
    purpose=LinkPurpose.UNSUBSCRIBE,
    subscriber_id=7,
    object_id=3,
    mailing_id=12,
    issued_at=NOON,
    payload=b"\x05",
)
DELIVERY = Delivery(mailing_id=12, subscriber_id=1_000_000)
DAY = date(2026, 11, 24)


def test_a_link_says_what_was_signed() -> None:
    text = tokens.sign_link(TOKEN, RING)

    assert tokens.read_link(text, LinkPurpose.UNSUBSCRIBE, RING, now=NOON) == TOKEN


def test_a_link_is_the_same_each_time_it_is_signed_with_the_same_key() -> None:
    assert tokens.sign_link(TOKEN, RING, key_number=1) == tokens.sign_link(TOKEN, RING, key_number=1)


def test_a_link_of_an_older_key_still_verifies() -> None:
    text = tokens.sign_link(TOKEN, RING, key_number=1)

    assert tokens.read_link(text, LinkPurpose.UNSUBSCRIBE, RING, now=NOON).subscriber_id == 7


def test_a_link_serves_its_own_purpose_only() -> None:
    text = tokens.sign_link(TOKEN, RING)

    for purpose in set(LinkPurpose) - {LinkPurpose.UNSUBSCRIBE}:
        with pytest.raises(InvalidToken):
            tokens.read_link(text, purpose, RING, now=NOON)


def test_a_link_expires_only_when_it_is_given_a_lifetime() -> None:
    text = tokens.sign_link(TOKEN, RING)
    late = NOON + timedelta(days=3650)

    assert tokens.read_link(text, LinkPurpose.UNSUBSCRIBE, RING, now=late) == TOKEN
    with pytest.raises(InvalidToken, match="expired"):
        tokens.read_link(text, LinkPurpose.UNSUBSCRIBE, RING, now=late, lifetime=timedelta(days=7))


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_link_with_any_octet_changed_is_refused(place: int, change: int) -> None:
    raw = bytearray(urlsafe_b64decode(tokens.sign_link(TOKEN, RING) + "=="))
    raw[place % len(raw)] ^= change
    forged = urlsafe_b64encode(bytes(raw)).decode().rstrip("=")

    with pytest.raises(InvalidToken):
        tokens.read_link(forged, LinkPurpose.UNSUBSCRIBE, RING, now=NOON)


@given(st.text(max_size=500))
def test_any_text_is_read_or_refused_and_never_breaks_the_reader(text: str) -> None:
    with pytest.raises(InvalidToken):
        tokens.read_link(text, LinkPurpose.UNSUBSCRIBE, RING, now=NOON)
    with pytest.raises(InvalidToken):
        tokens.read_local_part(text, "b", RING, domain="b.post.example")


@given(st.integers(0, 2**24 - 1), st.integers(0, 2**40 - 1))
def test_a_return_path_names_its_message_in_36_octets_whatever_happens_to_its_case(
    mailing: int, reader: int
) -> None:
    delivery = Delivery(mailing, reader)
    local = tokens.sign_local_part("b", delivery, RING, domain="b.post.example", day=DAY)

    assert len(local) == 36
    assert tokens.read_local_part(local.upper(), "b", RING, domain="b.post.example") == delivery


def test_a_return_path_is_bound_to_its_kind_and_domain() -> None:
    local = tokens.sign_local_part("b", DELIVERY, RING, domain="b.post.example", day=DAY)

    for kind, domain, text in (
        ("u", "b.post.example", "u" + local[1:]),
        ("b", "b.other.example", local),
        ("u", "b.post.example", local),
    ):
        with pytest.raises(InvalidToken):
            tokens.read_local_part(text, kind, RING, domain=domain)  # type: ignore[arg-type]  # from a table


def test_letters_that_look_like_digits_are_read_as_those_digits() -> None:
    local = tokens.sign_local_part("b", Delivery(0, 0), RING, domain="b.post.example", day=DAY)

    mistyped = "b-" + local[2:].replace("0", "o").replace("1", "l")

    assert tokens.read_local_part(mistyped, "b", RING, domain="b.post.example") == Delivery(0, 0)


@given(st.integers(0, 2**24 - 1), st.integers(0, 2**40 - 1), st.integers(0, 3), st.integers(0, 3))
def test_tokens_that_are_signed_together_are_those_that_are_signed_one_by_one(
    mailing: int, reader: int, link_count: int, local_count: int
) -> None:
    purposes = (LinkPurpose.UNSUBSCRIBE, LinkPurpose.PREFERENCES, LinkPurpose.VIEW)[:link_count]
    wanted = [replace(TOKEN, purpose=purpose, mailing_id=mailing, payload=b"") for purpose in purposes]
    kinds: tuple[LocalPartKind, ...] = ("b", "u", "m")
    local_parts = [
        LocalPartSeries(kind, mailing, RING, domain="b.post.example", day=DAY) for kind in kinds[:local_count]
    ]

    together = TokenSeries([LinkSeries(each, RING) for each in wanted], local_parts).sign(reader)

    assert [token.decode() for token in together] == [
        *(tokens.sign_link(replace(each, subscriber_id=reader), RING) for each in wanted),
        *(
            tokens.sign_local_part(kind, Delivery(mailing, reader), RING, domain="b.post.example", day=DAY)
            for kind in kinds[:local_count]
        ),
    ]
    assert all(len(token) in {44, 36} for token in together)


def test_the_tokens_of_a_mailing_begin_with_what_they_share() -> None:
    link = LinkSeries(TOKEN, RING)
    local = LocalPartSeries("b", 12, RING, domain="b.post.example", day=DAY)

    assert link.sign(1)[:16] == link.sign(2**40 - 1)[:16]
    assert local.sign(1)[:12] == local.sign(2**40 - 1)[:12]


@given(st.integers(0, 2**24 - 1), st.integers(0, 2**40 - 1))
def test_local_parts_are_plain_base32(mailing: int, reader: int) -> None:
    text = tokens.sign_local_part("b", Delivery(mailing, reader), RING, domain="b.post.example", day=DAY)[2:]

    usual = text.translate(
        str.maketrans("0123456789abcdefghjkmnpqrstvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    )
    octets = b32decode("A" * 6 + usual)[-21:]  # 34 characters carry two bits more than 21 octets have
    assert octets[:4] == bytes([2]) + mailing.to_bytes(3, "big")
    assert int.from_bytes(octets[4:6], "big") == (DAY - date(2020, 1, 1)).days
    assert int.from_bytes(octets[6:11], "big") == reader


@given(st.integers(0, 33), st.sampled_from("0123456789abcdefghjkmnpqrstvwxyz"))
def test_a_return_path_with_any_character_changed_is_refused(place: int, char: str) -> None:
    local = tokens.sign_local_part("b", DELIVERY, RING, domain="b.post.example", day=DAY)
    forged = f"{local[: 2 + place]}{char}{local[3 + place :]}"

    if forged != local:
        with pytest.raises(InvalidToken):
            tokens.read_local_part(forged, "b", RING, domain="b.post.example")
