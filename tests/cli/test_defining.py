"""Test the commands that keep newsletters as files."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Cli


def test_a_newsletter_goes_out_to_a_file_and_comes_back_changed(cli: Cli, daily: str, tmp_path: Path) -> None:
    file = tmp_path / "daily.yaml"
    file.write_text(cli("newsletters", "export", daily).out, encoding="utf-8")
    same = cli("newsletters", "plan", file, "--check")
    file.write_text("newsletter: daily\nmaximum: 12\n", encoding="utf-8")
    differs = cli("newsletters", "plan", file, "--check")
    plain = cli("newsletters", "plan", file)
    applied = cli("newsletters", "apply", file, "--yes")

    assert (same.code, "nothing to change" in same.err) == (0, True)
    assert (differs.code, differs.out) == (3, "daily\n  ~ maximum: 20 -> 12\n")
    assert (plain.code, applied.code, applied.out) == (0, 0, plain.out)
    assert cli("newsletters", "show", daily, "--json").json["stories"] == "1 to 12"


def test_a_file_that_cannot_be_applied_says_why_and_changes_nothing(
    cli: Cli, daily: str, tmp_path: Path
) -> None:
    file = tmp_path / "daily.yaml"
    file.write_text("newsletter: daily\nmaximum: 12\nacent: blue\nminimum: x\n", encoding="utf-8")
    refused = cli("newsletters", "apply", file, "--yes")
    missing = cli("newsletters", "plan", tmp_path / "none.yaml")

    assert (refused.code, missing.code) == (1, 1)
    assert "daily: acent is unknown" in refused.err
    assert "daily: minimum must be a whole number" in refused.err
    assert cli("newsletters", "show", daily, "--json").json["stories"] == "1 to 20"


def test_a_single_rule_is_shown_and_set(cli: Cli, daily: str) -> None:
    changed = cli("newsletters", "set", daily, "selection.top_count", "3")
    wrong = cli("newsletters", "set", daily, "selection.top_count", "many")
    [shown] = cli("newsletters", "rules", daily, "--search", "top_count", "--json").json
    cli("newsletters", "set", daily, "selection.top_count")

    assert changed.out == "daily\n  ~ selection.top_count: 0 -> 3\n"
    assert (wrong.code, "must be a whole number from 0 to 60" in wrong.err) == (1, True)
    assert shown == {"rule": "selection.top_count", "value": 3, "default": 0}
    assert cli("newsletters", "set", daily, "selection.top_count", "0").out == ""
