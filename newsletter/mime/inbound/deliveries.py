"""Hold what a message says about deliveries in its own words, before anybody judges it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_STATUS_WITHIN = 2000  # characters: what is said of one recipient


@dataclass(slots=True)
class Delivery:
    """Hold what is said about one recipient; ``texts`` come with the best first."""

    recipient: str
    original: str = ""
    status: str = ""
    is_final: bool = True
    has_arrived: bool = False
    texts: list[str] = field(default_factory=list)
    reporting_mta: str = ""
    remote_mta: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Hold the deliveries that a family of rules found, and how many more there are that were not read."""

    deliveries: list[Delivery]
    family: str
    left_off: int = 0

    def worst(self) -> list[Delivery]:
        """Return one delivery for each recipient: the worst news of each."""
        worst: dict[str, Delivery] = {}
        for each in self.deliveries:
            known = worst.setdefault(each.recipient.lower(), each)
            if each.is_final and not known.is_final:
                worst[each.recipient.lower()] = each
        return list(worst.values())


def status_in(text: str) -> str:
    """Return the first enhanced status code (RFC 3463 §2) of a text, or nothing."""
    found = _STATUS.search(text[:_STATUS_WITHIN])
    return found.group() if found else ""
