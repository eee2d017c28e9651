"""Header fields: what clients read is what we meant."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.utils import parseaddr, parsedate_to_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.domain.errors import InvalidInput
from newsletter.mime import headers

ADDRESS = "news@post.example.com"
WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"))
    | st.sampled_from(' "\\=?()<>@,;:é東🙂'),
    max_size=250,
)


def unfolded(field: bytes) -> str:
    return re.sub(r"\r\n(?=[ \t])", "", field.decode("ascii")).removesuffix("\r\n").partition(": ")[2]


def decoded(text: str) -> str:
    return str(make_header(decode_header(text)))


def assert_tidy(field: bytes) -> None:
    assert field.endswith(b"\r\n")
    for line in field[:-2].split(b"\r\n"):
        assert len(line) <= 78
        assert b"\r" not in line
        assert b"\n" not in line
    assert all(len(word) <= 75 for word in re.findall(rb"=\?utf-8\?b\?[^?]*\?=", field))


@given(WORDS)
@example("Überblick für die Straße, “Zitat” 東京 🙂 " * 4)
@example("=?utf-8?q?not_ours?=")
@example("x" * 2000)
@example("x" * 100)
@example("short and then " + "x" * 70)
def test_a_subject_reads_back(words: str) -> None:
    field = headers.text("Subject", words)

    assert decoded(unfolded(field)) == " ".join(words.split())
    assert_tidy(field)


@given(WORDS)
@example('a "b" \\ c')
@example("Müller, Ana (Ltd) <x@y>")
@example("\\" * 60)
def test_a_mailbox_reads_back(display: str) -> None:
    field = headers.mailbox("To", display, "ana@example.com")

    name, address = parseaddr(unfolded(field))
    assert (decoded(name), address) == (" ".join(display.split()), "ana@example.com")
    assert_tidy(field)


@given(WORDS)
def test_a_modern_parser_finds_one_address_whatever_the_name(display: str) -> None:
    raw = headers.mailbox("To", display, "ana@example.com") + b"\r\n"

    parsed = email.message_from_bytes(raw, policy=email.policy.default)

    assert [address.addr_spec for address in parsed["To"].addresses] == ["ana@example.com"]


@pytest.mark.parametrize("words", ["a\r\nBcc: x@y.example", "a\nb", "a\x00b", "a\u2028b"])
def test_a_control_character_is_refused(words: str) -> None:
    with pytest.raises(InvalidInput) as in_text:
        headers.text("Subject", words)
    with pytest.raises(InvalidInput) as in_mailbox:
        headers.mailbox("To", words, ADDRESS)

    assert in_text.value.reason == in_mailbox.value.reason == "header_injection"


@pytest.mark.parametrize(
    "target",
    ["https://x.example/a b", "https://x.example/>", "ftp://x.example/", "mailto:a@b\r\nX: y", "https://x/é"],
)
def test_a_list_field_takes_plain_uris_only(target: str) -> None:
    with pytest.raises(InvalidInput):
        headers.uris("List-Unsubscribe", target)


@pytest.mark.parametrize(
    "address", ["", "a b@c.example", "a@b\r\n.example", "ü@b.example", "a@b@c.example", "<a@b.example>"]
)
def test_a_mailbox_takes_plain_addresses_only(address: str) -> None:
    with pytest.raises(InvalidInput):
        headers.mailbox("From", "x", address)


def test_a_long_list_field_folds_between_its_uris_and_is_never_encoded() -> None:
    first, second = "https://news.example.com/u/" + "A" * 150, "mailto:u-" + "b" * 40 + "@in.example.com"

    field = headers.uris("List-Unsubscribe", first, second)

    assert field == f"List-Unsubscribe: <{first}>,\r\n <{second}>\r\n".encode()


def test_what_cannot_be_cut_moves_to_a_line_of_its_own_where_it_fits() -> None:
    link = "https://news.example.com/u/" + "A" * 44

    assert headers.uris("List-Unsubscribe", link) == f"List-Unsubscribe:\r\n <{link}>\r\n".encode()
    assert headers.uris("List-Archive", link[:60]) == f"List-Archive: <{link[:60]}>\r\n".encode()
    assert headers.token("Message-ID", f"<{'m' * 70}>") == f"Message-ID:\r\n <{'m' * 70}>\r\n".encode()


def test_a_line_of_one_word_is_longer_than_78_only_when_the_word_is() -> None:
    for length in range(1, 200):
        for field in (
            headers.token("Message-ID", "m" * length),
            headers.uris("List-Unsubscribe", "https://" + "a" * length, "mailto:b@example.com"),
            headers.uris("List-Archive", "https://" + "a" * length),
        ):
            words = re.split(rb"\s+", field.strip())
            longest = max(map(len, field.split(b"\r\n")))
            assert longest <= 78 or any(len(word) > 77 for word in words)


def test_what_fits_nowhere_stays_on_its_first_line() -> None:
    assert headers.token("Message-ID", "m" * 77).startswith(b"Message-ID:\r\n m")
    assert headers.token("Message-ID", "m" * 78).startswith(b"Message-ID: m")


def test_no_line_with_encoded_words_is_longer_than_76() -> None:
    for length in range(1, 80):  # RFC 2047 §2
        for field in (headers.text("Subject", "é" * length), headers.mailbox("To", "ü" * length, ADDRESS)):
            assert all(len(line) <= 76 for line in field.split(b"\r\n"))


def test_a_date_is_written_in_utc_and_reads_back() -> None:
    instant = datetime(2026, 3, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))

    field = headers.date(instant)

    assert field == b"Date: Sat, 28 Feb 2026 22:30:00 +0000\r\n"
    assert parsedate_to_datetime(unfolded(field)) == instant


def test_a_structured_field_is_written_as_it_is_or_refused() -> None:
    assert headers.token("Precedence", "bulk") == b"Precedence: bulk\r\n"
    for bad in ("é", "a\r\nb", "x" * 999):
        with pytest.raises(InvalidInput):
            headers.token("Feedback-ID", bad)


def test_a_list_id_has_a_name_and_an_identifier() -> None:
    field = headers.list_id("Der Überblick", "daily.list.news.example.com")

    assert field.isascii()
    assert unfolded(field).endswith(" <daily.list.news.example.com>")
    with pytest.raises(InvalidInput):
        headers.list_id("x", "no label")
