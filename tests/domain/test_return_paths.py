"""Our tokens are found in whatever forwarders and reports make of them, and nobody else's are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import tokens
from newsletter.domain.return_paths import ReturnPaths, Trace
from newsletter.domain.tokens import Delivery, KeyRing, LinkPurpose, LinkToken, LocalPartKind
from tests.clocks import NOON

LINKS = KeyRing({1: b"l" * 32})
RETURN_PATH = KeyRing({1: b"r" * 32, 2: b"s" * 32})
PATHS = ReturnPaths(LINKS, RETURN_PATH, "b.post.example", "news.post.example")
ADA = Delivery(mailing_id=12, subscriber_id=77)
TODAY = NOON.date()


def local(kind: LocalPartKind, *, age: timedelta = timedelta(), domain: str | None = None) -> str:
    ring = RETURN_PATH if kind == "b" else LINKS
    own = "news.post.example" if kind == "m" else "b.post.example"
    return tokens.sign_local_part(kind, ADA, ring, domain=domain or own, day=(NOON - age).date())


def link(purpose: LinkPurpose, *, mailing_id: int = 12) -> str:
    token = LinkToken(purpose=purpose, subscriber_id=77, object_id=3, mailing_id=mailing_id, issued_at=NOON)
    return f"https://news.post.example/{purpose}/{tokens.sign_link(token, LINKS)}"


WRAPPED = [
    "{0}@b.post.example",
    "SRS0=abcd=TT=b.post.example={0}@forwarder.example",
    "SRS0+abcd=TT=b.post.example={0}@forwarder.example",
    "SRS0-abcd-TT-b.post.example-{0}@forwarder.example",
    "SRS1=wxyz=forwarder.example==abcd=TT=b.post.example={0}@second.example",
    "prvs=1234abcdef={0}@b.post.example",
    "prvs={0}/1234abcdef@b.post.example",
    "btv1==0123abcd4567==={0}@b.post.example",
    "msprvs1=18abCDef01234=-={0}@b.post.example",
    "<{0}@b.post.example>",
    '"{0}"@b.post.example',
]


@pytest.mark.parametrize("wrapping", WRAPPED)
@pytest.mark.parametrize("change", [str, str.upper, str.lower])
def test_a_token_is_found_inside_what_forwarders_made_of_its_address(
    wrapping: str, change: type[str]
) -> None:
    text = change(wrapping.format(local("b")))

    assert PATHS.in_text(text, now=NOON) == [Trace("b", ADA, TODAY)]


def test_an_envelope_recipient_is_recognised_with_batv_around_it() -> None:
    for address in (f"{local('b')}@B.Post.Example", f"prvs=1234abcdef={local('b')}@b.post.example."):
        assert PATHS.of_recipient(address, now=NOON) == Trace("b", ADA, TODAY)
    assert PATHS.of_recipient(f"{local('u')}@b.post.example", now=NOON) == Trace("u", ADA, TODAY)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "postmaster@b.post.example",
        f"{local('b')}@elsewhere.example",
        f"{local('b')}",
        f"x{local('b')}@b.post.example",
        f"{local('b')}x@b.post.example",
        f"{local('m')}@b.post.example",
        f"{local('b', domain='elsewhere.example')}@b.post.example",
        f"b-{'0' * 34}@b.post.example",
        f"b-{local('u')[2:]}@b.post.example",
        f"u-{local('b')[2:]}@b.post.example",
    ],
)
def test_no_other_recipient_is_ours(address: str) -> None:
    assert PATHS.of_recipient(address, now=NOON) is None


def test_without_an_inbound_domain_nothing_is_for_us() -> None:
    paths = ReturnPaths(LINKS, RETURN_PATH, "", "news.post.example")

    assert (
        paths.of_recipient(
            tokens.sign_local_part("b", ADA, RETURN_PATH, domain="", day=TODAY) + "@", now=NOON
        )
        is None
    )


def test_a_return_path_serves_45_days_and_an_unsubscribe_address_for_ever() -> None:
    young, old = timedelta(days=45), timedelta(days=46)

    assert PATHS.of_recipient(f"{local('b', age=young)}@b.post.example", now=NOON) is not None
    assert PATHS.of_recipient(f"{local('b', age=old)}@b.post.example", now=NOON) is None
    assert PATHS.of_recipient(f"{local('u', age=40 * old)}@b.post.example", now=NOON) is not None


def test_a_token_of_a_replaced_key_is_found_and_one_of_a_retired_key_is_not() -> None:
    old = tokens.sign_local_part("b", ADA, RETURN_PATH, domain="b.post.example", day=TODAY, key_number=1)
    without = ReturnPaths(LINKS, KeyRing({2: b"s" * 32}), "b.post.example", "news.post.example")

    assert PATHS.in_text(old, now=NOON) == [Trace("b", ADA, TODAY)]
    assert without.in_text(old, now=NOON) == []


def test_a_returned_message_is_known_by_its_header_and_its_links() -> None:
    text = f"Message-ID: <{local('m')}@news.post.example>\r\n\r\nLeave: {link(LinkPurpose.UNSUBSCRIBE)}\r\n"

    assert PATHS.in_text(text, now=NOON) == [Trace("m", ADA, TODAY), Trace("link", ADA, TODAY)]


def test_a_link_that_was_folded_on_its_way_is_found() -> None:
    whole = link(LinkPurpose.PREFERENCES)

    assert PATHS.in_text(f"{whole[:60]}=\r\n{whole[60:]}", now=NOON) == [Trace("link", ADA, TODAY)]


def test_links_that_name_no_message_are_no_trace() -> None:
    others = (
        f"{link(LinkPurpose.UNSUBSCRIBE, mailing_id=0)} {link(LinkPurpose.CONFIRM)} {link(LinkPurpose.VIEW)}"
    )

    assert PATHS.in_text(others, now=NOON) == []


def test_a_flood_of_forged_tokens_is_not_read_to_its_end() -> None:
    forged = " ".join(f"b-{number:034}" for number in range(2000))

    assert PATHS.in_text(f"{forged} {local('b')}", now=NOON) == []
    assert PATHS.in_text(f"{local('b')} {forged}", now=NOON) == [Trace("b", ADA, TODAY)]


@given(st.text(max_size=300))
def test_any_text_is_looked_through_without_harm(text: str) -> None:
    assert PATHS.in_text(text, now=NOON) == []
    assert PATHS.of_recipient(f"{text}@b.post.example", now=NOON) is None
