"""Say what the doctor found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Say how bad a finding is."""

    OK = "ok"
    NOTE = "note"
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """Hold what was looked at, what was found, and what to do about it."""

    subject: str
    state: State
    text: str
    hint: str = ""
