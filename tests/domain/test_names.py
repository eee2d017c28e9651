"""Check what is left of the names that strangers type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain import names
from newsletter.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", ""),
        ("Ada Lovelace", "Ada Lovelace"),
        ("  Ada\t \nLovelace ", "Ada Lovelace"),
        ("Jose\u0301", "José"),
        ("Ada\r\nBcc: eve", "Ada Bcc: eve"),
        ("A\0d\x1ba", "A d a"),
        ("Ada\u202eecalevoL", "Ada ecalevoL"),
        ("Ada\x00\ud800", "Ada"),
        ("Zoë Åström", "Zoë Åström"),
        ("李 小龍", "李 小龍"),
        ("عائشة", "عائشة"),
        ("Ada 👩\u200d🚀", "Ada 👩\u200d🚀"),
        ("O'Neil, Dr. Ada-Marie", "O'Neil, Dr. Ada-Marie"),
        ("{{ reader }} %s", "{{ reader }} %s"),
        ("A" * 64, "A" * 64),
    ],
)
def test_a_name_is_one_visible_line(text: str, name: str) -> None:
    assert names.parse(text) == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A" * 65, "name_too_long"),
        ("Win at https://evil.example", "name_with_link"),
        ("ftp://evil.example", "name_with_link"),
        ("See WWW.evil.example", "name_with_link"),
        ("<b>Ada</b>", "name_with_link"),
        ("ada@example.com", "name_with_link"),
    ],
)
def test_an_advertisement_is_no_name(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        names.parse(text)

    assert caught.value.reason == reason
    assert caught.value.hint


@given(st.text(st.characters(), max_size=80))
def test_any_text_is_refused_or_stays_as_it_was_read(text: str) -> None:
    try:
        name = names.parse(text)
    except InvalidInput:
        return

    assert names.parse(name) == name
    assert not set(name) & set("\r\n\0<>@\u202e")
    assert name.encode().decode() == name
