"""The rules of a newsletter: every one has bounds, a default and a line in the documentation."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from newsletter.domain import rules
from newsletter.domain.errors import InvalidInput
from newsletter.domain.rules import Rules

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def test_every_rule_is_documented_with_its_default_and_bounds() -> None:
    rows = {
        line.split("|")[1].strip(" `"): [cell.strip(" `") for cell in line.split("|")[2:-1]]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    }
    expected = {
        path: [str(value).lower() if isinstance(value, bool) else str(value or 0)]
        for path, value in rules.each_rule(Rules())
    }
    for path in ("selection.section_weights", "schedule.holidays"):
        expected[path] = ["none"]

    assert {path: rows[path][:1] for path in expected} == expected
    for path in expected:
        bounds = rules.bounds_of(path)
        assert bounds is None or rows[path][1] == f"{bounds[0]} to {bounds[1]}", path
    assert set(rows) == set(expected)


def test_an_empty_document_is_a_good_newsletter() -> None:
    assert rules.from_plain({}) == Rules()
    assert rules.from_plain({"selection": None, "clicks": True}) == Rules()


def test_what_is_written_is_read_again() -> None:
    changed = rules.from_plain(
        {
            "selection": {"top_count": 3, "section_weights": {"sport": -2}},
            "schedule": {"holidays": [date(2026, 12, 25), date(2026, 1, 1)], "local_hour": True},
            "clicks": False,
        }
    )

    assert rules.from_plain(rules.to_plain(changed)) == changed
    assert changed.schedule.holidays == (date(2026, 1, 1), date(2026, 12, 25))


def test_all_faults_are_told_at_once_with_their_paths() -> None:
    with pytest.raises(InvalidInput) as refused:
        rules.from_plain(
            {
                "selection": {"top_count": True, "tops": 1, "section_weights": {"sport": 10}},
                "schedule": {"holidays": ["2026-12-25"]},
                "clicks": "no",
                "stories": 3,
            }
        )

    told = refused.value.message
    assert "6 faults" in told
    for line in (
        "selection.tops is unknown; there are reach_hours",
        "selection.top_count must be a whole number from 0 to 60",
        "selection.section_weights.sport must be a whole number from -9 to 9",
        "stories must be names with values",
        "schedule.holidays[0] must be a day such as 2026-12-25",
        "clicks must be true or false",
    ):
        assert line in told


def test_one_rule_is_changed_and_brought_back() -> None:
    changed = rules.changed(Rules(), "selection.top_count", 3)
    weighed = rules.changed(changed, "selection.section_weights.sport", 2)

    assert (weighed.selection.top_count, weighed.selection.section_weights) == (3, {"sport": 2})
    assert rules.changed(changed, "selection.top_count", None) == Rules()
    for path in ("selection.tops", "clicks.x", "", "selection.", "nothing"):
        with pytest.raises(InvalidInput):
            rules.changed(Rules(), path, 3)
