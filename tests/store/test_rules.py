"""Documents in YAML: what people write, and nothing that grows or runs."""

from __future__ import annotations

import pytest

from newsletter.domain.errors import InvalidInput
from newsletter.domain.rules import Rules
from newsletter.store import rules


def test_rules_are_written_so_that_a_person_can_read_them() -> None:
    text = rules.dump(Rules())

    assert text.startswith("selection:\n  reach_hours: 48\n")
    assert rules.parse(text) == Rules()
    assert rules.parse("") == Rules()


def test_texts_of_several_lines_stay_readable() -> None:
    plain = {"postal_address": "The Post\n1 Quay Street", "items": [{"cron": "0 7 * * *"}], "no": "no"}
    text = rules.dump_plain(plain)

    assert "postal_address: |-\n  The Post\n  1 Quay Street\n" in text
    assert "items:\n  - cron: 0 7 * * *\n" in text
    assert rules.load(text) == plain


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: &x [1]\nb: *x", "line 1: anchors and aliases"),
        ("a: !!python/object:os.system x", "line 1: tags"),
        ("a: 1\nb: 2\na: 3", "line 1: 'a' stands here twice"),
        ("a: [1", "line 1"),
        ("a: \x00", "no YAML"),
        ("a: 2026-99-99", "no YAML"),
        ("[" * 5000, "no YAML"),
        ("? [a]\n: 1", "line 1"),
        ("a: " + "1" * 5000, "no YAML"),
        ("a: " + "x" * rules.DOCUMENT_MAXIMUM, "at most"),
    ],
)
def test_what_could_grow_run_or_hide_is_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        rules.load(text)

    assert told in refused.value.message
