"""A reader's name and address, wherever they stand in a message."""

from __future__ import annotations

import email
import email.policy
import quopri
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markupsafe import escape

from newsletter.domain import layout
from newsletter.domain.errors import InvalidInput
from newsletter.mime import headers, quoted_printable
from newsletter.mime.addressee import addressee

NAMES = (
    st.text(st.characters(codec="utf-8"), max_size=80)
    | st.text("abz019 .-,'&<>\"\\=?()@:;", max_size=80)
    | st.text(max_size=40)
)
LOCALS = st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}", fullmatch=True)


def escaped(value: str) -> str:
    return str(escape(value))


def decoded(value: bytes) -> str:
    return quopri.decodestring(value).decode()


@given(NAMES, LOCALS, st.booleans())
@example("From me", "ana", True)
@example(".dot", ".ana", True)
@example("a  b", "ana", True)
@example(" Ana ", "ana", False)
@example("=?utf-8?q?x?=", "ana", True)
@example("x" * 60, "a", True)
@example("x" * 61, "a", True)
@example("x" * 40, "y" * 14, True)
@example("x" * 40, "y" * 15, True)
@example("half \ud83d", "ana", True)
def test_the_quick_ways_write_what_the_others_write(name: str, local: str, is_named: bool) -> None:
    address = f"{local}@example.com"

    to, name_plain, name_html, address_plain, address_html = addressee(name, address, is_named=is_named)

    line = layout.one_line(name)
    assert to == headers.mailbox("To", line, address)
    assert address_plain == quoted_printable.value(address)
    assert address_html == quoted_printable.value(escaped(address))
    if is_named:
        assert name_plain == quoted_printable.value(line)
        assert name_html == quoted_printable.value(escaped(line))


@pytest.mark.parametrize("domain", ["b.c", "example.com", "d" * 50 + ".example"])
def test_the_quick_ways_fold_where_the_others_fold(domain: str) -> None:
    for length in range(1, 80):
        name, address = "x" * length, f"a@{domain}"

        to, *_ = addressee(name, address, is_named=False)

        assert to == headers.mailbox("To", name, address)


@given(NAMES, LOCALS)
def test_every_place_reads_back(name: str, local: str) -> None:
    address = f"{local}@example.com"

    to, *values = addressee(name, address, is_named=True)

    line = layout.one_line(name)
    assert [decoded(value) for value in values] == [line, escaped(line), address, escaped(address)]
    field = to.decode("ascii").replace("\r\n ", " ").removesuffix("\r\n").partition(": ")[2]
    shown, found = parseaddr(field)
    assert str(make_header(decode_header(shown))) == line
    assert found == address
    parsed = email.message_from_bytes(to + b"\r\n", policy=email.policy.default)
    assert parsed.keys() == ["To"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@",
        "a b@example.com",
        "a@b\r\nBcc: c@example.com",
        "<a@example.com>",
        "ü@example.com",
        "a@b@c",
    ],
)
def test_an_address_that_cannot_stand_in_a_header_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput):
        addressee("Ana", address, is_named=True)
