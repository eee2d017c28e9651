"""Test that the avoided names of the glossary are defined nowhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_ROW = re.compile(r"^\| `(\w+)` \| (alone|anywhere|module|status) \|", re.MULTILINE)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_ENUMS = {"StrEnum", "IntEnum", "Enum"}
_BASE_MODULES = {
    "newsletter/transports/base.py",
    "newsletter/providers/base.py",
    "newsletter/store/tables/base.py",
}

Definition = tuple[str, str, str]  # place, kind, name


def avoided(where: str) -> set[str]:
    rows = _ROW.findall((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"))
    return {name for name, place in rows if place == where}


def files() -> Iterator[Path]:
    for folder in ("newsletter", "workers", "tests", "benchmarks"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def definitions(source: str, place: str) -> Iterator[Definition]:
    for node in ast.walk(ast.parse(source)):
        where = f"{place}:{getattr(node, 'lineno', 0)}"
        match node:
            case ast.ClassDef(name=name, bases=bases):
                yield where, "name", name
                if any(isinstance(base, ast.Name) and base.id in _ENUMS for base in bases):
                    yield from members(node, place)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield where, "name", name
            case ast.arg(arg=name):
                yield where, "name", name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield where, "name", name


def members(enum: ast.ClassDef, place: str) -> Iterator[Definition]:
    for node in enum.body:
        if isinstance(node, ast.Assign):
            where = f"{place}:{node.lineno}"
            yield from ((where, "member", t.id) for t in node.targets if isinstance(t, ast.Name))
            if isinstance(node.value, ast.Constant):
                yield where, "member", str(node.value.value)


def faults(found: Iterator[Definition]) -> list[str]:
    alone, anywhere, status = avoided("alone"), avoided("anywhere"), avoided("status")
    wrong = []
    for place, kind, name in found:
        words = {word.lower() for word in _WORD.findall(name)}
        plain = name.strip("_").lower()
        if plain in alone or words & anywhere or (kind == "member" and plain in status):
            wrong.append(f"{place} {name}")
    return wrong


def test_the_glossary_names_what_to_avoid() -> None:
    assert {"campaign", "blacklist", "utils", "manager"} <= avoided("anywhere")


def test_no_avoided_name_is_defined() -> None:
    found = (
        definition
        for path in files()
        for definition in definitions(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    )

    assert not faults(found)


def test_no_module_has_an_avoided_name() -> None:
    names = avoided("module") | avoided("anywhere")

    wrong = [
        str(path.relative_to(ROOT))
        for path in files()
        if str(path.relative_to(ROOT)) not in _BASE_MODULES
        and names & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    ]

    assert not wrong


def test_an_avoided_name_would_be_found() -> None:
    source = """
class CampaignRunner: ...
class State(StrEnum):
    GONE = "sent"
def build(email, *, to_address): ...
blacklist_of = 1
sent_at = 2
"""

    wrong = faults(definitions(source, "x"))

    assert [fault.split(" ", 1)[1] for fault in sorted(wrong)] == [
        "CampaignRunner",
        "sent",
        "email",
        "blacklist_of",
    ]
