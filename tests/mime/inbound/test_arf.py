"""Complaints: ARF (RFC 5965) with its kin, redacted ones, and forms that are older."""

from __future__ import annotations

import pytest

from newsletter.mime.inbound import Kind, read
from tests.mime.inbound import mails


def complaint(fields: str, last: str = "") -> bytes:
    return (
        f"From: staff@provider.example\nTo: {mails.OURS}\nSubject: Complaint about a message\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="F"\n\n'
        "--F\nContent-Type: text/plain\n\nThis is an abuse report.\n"
        f"--F\nContent-Type: message/feedback-report\n\n{fields}\n"
        f"--F\nContent-Type: message/rfc822\n\n{last or mails.returned()}\n--F--\n"
    ).encode()


@pytest.mark.parametrize("kind", ["abuse", "fraud", "virus", "other", "not-spam", "opt-out", "auth-failure"])
def test_each_type_of_feedback_is_told(kind: str) -> None:
    found = read(complaint(f"Feedback-Type: {kind}\nUser-Agent: p/1\nVersion: 1\n"))

    assert (found.kind, found.feedback_type) == (Kind.FEEDBACK, kind)
    assert [(row.recipient, row.reason, row.category, row.is_hard) for row in found.rows] == [
        ("ada@reader.example", "feedback", "complaint", False)
    ]


def test_the_recipient_that_the_report_names_goes_before_the_header() -> None:
    fields = "Feedback-Type: abuse\nOriginal-Rcpt-To: <bo@reader.example>\nOriginal-Envelope-Id: e9\n"

    found = read(complaint(fields))

    assert [row.recipient for row in found.rows] == ["bo@reader.example"]
    assert found.origin.original_envelope_id == "e9"


def test_a_redacted_complaint_still_identifies_the_delivery() -> None:
    found = read(complaint("Feedback-Type: abuse\n", mails.returned(to="redacted")))

    assert (found.kind, found.rows) == (Kind.FEEDBACK, ())
    assert found.origin.message_ids == ("<m1.7@post.example.com>",)
    assert found.origin.feedback_id


def test_an_unknown_type_is_other_feedback() -> None:
    assert read(complaint("Feedback-Type: telepathy\n")).feedback_type == "other"


def test_the_older_form_of_a_provider_is_a_complaint_too() -> None:
    last = "X-HmXmrOriginalRecipient: ada@reader.example\n" + mails.returned(to="list")
    raw = (
        complaint("", last)
        .replace(b"message/feedback-report", b"text/plain")
        .replace(b"multipart/report", b"multipart/mixed")
    )

    found = read(raw)

    assert (found.kind, [row.recipient for row in found.rows]) == (Kind.FEEDBACK, ["ada@reader.example"])


def test_a_loop_that_is_older_than_the_format_is_known_by_its_sender() -> None:
    raw = complaint("").replace(b"message/feedback-report", b"text/plain").replace(b"feedback-report", b"x")

    assert read(raw).kind is not Kind.FEEDBACK
    assert read(raw.replace(b"staff@provider.example", b"scomp@aol.net")).kind is Kind.FEEDBACK


def test_a_report_about_domains_is_no_complaint() -> None:
    raw = (
        b"From: noreply@provider.example\nTo: dmarc@post.example.com\n"
        b"Subject: Report domain: post.example.com Submitter: provider.example\n"
        b"Content-Type: application/gzip\nContent-Transfer-Encoding: base64\n\nH4sIAAAA\n"
    )

    assert read(raw).kind is Kind.OTHER
