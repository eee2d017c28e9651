"""Mail that is meant to stop its reader, or was broken on its way: nothing raises, nothing takes long."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter.domain.arrivals import READ_BYTES
from newsletter.mime.inbound import Kind, Report, read
from newsletter.mime.inbound.report import ROWS_MAX
from tests.mime.inbound import mails
from tests.mime.inbound.notices import SAMPLES
from tests.mime.inbound.test_dsn import DELAYED, FAILED

HEAD = b"From: MAILER-DAEMON@mx.example\nTo: news@post.example.com\nSubject: Undelivered Mail\n"
TEXT = HEAD + b"Content-Type: text/plain\n\nYour mail could not be delivered\n"
STATUS = HEAD + b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
CRASHES = Path(__file__).parents[2] / "data" / "inbound_crashes"
MAX_SECONDS = 0.25


def nested(depth: int) -> bytes:
    level = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n"
    return HEAD + b"".join(level % (number, number) for number in range(depth)) + b"\nend\n"


def repeated(head: bytes, unit: bytes) -> bytes:
    return head + unit * (READ_BYTES // len(unit))


@pytest.mark.parametrize(
    "raw",
    [
        nested(10_000),
        HEAD + b"Content-Type: message/rfc822\n\n" * 10_000,
        repeated(b"Subject: a", b"\n a"),
        repeated(b"From: ", b"a@"),
        repeated(b"Subject: ", b"=?utf-8?b?"),
        repeated(HEAD + b"Content-Type: multipart/report", b"; a*0*=x"),
        repeated(TEXT, b"a"),
        repeated(TEXT, b"-"),
        repeated(TEXT, b'"a'),
        repeated(TEXT, b"5.1.1 "),
        repeated(TEXT + b'{"notificationType":', b"["),
        repeated(HEAD + b"Content-Type: text/html\n\n", b"<style>"),
        repeated(HEAD + b"Content-Type: text/html\n\n", b"&#"),
        repeated(HEAD + b"Content-Type: multipart/mixed; boundary=B\n\n", b"--C\n\n"),
        repeated(STATUS, b"Final-Recipient: rfc822;a\n"),
        repeated(HEAD + b"Content-Type: text/plain; charset=punycode\n\n", b"a"),
        repeated(b"", b"\0"),
    ],
    ids=lambda raw: raw[-20:].decode("latin-1").strip(),
)
def test_hostile_mail_takes_no_longer_than_a_quarter_of_a_second(raw: bytes) -> None:
    started = time.process_time()

    read(raw)

    assert time.process_time() - started < MAX_SECONDS


def test_what_lies_behind_the_first_megabyte_is_not_seen() -> None:
    late = mails.report(FAILED)

    assert read(b"X: y\n" * (READ_BYTES // 5) + late).kind is Kind.OTHER


def test_ten_thousand_recipients_are_counted_and_the_first_are_kept() -> None:
    group = b"Final-Recipient: rfc822;r%d@reader.example\nAction: failed\nStatus: 5.1.1\n\n"

    found = read(STATUS + b"".join(group % number for number in range(10_000)))

    assert (len(found.rows), found.rows_left_off) == (ROWS_MAX, 10_000 - ROWS_MAX)


@pytest.mark.parametrize(
    "broken",
    [
        lambda raw: raw.replace(b"\n", b"\r"),
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.replace(b"\n", b"\r\r\n"),
        lambda raw: b"\xef\xbb\xbf" + raw,
        lambda raw: b"From MAILER-DAEMON Wed Nov 25 06:00:00 2026\n" + raw,
        lambda raw: b"\n\n" + raw,
        lambda raw: raw.replace(b"a", b"a\0"),
        lambda raw: raw.replace(b"--B1--\n", b""),
        lambda raw: raw.replace(b'"B1"', b'"B2"'),
        lambda raw: raw.replace(b'; boundary="B1"', b""),
        lambda raw: raw.replace(b"text/plain", b"text/plain; charset=no-such-charset"),
        lambda raw: raw.replace(b"text/plain", b'text/plain; name*0*=x; charset="\xff'),
    ],
)
def test_a_report_that_was_broken_on_its_way_is_still_read(broken: Callable[[bytes], bytes]) -> None:
    found = read(broken(mails.report(FAILED)))

    assert [(row.recipient, row.status) for row in found.rows] == [("ada@inner.reader.example", "5.1.1")]


@pytest.mark.parametrize("path", sorted(CRASHES.glob("*.eml")), ids=lambda path: str(path.stem))
def test_what_once_broke_the_reader_is_read(path: Path) -> None:
    started = time.process_time()

    read(path.read_bytes())

    assert time.process_time() - started < MAX_SECONDS


SEEDS = [
    mails.report(FAILED),
    mails.report(DELAYED),
    *(mails.notice(sample.text, subject=sample.subject, sender=sample.sender) for sample in SAMPLES),
]


@given(st.binary(max_size=2000))
@example(b"")
@example(b"\n")
@example(b":")
@example(b"Content-Type: multipart/;boundary=\n\n--\n--\n")
def test_no_octets_raise(raw: bytes) -> None:
    read(raw)


@settings(max_examples=60)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 40), st.binary(max_size=12)), max_size=6),
)
def test_no_damage_raises(seed: bytes, damages: list[tuple[int, int, bytes]]) -> None:
    for position, length, put in damages:
        seed = seed[:position] + put + seed[position + length :]

    assert_storable(read(seed))


def assert_storable(report: Report) -> None:
    """Check that a database takes all texts of a report: no NUL, no half of a character."""
    texts = json.dumps(asdict(report), ensure_ascii=False)
    texts.encode("utf-8")
    assert "\\u0000" not in texts


ODD_JSON = """{"notificationType": "Bounce", "bounce": {"bouncedRecipients": [
  {"emailAddress": "a\\u0000\\ud800@b.example", "diagnosticCode": "\\udfff"}]}}"""


@pytest.mark.parametrize(
    "raw",
    [
        mails.notice(
            "", subject="=?utf-8?b?AGEA?= failed", sender="=?utf-8?b?AA==?= <MAILER-DAEMON@a.example>"
        ),
        mails.notice(ODD_JSON, subject="x"),
        HEAD + b"Content-Transfer-Encoding: base64\n\n" + b64encode(b"<a\0@b.example>: 550 no such user\n"),
        HEAD + b"Content-Type: text/plain; charset=utf-7\n\n<a+2AA-@b.example>: 550 no such user\n",
    ],
)
def test_no_text_of_a_report_is_one_that_a_database_refuses(raw: bytes) -> None:
    assert_storable(read(raw))
