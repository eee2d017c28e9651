"""Read and write the rules that stand in a newsletter's row, and documents like them.

YAML as people write it, and no more: no tags, no anchors, no name twice, so that a small document is a small value.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any  # YAML holds values of any type

import yaml

from newsletter.domain import rules
from newsletter.domain.errors import InvalidInput
from newsletter.domain.rules import Rules
from newsletter.store.tables import Newsletter

DOCUMENT_MAXIMUM = 262_144  # characters: a newsletter with a thousand sources; read in a second or two


def of(newsletter: Newsletter) -> Rules:
    """Return the rules of a newsletter; those that it does not name have their defaults."""
    return parse(newsletter.rules or "")


@lru_cache(maxsize=256)
def parse(text: str) -> Rules:
    """Read rules; raise InvalidInput that names the fields, or the line that is no YAML."""
    return rules.from_plain(load(text))


def load(text: str) -> Any:
    """Return what a YAML document holds, {} for an empty one; raise InvalidInput that names the line."""
    if len(text) > DOCUMENT_MAXIMUM:
        raise InvalidInput(
            f"A document has at most {DOCUMENT_MAXIMUM:,} characters.",
            hint="Give one newsletter a file.",
            reason="too_large",
        )
    try:
        found = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader that takes still less
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        what = f": {error.problem}" if isinstance(error, _Refused) else ""
        raise InvalidInput(
            f"This is no YAML that is read here{where}{what}.",
            hint="Check the indentation and the quotes there.",
            reason="bad_yaml",
        ) from error
    return {} if found is None else found


def dump(given: Rules) -> str:
    """Return rules as YAML: all of them, in their order, so that a person can read what holds."""
    return dump_plain(rules.to_plain(given))


def dump_plain(plain: object) -> str:
    """Return mappings, lists and values as YAML that a person can read, and ``load`` too."""
    return yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Refused(yaml.MarkedYAMLError):
    """Name what is YAML and yet is not read here."""


class _Loader(yaml.SafeLoader):
    """Read plain documents: an alias or a tag can make a small text a large value, a name twice hides one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML is untyped
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused(problem="anchors and aliases are not read", problem_mark=event.start_mark)
        if getattr(event, "tag", None):
            raise _Refused(problem="tags are not read", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002 - PyYAML's signature
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and names.count(key.value) > 1:
                raise _Refused(problem=f"{key.value!r} stands here twice", problem_mark=key.start_mark)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    """Write texts of several lines as such, and never an alias."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002, FBT001, FBT002
        return super().increase_indent(flow, indentless=False)  # items stand below their name


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
