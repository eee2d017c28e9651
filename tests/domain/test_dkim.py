"""Where keys are published, and what is wrong with a record."""

from __future__ import annotations

from datetime import date

import pytest

from newsletter.domain import dkim
from newsletter.domain.dkim import KeyRecord
from newsletter.domain.errors import InvalidInput

KEY = "MII" + "x" * 389
RECORD = KeyRecord("n1._domainkey.example.com", f"v=DKIM1; k=rsa; p={KEY}")


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("example.com", ("example.com",)),
        ("news.post.example.com", ("news.post.example.com", "post.example.com", "example.com")),
        ("news.example.co.uk", ("news.example.co.uk", "example.co.uk", "co.uk")),
    ],
)
def test_a_domain_and_its_parents_sign_the_nearest_first(domain: str, expected: tuple[str, ...]) -> None:
    assert dkim.signing_domains(domain) == expected


def test_a_record_is_cut_into_strings_that_join_to_its_value() -> None:
    assert all(len(string) <= 255 for string in RECORD.strings)
    assert "".join(RECORD.strings) == RECORD.value
    assert RECORD.zone_line.startswith('n1._domainkey.example.com. IN TXT (\n    "v=DKIM1; k=rsa; p=MII')


@pytest.mark.parametrize(
    "published",
    [
        [RECORD.value],
        [f"v=DKIM1;k=rsa;p={KEY}"],
        [f"p={KEY[:200]} {KEY[200:]}"],
        [f"v=DKIM1; h=sha1:sha256; s=email; t=s; k=rsa; n=ours; p={KEY};"],
        ["google-site-verification=abc", RECORD.value],
    ],
)
def test_a_record_that_receivers_understand_is_no_fault(published: list[str]) -> None:
    assert dkim.fault_of(published, RECORD) == ""


@pytest.mark.parametrize(
    ("published", "what"),
    [
        ([], "no such record"),
        (["v=spf1 -all"], "no such record"),
        ([RECORD.value, RECORD.value], "several"),
        (["v=DKIM1; k=rsa; p="], "revoked"),
        ([RECORD.value[:255]], "another key"),
        ([RECORD.value.replace("k=rsa", "k=ed25519")], "k="),
        ([RECORD.value.replace("DKIM1", "DKIM2")], "v="),
        ([f"h=sha1; p={KEY}"], "h="),
        ([f"s=tlsrpt; p={KEY}"], "s="),
        ([f"t=y:s; p={KEY}"], "test"),
    ],
)
def test_what_is_wrong_with_a_record_is_said(published: list[str], what: str) -> None:
    assert what in dkim.fault_of(published, RECORD)


@pytest.mark.parametrize("selector", ["", ".", "a..b", "-a", "a_b", "ä", "a b", "x" * 64, "x." * 125 + "x"])
def test_a_selector_that_can_name_no_record_is_refused(selector: str) -> None:
    with pytest.raises(InvalidInput, match="no selector"):
        dkim.parse_selector(selector, domain="example.com")


def test_a_selector_is_kept_in_lower_case() -> None:
    assert dkim.parse_selector(" N2026.Main ", domain="example.com") == "n2026.main"


def test_a_domain_outside_ascii_becomes_its_a_label() -> None:
    assert dkim.parse_domain("Hafenpöst.example.") == "xn--hafenpst-s4a.example"


def test_what_is_no_domain_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no domain"):
        dkim.parse_domain("news@example.com")


def test_a_selector_is_named_after_the_day_and_numbered_when_taken() -> None:
    day = date(2026, 11, 25)

    assert dkim.next_selector([], on=day) == "n20261125"
    assert dkim.next_selector(["n20261125", "n20261125-2"], on=day) == "n20261125-3"
