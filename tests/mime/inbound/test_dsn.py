"""Status reports: RFC 3464 as written, and as servers write it."""

from __future__ import annotations

from base64 import encodebytes

import pytest

from newsletter.mime.inbound import Kind, read
from newsletter.mime.inbound.report import ROWS_MAX
from tests.mime.inbound import mails

FAILED = """Reporting-MTA: dns; mx.reader.example
Original-Envelope-Id: e+2B1

Original-Recipient: rfc822;ada@reader.example
Final-Recipient: rfc822;ada@inner.reader.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; store.reader.example
Diagnostic-Code: smtp; 550 5.1.1 <ada@inner.reader.example>: user unknown
"""
DELAYED = """Reporting-MTA: dns; mx.reader.example

Final-Recipient: rfc822;bo@reader.example
Action: delayed
Status: 4.4.1
Will-Retry-Until: Fri, 27 Nov 2026 06:00:00 +0000
Diagnostic-Code: smtp; 451 4.4.1 connection timed out
"""


def test_a_report_tells_who_failed_and_why() -> None:
    found = read(mails.report(FAILED))

    (row,) = found.rows
    assert (found.kind, row.recipient, row.original) == (
        Kind.BOUNCE,
        "ada@inner.reader.example",
        "ada@reader.example",
    )
    assert (row.reason, row.status, row.is_hard, row.is_final) == ("userunknown", "5.1.1", True, True)
    assert (row.reporting_mta, row.remote_mta) == ("mx.reader.example", "store.reader.example")
    assert found.origin.original_envelope_id == "e+1"


def test_a_delay_is_neither_final_nor_hard() -> None:
    found = read(mails.report(DELAYED))

    assert found.kind is Kind.DELAYED
    assert [(row.recipient, row.is_final, row.is_hard) for row in found.rows] == [
        ("bo@reader.example", False, False)
    ]


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
def test_good_news_has_no_rows(action: str) -> None:
    found = read(mails.report(FAILED.replace("failed", action).replace("5.1.1", "2.0.0")))

    assert (found.kind, found.rows) == (Kind.DELIVERED, ())


def test_of_two_recipients_each_has_its_own_row() -> None:
    both = FAILED + "\n" + DELAYED.partition("\n\n")[2]

    found = read(mails.report(both))

    assert found.kind is Kind.BOUNCE
    assert [(row.recipient, row.is_final) for row in found.rows] == [
        ("ada@inner.reader.example", True),
        ("bo@reader.example", False),
    ]


@pytest.mark.parametrize(
    "written",
    [
        FAILED.replace("\n\n", "\n"),  # no blank line between the groups
        FAILED.replace("Action", "\nAction"),  # one too many
        FAILED.replace("\n", "\r\n"),
        FAILED.upper(),
        FAILED.replace("smtp; ", "smtp;\n  "),
    ],
)
def test_groups_are_found_whatever_the_blank_lines(written: str) -> None:
    (row,) = read(mails.report(written)).rows

    assert (row.recipient.lower(), row.original.lower(), row.status) == (
        "ada@inner.reader.example",
        "ada@reader.example",
        "5.1.1",
    )


def test_a_second_recipient_without_a_blank_line_is_not_lost() -> None:
    group = "Final-Recipient: rfc822;{}\nAction: failed\nStatus: 5.1.1\n"
    status = (
        "Reporting-MTA: dns; mx\n\n" + group.format("ada@reader.example") + group.format("bo@reader.example")
    )

    found = read(mails.report(status))

    assert [row.recipient for row in found.rows] == ["ada@reader.example", "bo@reader.example"]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ("rfc822; <Ada@Reader.Example>", "Ada@Reader.Example"),
        ("RFC822;ada@reader.example (Ada)", "ada@reader.example"),
        ("utf-8;\\x{E4}da@reader.example", "äda@reader.example"),
        ("ada@reader.example", "ada@reader.example"),
        ('rfc822;"ada b"@reader.example', '"ada b"@reader.example'),
        ("rfc822;ada..b.@reader.example", "ada..b.@reader.example"),
        ("x400; c=us;a= ;p=acme;dda:SMTP=ada@reader.example;", "ada@reader.example"),
    ],
)
def test_recipients_are_read_in_all_their_forms(found: str, wanted: str) -> None:
    status = f"Reporting-MTA: dns; mx\n\nFinal-Recipient: {found}\nAction: failed\nStatus: 5.1.1\n"

    (row,) = read(mails.report(status)).rows

    assert row.recipient == wanted


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("message/delivery-status", "text/plain"),
        ("message/delivery-status", "message/global-delivery-status"),
        ("report-type=delivery-status; ", ""),
        ("multipart/report", "multipart/mixed"),
    ],
)
def test_a_report_of_the_wrong_type_is_read_too(before: str, after: str) -> None:
    found = read(mails.report(FAILED).replace(before.encode(), after.encode()))

    assert [row.recipient for row in found.rows] == ["ada@inner.reader.example"]


def test_a_report_in_base64_is_read_too() -> None:
    plain = mails.report(FAILED)
    coded = b"Content-Transfer-Encoding: base64\n\n" + encodebytes(FAILED.encode())

    found = read(plain.replace(b"\n" + FAILED.encode(), coded))

    assert [row.status for row in found.rows] == ["5.1.1"]


def test_where_the_code_says_little_the_words_of_the_notice_count() -> None:
    status = "Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822;ada@reader.example\nAction: failed\nStatus: 5.0.0\n"
    text = "Sorry.\n\n<ada@reader.example>: 550 5.1.1 no such user here\n"

    (row,) = read(mails.report(status, text=text)).rows

    assert (row.reason, row.is_hard) == ("userunknown", True)


def test_what_was_returned_identifies_the_delivery() -> None:
    origin = read(mails.report(FAILED)).origin

    assert origin.message_ids == ("<m1.7@post.example.com>",)
    assert origin.list_unsubscribe == "<mailto:u-1@in.post.example.com>"
    assert origin.feedback_id == "i1:n-daily:digest:post"
    assert origin.addressed_to == (mails.OURS,)
    assert (origin.return_path, origin.forbids_answer) == ("", True)


def test_recipients_beyond_the_limit_are_counted() -> None:
    groups = "\n".join(
        f"Final-Recipient: rfc822;r{number}@reader.example\nAction: failed\nStatus: 5.1.1\n"
        for number in range(ROWS_MAX + 7)
    )

    found = read(mails.report(f"Reporting-MTA: dns; mx\n\n{groups}"))

    assert (len(found.rows), found.rows_left_off) == (ROWS_MAX, 7)


def test_the_worst_news_of_a_recipient_counts() -> None:
    group = "Final-Recipient: rfc822;ada@reader.example\nAction: {}\nStatus: {}\n"
    status = (
        "Reporting-MTA: dns; mx\n\n"
        + group.format("delayed", "4.4.1")
        + "\n"
        + group.format("failed", "5.1.1")
    )

    (row,) = read(mails.report(status)).rows

    assert (row.is_final, row.status) == (True, "5.1.1")


def test_a_person_who_quotes_a_report_sends_no_bounce() -> None:
    quoted = "\n".join("> " + line for line in FAILED.splitlines())
    raw = (
        "Return-Path: <ada@reader.example>\nFrom: Ada <ada@reader.example>\nTo: news@post.example.com\n"
        f"Subject: Re: Undelivered Mail Returned to Sender\n\nDid you see this?\n\n{quoted}\n"
    )

    assert read(raw.encode()).kind is Kind.OTHER
