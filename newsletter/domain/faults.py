"""Gather what is wrong with a document, so that its author learns of all of it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from newsletter.domain.errors import InvalidInput

_SHOWN = 20  # more than anybody mends in one go


@dataclass(frozen=True)
class Fault:
    """Hold where something is wrong, such as ``sources[2].url``, and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where} {self.what}"


class Faults:
    """Collect faults while a document is read."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, where: str, what: str) -> None:
        """Remember a fault; ``what`` follows the place, such as "must be a list"."""
        self.found.append(Fault(where, what))

    def refuse(self, *, subject: str, hint: str, reason: str) -> None:
        """Raise InvalidInput that names every fault, when there is one; ``subject`` is what was read."""
        if not self.found:
            return
        lines = [str(fault) for fault in self.found[:_SHOWN]]
        if len(self.found) > _SHOWN:
            lines.append(f"and {len(self.found) - _SHOWN} more")
        if len(lines) == 1:
            raise InvalidInput(f"{subject}: {lines[0]}.", hint=hint, reason=reason)
        listed = "".join(f"\n  - {line}" for line in lines)
        raise InvalidInput(f"{subject}: {len(self.found)} faults:{listed}", hint=hint, reason=reason)


def mapping(given: object, where: str, faults: Faults) -> Mapping[str, object]:
    """Return names with values, {} with a fault for anything else."""
    if isinstance(given, Mapping) and all(isinstance(name, str) for name in given):
        return given
    faults.add(where, "must be names with values")
    return {}


def known_only(given: Mapping[str, object], known: list[str], where: str, faults: Faults) -> None:
    """Remember a fault for every name that is not known."""
    for name in given:
        if name not in known:
            place = name or '""'  # nothing cannot be pointed at
            faults.add(f"{where}.{place}" if where else place, f"is unknown; there are {', '.join(known)}")


def text(given: object, where: str, faults: Faults) -> str:
    """Return a text, "" with a fault for anything else."""
    if isinstance(given, str):
        return given
    faults.add(where, 'must be a text; put it in quotes, as in "no" or "2026"')
    return ""


def whole(given: object, where: str, faults: Faults, *, low: int, high: int) -> int:
    """Return a whole number in its bounds, ``low`` with a fault for anything else."""
    if isinstance(given, int) and not isinstance(given, bool) and low <= given <= high:
        return given
    faults.add(where, f"must be a whole number from {low} to {high}")
    return low


def truth(given: object, where: str, faults: Faults) -> bool:
    """Return true or false, false with a fault for anything else."""
    if isinstance(given, bool):
        return given
    faults.add(where, "must be true or false")
    return False


def items(given: object, where: str, faults: Faults, *, maximum: int) -> list[object]:
    """Return the items of a list that is not too long, [] with a fault for anything else."""
    if isinstance(given, list) and len(given) <= maximum:
        return given
    faults.add(where, f"must be a list of at most {maximum}, [] for none")
    return []
