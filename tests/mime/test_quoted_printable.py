"""Quoted-printable: pieces that can be joined in any order."""

from __future__ import annotations

import quopri
import re

from dkim.canonicalization import Relaxed
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.mime import quoted_printable
from tests.mime.relaxed import relaxed

TEXTS = st.text(st.characters(codec="utf-8")) | st.text("a.= \t\r\nFrom é🙂", max_size=300)


def plain(encoded: bytes) -> str:
    return quopri.decodestring(encoded).decode()


def with_crlf(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "\r\n", text)


def assert_safe(encoded: bytes) -> None:
    lines = encoded.split(b"\r\n")
    assert encoded.isascii()
    assert all(len(line) <= 76 for line in lines)
    assert not any(line.startswith((b".", b"From ")) or line.endswith((b" ", b"\t")) for line in lines)
    assert lines[-1] == b""  # column 0
    assert b"\r" not in encoded.replace(b"\r\n", b"")
    assert b"\n" not in encoded.replace(b"\r\n", b"")
    assert b"=_" not in encoded  # what boundaries begin with
    assert not re.search(rb"=(?!\r\n|[0-9A-F]{2})", encoded)


@given(TEXTS)
@example("." * 200)
@example("From " * 40)
@example("x" * 75 + "." + "x" * 74 + "From me")
@example("trailing \t\nblank ")
@example("é" * 100)
@example("x" * 74 + "é" + "x" * 73 + "é" + "x" * 72 + "é")
def test_a_block_is_safe_and_reads_back(text: str) -> None:
    encoded = quoted_printable.block(text)

    assert encoded == b"" or plain(encoded) == with_crlf(text)
    if encoded:
        assert_safe(encoded)


@given(TEXTS)
@example("Ana")
@example(".dot")
@example("From me")
@example("é" * 200)
@example("x" * 76)
@example("two  blanks")
@example(" one in front")
@example("one behind ")
def test_a_value_is_safe_and_reads_back_with_its_line_ends_as_octets(text: str) -> None:
    encoded = quoted_printable.value(text)

    assert plain(encoded) == text
    assert encoded == b"" or encoded.endswith(b"=\r\n")
    if encoded:
        assert_safe(encoded)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=400))
@example("x" * 75 + "." + "x" * 80)
@example("x" * 150)
@example("a b")
def test_the_quick_way_writes_what_the_other_writes(text: str) -> None:
    assert quoted_printable.value(text) == quoted_printable._open(text)


@given(st.text("abcXYZ019-_", min_size=1, max_size=400))
def test_tokens_are_only_broken(text: str) -> None:
    assert quoted_printable.clean(text.encode()) == quoted_printable.value(text)


@given(st.lists(TEXTS, max_size=5), TEXTS)
def test_pieces_can_be_joined_in_any_order(texts: list[str], value: str) -> None:
    joined = b"".join(quoted_printable.block(text) + quoted_printable.value(value) for text in texts)

    assert plain(joined) == "".join(with_crlf(text) + value for text in texts)


@given(st.lists(TEXTS, max_size=5), TEXTS)
@example(["a  b   c    d", "tab\tand  blanks  "], " two  in front and behind  ")
@example(["lines\n\n\n", "x" * 74 + "   y"], "x" * 73 + "    ")
def test_what_is_encoded_is_its_own_relaxed_form(texts: list[str], value: str) -> None:
    pieces = [quoted_printable.block(text) + quoted_printable.value(value) for text in texts]
    body = b"".join([*pieces, b"--end--\r\n"])

    assert relaxed(body) == body
    assert Relaxed.canonicalize_body(body) == body


def test_of_each_two_blanks_one_is_encoded() -> None:
    assert quoted_printable.block("a  b   c\n") == b"a =20b =20 c\r\n"
    assert quoted_printable.block("a  \n") == b"a =20\r\n"
    assert quoted_printable.block("a \n") == b"a=20\r\n"
