"""Check which addresses can be mailed, and which are one mailbox."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import addresses
from newsletter.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada.Lovelace+news@Example.COM\n", "Ada.Lovelace+news@example.com"),
        ("o'neil_%#!@example.co.uk", "o'neil_%#!@example.co.uk"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@bu\u0308cher.example", "ada@xn--bcher-kva.example"),
        ("ada@faß.example", "ada@xn--fa-hia.example"),
        ("ada@例え.テスト", "ada@xn--r8jz45g.xn--zckzah"),
        ("ada@example.com.", "ada@example.com"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
        ("1@2.example", "1@2.example"),
    ],
)
def test_an_address_is_read_with_its_domain_as_the_network_knows_it(text: str, address: str) -> None:
    assert str(addresses.parse(text)) == address


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "address_without_domain"),
        ("ada", "address_without_domain"),
        ("ada@", "address_without_domain"),
        ("@example.com", "address_local_part"),
        ("ada@localhost", "address_domain"),
        ("ada@192.0.2.1", "address_domain"),
        ("ada@[192.0.2.1]", "address_domain"),
        ("ada@exa mple.com", "address_domain"),
        ("ada@-example.com", "address_domain"),
        ("ada@example-.com", "address_domain"),
        ("ada@exam_ple.com", "address_domain"),
        ("ada@example..com", "address_domain"),
        ("ada@\u2764\u200d.example", "address_domain"),
        (f"ada@{'a' * 64}.example", "address_domain"),
        (f"ada@{'a.' * 130}example", "address_domain"),
        (f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 20}", "address_too_long"),
        (f"{'a' * 65}@example.com", "address_local_part"),
        (".ada@example.com", "address_local_part"),
        ("ada.@example.com", "address_local_part"),
        ("a..da@example.com", "address_local_part"),
        ("a da@example.com", "address_local_part"),
        ('"ada"@example.com', "address_local_part"),
        ("ada(comment)@example.com", "address_local_part"),
        ("Ada <ada@example.com>", "address_local_part"),
        ("ada@example.com>\r\nBcc: eve@example.com", "address_local_part"),
        ("ada@example.com\r\nBcc: eve", "address_domain"),
        ("ada\r\nBcc: x@example.com", "address_local_part"),
        ("ada\0@example.com", "address_local_part"),
        ("a@b@example.com", "address_local_part"),
        ("jürgen@example.com", "address_needs_smtputf8"),
    ],
)
def test_what_cannot_be_mailed_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        addresses.parse(text)

    assert caught.value.reason == reason
    assert caught.value.hint


@given(st.text(max_size=40) | st.from_regex(r"[a-zA-Z.+@ \-]{1,12}@[a-zß.·-]{1,12}\.[a-zü。]{1,5}"))
def test_any_text_is_refused_or_stays_as_it_was_read(text: str) -> None:
    try:
        address = addresses.parse(text)
    except InvalidInput:
        return

    assert addresses.parse(str(address)) == address
    assert str(address).isascii()
    assert not set(str(address)) & set(' \r\n<>,;"')


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ada@Example.com", "ada@example.COM", True),
        ("ada@bücher.example", "ADA@xn--bcher-kva.example", True),
        ("a.da@gmail.com", "ada@gmail.com", False),
        ("ada+news@gmail.com", "ada@gmail.com", False),
        ("ada@example.com", "ada@example.org", False),
    ],
)
def test_two_addresses_are_one_reader_only_when_they_differ_in_case(
    *, one: str, other: str, same: bool
) -> None:
    assert (addresses.parse(one).key == addresses.parse(other).key) is same


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("A.d.a+x+y@gmail.com", "ada@gmail.com"),
        ("a.da+x@googlemail.com", "ada@googlemail.com"),
        ("a.da+x@outlook.com", "a.da@outlook.com"),
        ("+x@outlook.com", "+x@outlook.com"),
        ("a.da+x@example.com", "a.da+x@example.com"),
    ],
)
def test_caps_count_one_inbox_once(text: str, key: str) -> None:
    assert addresses.parse(text).abuse_key == key


@pytest.mark.parametrize(
    ("text", "is_role"),
    [
        ("postmaster@example.com", True),
        ("No-Reply@example.com", True),
        ("abuse@example.com", True),
        ("info@example.com", False),
        ("postmaster.ada@example.com", False),
    ],
)
def test_mailboxes_that_run_a_domain_are_known(*, text: str, is_role: bool) -> None:
    assert addresses.parse(text).is_role is is_role


def test_a_log_shows_one_letter_of_the_local_part() -> None:
    assert addresses.parse("ada@example.com").masked == "a…@example.com"
