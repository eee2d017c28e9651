"""flufl.bounce is asked only when nothing of ours could tell, and never makes a row hard."""

from __future__ import annotations

from newsletter.mime.inbound import read, second_opinion
from newsletter.mime.inbound.families import FAMILIES
from tests.mime.inbound import mails
from tests.mime.inbound.test_dsn import FAILED

ALL_OURS = frozenset({"rfc3464", "generic", *(family.name for family in FAMILIES)})


def test_what_it_names_is_taken_but_never_as_hard() -> None:
    raw = mails.report(FAILED, last="Subject: Ships\n\nShips wait.\n")

    found = read(raw, without=ALL_OURS)

    assert [(row.recipient, row.is_hard) for row in found.rows] == [("ada@reader.example", False)]
    assert found.family == second_opinion.FAMILY


def test_it_is_not_asked_when_we_know() -> None:
    assert read(mails.report(FAILED)).family == "rfc3464"


def test_mail_that_breaks_it_names_nobody() -> None:
    assert second_opinion.read(b"From: \xff\nContent-Type: multipart/report\n\n").deliveries == []
    assert second_opinion.read(b"\n" * 10_000).deliveries == []
