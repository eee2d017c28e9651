"""Check that the dates of feeds are understood as people write them."""

from __future__ import annotations

import pytest

from newsletter.feeds import dates


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tue, 24 Nov 2026 10:00:00 +0100", "2026-11-24T09:00"),
        ("Tue, 24 Nov 26 10:00:00 EST", "2026-11-24T15:00"),
        ("Tue, 24 Nov 98 10:00:00 GMT", "1998-11-24T10:00"),
        ("Wed, 24 Jun 2026 10:00:00 BST", "2026-06-24T09:00"),
        ("Wed, 24 Jun 2026 10:00:00 CEST", "2026-06-24T08:00"),
        ("24 Nov 2026 10:00", "2026-11-24T10:00"),
        ("24-Nov-2026 10:00:00", "2026-11-24T10:00"),
        ("November 24, 2026 10:00", "2026-11-24T10:00"),
        ("Di, 24 Nov 2026 10:00:00 +0100", "2026-11-24T09:00"),
        ("Dienstag, 1. Dezember 2026", "2026-12-01T00:00"),
        ("Mo, 1 Mär 2027 10:00:00 +0000", "2027-03-01T10:00"),
        ("mar., 24 nov. 2026 10:00:00 +0100", "2026-11-24T09:00"),
        ("vendredi 1er août 2026 12:00", "2026-08-01T12:00"),
        ("24 de noviembre de 2026", "2026-11-24T00:00"),
        ("śr., 5 sie 2026 10:00:00 +0200", "2026-08-05T08:00"),
        ("2026-11-24T10:00:00Z", "2026-11-24T10:00"),
        ("2026-11-24 10:00:00 +0100", "2026-11-24T09:00"),
        ("2026-11-24T10:00:00", "2026-11-24T10:00"),
        ("Tue, 30 Jun 2026 23:59:60 GMT", "2026-06-30T23:59"),
    ],
)
def test_a_date_is_understood(text: str, expected: str) -> None:
    found = dates.instant(text)

    assert found is not None
    assert found.isoformat().startswith(expected)
    assert found.utcoffset() is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "Thu, 1 Jan 1970 00:00:00 GMT",
        "Tue, 31 Feb 2026 10:00:00 GMT",
        "Tue, 24 Nov 2026 10:00:00 XYZ",
        "Tue, 24 Nov 2026 10:00:00 +9999",
        "99999999999",
        "2026-13-01",
        "1 Foo 2026",
        "٢٤ نوفمبر ٢٠٢٦",
        "1 " * 5_000,
    ],
)
def test_what_cannot_be_meant_is_no_date(text: str) -> None:
    assert dates.instant(text) is None
