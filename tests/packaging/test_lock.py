"""Test that the lock holds what the project asks for, hashed, and names no host."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ASKED = {
    "prod": PROJECT["project"]["dependencies"],
    "dev": PROJECT["project"]["dependencies"] + PROJECT["dependency-groups"]["dev"],
}
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["prod", "dev"])
def test_the_lock_pins_everything_that_the_project_asks_for(name: str) -> None:
    pins = {canonicalize_name(pinned): version for pinned, version in _PIN.findall(lock(name))}

    asked = [Requirement(line) for line in ASKED[name]]
    unmet = [str(r) for r in asked if not r.specifier.contains(pins.get(canonicalize_name(r.name), "0"))]

    assert not unmet, f"run: ./run lock ({unmet})"


@pytest.mark.parametrize("name", ["prod", "dev"])
def test_every_pin_has_a_hash(name: str) -> None:
    blocks = re.split(r"\n(?=\S)", lock(name))

    unhashed = [block for block in blocks if _PIN.match(block) and "--hash=sha256:" not in block]

    assert not unhashed


@pytest.mark.parametrize("name", ["prod", "dev"])
def test_the_lock_names_no_download_host(name: str) -> None:
    assert "://" not in lock(name)
    assert "--index" not in lock(name)


def test_both_locks_agree() -> None:
    assert set(_PIN.findall(lock("prod"))) <= set(_PIN.findall(lock("dev")))
