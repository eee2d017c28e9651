"""Say what came of asking a source."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class PollStatus(StrEnum):
    """Say what came of asking a source."""

    READ = "read"
    NOT_MODIFIED = "not_modified"
    FAILED = "failed"
    STOPPED = "stopped"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class PollReport:
    """Hold the counts of one poll; ``reason`` and ``message`` tell why it failed.

    ``skipped`` are items left out, one reason each. Status SKIPPED: not due, stopped, or with another worker.
    """

    source_id: int
    status: PollStatus
    new: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: tuple[str, ...] = ()
    is_backlog: bool = False
    reason: str = ""
    message: str = ""
