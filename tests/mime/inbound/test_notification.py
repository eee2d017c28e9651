"""Notifications of Amazon SES that come by mail: JSON in the text, and JSON inside JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from newsletter.mime.inbound import Kind, read

BOUNCE = {
    "notificationType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "reportingMTA": "dns; a1.smtp-out.ses.example",
        "bouncedRecipients": [
            {
                "emailAddress": "ada@reader.example",
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            }
        ],
    },
}
COMPLAINT = {
    "notificationType": "Complaint",
    "complaint": {
        "complainedRecipients": [{"emailAddress": "ada@reader.example"}],
        "complaintFeedbackType": "abuse",
    },
}
DELIVERY = {"notificationType": "Delivery", "delivery": {"recipients": ["ada@reader.example"]}}


def mail(text: str) -> bytes:
    return f"From: no-reply@sns.example\nTo: news@post.example.com\nSubject: News\n\n{text}\n\n--\nBye\n".encode()


@pytest.mark.parametrize(
    "told", [BOUNCE, {"Type": "Notification", "Message": json.dumps(BOUNCE)}], ids=["bare", "wrapped"]
)
def test_a_bounce_is_read_bare_and_wrapped(told: Mapping[str, object]) -> None:
    (row,) = read(mail(json.dumps(told))).rows

    assert (row.recipient, row.reason, row.status, row.is_hard) == (
        "ada@reader.example",
        "userunknown",
        "5.1.1",
        True,
    )
    assert row.reporting_mta == "a1.smtp-out.ses.example"


def test_a_line_that_was_broken_on_its_way_is_mended() -> None:
    told = json.dumps(BOUNCE)

    assert len(read(mail(told[:200] + "!\n " + told[200:])).rows) == 1


@pytest.mark.parametrize(
    ("told", "kind", "recipients"),
    [(COMPLAINT, Kind.FEEDBACK, ["ada@reader.example"]), (DELIVERY, Kind.DELIVERED, [])],
)
def test_complaints_and_deliveries_are_told_apart(
    told: Mapping[str, object], kind: Kind, recipients: list[str]
) -> None:
    found = read(mail(json.dumps(told)))

    assert (found.kind, [row.recipient for row in found.rows]) == (kind, recipients)


@pytest.mark.parametrize(
    "text",
    [
        '{"notificationType": "Bounce"',
        '{"notificationType": "Bounce", "bounce": []}',
        '{"notificationType": 7}',
        '{"notificationType": "Bounce", "bounce": {"bouncedRecipients": [7, null, {}]}}',
        '{"Message": "{", "x": "notificationType"}',
    ],
)
def test_broken_notifications_name_nobody_hard(text: str) -> None:
    assert not any(row.is_hard for row in read(mail(text)).rows)
