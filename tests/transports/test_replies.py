"""Replies are read exactly, in whatever pieces they come, and nothing else is taken for one."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.transports.smtp.replies import MalformedReply, Reply, ReplyReader

_TEXT = st.binary(max_size=40).map(lambda octets: octets.replace(b"\n", b"").rstrip(b"\r"))
_REPLY = st.builds(
    Reply, st.integers(200, 599), st.lists(_TEXT, min_size=1, max_size=4).map(lambda lines: tuple(lines))
)


def read(*pieces: bytes) -> list[Reply]:
    reader, replies = ReplyReader(), []
    for piece in pieces:
        reader.feed(piece)
        while (reply := reader.next()) is not None:
            replies.append(reply)
    return replies


def written(reply: Reply) -> bytes:
    code = str(reply.code).encode()
    *first, last = reply.lines
    return b"".join(code + b"-" + line + b"\r\n" for line in first) + code + b" " + last + b"\r\n"


@pytest.mark.parametrize(
    ("octets", "replies"),
    [
        (b"250 2.1.0 ok\r\n", [Reply(250, (b"2.1.0 ok",))]),
        (b"250\r\n", [Reply(250, (b"",))]),
        (b"250 \r\n", [Reply(250, (b"",))]),
        (b"250 ok\n", [Reply(250, (b"ok",))]),
        (b"250-a\r\n250-\r\n250 b\r\n", [Reply(250, (b"a", b"", b"b"))]),
        (b"250-a\r\n250\r\n", [Reply(250, (b"a", b""))]),
        (b"250 a\r\n354 b\r\n", [Reply(250, (b"a",)), Reply(354, (b"b",))]),
        (b"250 a\r", []),
        (b"250-a\r\n", []),
        (b"250 a\rb\r\n", [Reply(250, (b"a\rb",))]),
    ],
)
def test_a_reply_has_a_code_and_lines(octets: bytes, replies: list[Reply]) -> None:
    assert read(octets) == replies


@pytest.mark.parametrize(
    "octets",
    [
        b"\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"250ok\r\n",
        b"150 preliminary\r\n",
        b"650 what\r\n",
        b"2x0 ok\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\x16\x03\x01\n",
        b"250-a\r\n550 b\r\n",
        b"250 " + b"x" * 5000 + b"\r\n",
        b"x" * 5000,
        b"250-" + b"x" * 4000 + b"\r\n" + b"250-x\r\n" * 20_000,
    ],
)
def test_what_is_no_reply_is_told_from_one(octets: bytes) -> None:
    with pytest.raises(MalformedReply):
        read(octets)


def test_digits_of_other_scripts_are_no_code() -> None:
    with pytest.raises(MalformedReply):
        read("２５０ ok\r\n".encode())


@given(st.lists(_REPLY, max_size=5), st.lists(st.integers(0, 400), max_size=10))
def test_the_pieces_do_not_matter(replies: list[Reply], cuts: list[int]) -> None:
    octets = b"".join(map(written, replies))
    places = sorted({0, len(octets), *(cut for cut in cuts if cut < len(octets))})
    pieces = [octets[start:end] for start, end in pairwise(places)]

    assert read(*pieces) == replies


@given(st.binary(max_size=200))
def test_no_octets_break_the_reader(octets: bytes) -> None:
    try:
        replies = read(octets)
    except MalformedReply:
        return
    assert all(200 <= reply.code < 600 and reply.words.isprintable() for reply in replies)


def test_a_reader_is_clean_only_between_replies() -> None:
    reader = ReplyReader()
    states = []
    for piece in (b"250-a\r\n", b"250 b", b"\r\n"):
        reader.feed(piece)
        reply = reader.next()
        states.append((reply is not None, reader.is_clean))

    assert states == [(False, False), (False, False), (True, True)]
