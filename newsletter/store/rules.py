"""Read the rules that stand in a newsletter's row."""

from __future__ import annotations

from functools import lru_cache
from typing import Any  # YAML holds values of any type

import yaml

from newsletter.domain import rules
from newsletter.domain.errors import InvalidInput
from newsletter.domain.rules import Rules
from newsletter.store.tables import Newsletter


def of(newsletter: Newsletter) -> Rules:
    """Return the rules of a newsletter; those that it does not name have their defaults."""
    return parse(newsletter.rules or "")


@lru_cache(maxsize=256)
def parse(text: str) -> Rules:
    """Read rules; raise InvalidInput that names the field, or the line that is no YAML."""
    return rules.from_plain(load(text))


def load(text: str) -> Any:
    """Return what a YAML document holds, {} for an empty one; raise InvalidInput that names the line."""
    try:
        return yaml.safe_load(text) or {}
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise InvalidInput(
            f"This is no YAML{where}.", hint="Check the indentation and the quotes there.", reason="bad_yaml"
        ) from error


def dump(given: Rules) -> str:
    """Return rules as YAML: all of them, in their order, so that a person can read what holds."""
    return yaml.safe_dump(rules.to_plain(given), sort_keys=False, allow_unicode=True)
