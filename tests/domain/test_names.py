"""Check what readers may call themselves."""

from __future__ import annotations

import pytest

from newsletter.domain import names
from newsletter.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Ada   Lovelace ", "Ada Lovelace"),
        ("", ""),
        ("Zoë Åström", "Zoë Åström"),
        ("ليلى", "ليلى"),
        ("O'Brien-Müller, jr.", "O'Brien-Müller, jr."),
        ("Ada\r\nBcc: x", "Ada Bcc: x"),
        ("Ada\u202egnp", "Ada gnp"),
        ("Ada\x00\ud800", "Ada"),
        ("👩\u200d🔬 Ada", "👩\u200d🔬 Ada"),
    ],
)
def test_a_name_is_one_line_of_what_can_be_seen(text: str, name: str) -> None:
    assert names.parse(text) == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * 65, "name_too_long"),
        ("Win at https://spam.example", "name_with_link"),
        ("www.spam.example", "name_with_link"),
        ("write to me@spam.example", "name_with_link"),
        ("<b>Ada</b>", "name_with_link"),
    ],
)
def test_an_advertisement_is_no_name(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        names.parse(text)

    assert refusal.value.reason == reason
