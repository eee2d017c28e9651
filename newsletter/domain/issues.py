"""Name the states of an issue, its moves, and the reasons to skip one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from newsletter.domain.errors import Conflict


class IssueStatus(StrEnum):
    """Say where an issue stands."""

    PLANNED = "planned"
    BUILT = "built"
    HELD = "held"
    MAILED = "mailed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class IssueKind(StrEnum):
    """Say what an issue is."""

    DIGEST = "digest"
    BREAKING = "breaking"  # overtakes the digests that are going out


class OnSilence(StrEnum):
    """Say what happens to a built issue that nobody has approved."""

    SEND = "send"
    HOLD = "hold"


class Verdict(StrEnum):
    """Say what became of an article when an issue was frozen; written down for each one looked at."""

    CANDIDATE = "candidate"
    PINNED = "pinned"
    SAME_STORY = "same_story"  # told by another article of its story, which stands beside it
    MISSED = "missed"  # an editor tells it once more, marked
    BANNED = "banned"
    RETRACTED = "retracted"
    BEYOND_CANDIDATES = "beyond_candidates"  # ranked behind the last candidate
    BACKLOG = "backlog"  # held by a source when it was first read
    OLD = "old"  # too old to be news when it was first seen
    NOT_YET = "not_yet"  # dated ahead
    OUT_OF_REACH = "out_of_reach"  # seen before what any cadence reaches back to


class SkipReason(StrEnum):
    """Say why an issue was not sent."""

    NO_ARTICLES = "no_articles"
    TOO_FEW_ARTICLES = "too_few_articles"
    TOO_LATE = "too_late"
    NO_READERS = "no_readers"
    HOLIDAY = "holiday"
    NO_SOURCES = "no_sources"
    RETRACTED = "retracted"  # the article of breaking news was withdrawn before it went out
    VETOED = "vetoed"
    SUPERSEDED = "superseded"  # a later issue's slot had come before this one could go out
    RESCHEDULED = "rescheduled"  # its schedule was changed or stopped while it was planned ahead


# What the desk can still decide about.
OPEN = (IssueStatus.PLANNED, IssueStatus.BUILT, IssueStatus.HELD)
# What readers get, or got, is made of these.
KEPT = (IssueStatus.BUILT, IssueStatus.HELD, IssueStatus.MAILED)

MOVES: dict[IssueStatus, frozenset[IssueStatus]] = {
    IssueStatus.PLANNED: frozenset({IssueStatus.BUILT, IssueStatus.SKIPPED, IssueStatus.CANCELLED}),
    IssueStatus.BUILT: frozenset(
        {
            IssueStatus.PLANNED,  # changed at the desk: built again
            IssueStatus.MAILED,
            IssueStatus.HELD,
            IssueStatus.SKIPPED,
            IssueStatus.CANCELLED,
        }
    ),
    IssueStatus.HELD: frozenset(
        {IssueStatus.PLANNED, IssueStatus.BUILT, IssueStatus.MAILED, IssueStatus.CANCELLED}
    ),
    IssueStatus.MAILED: frozenset(),
    IssueStatus.SKIPPED: frozenset(),
    IssueStatus.CANCELLED: frozenset(),
}


def move(current: IssueStatus, target: IssueStatus) -> IssueStatus:
    """Return ``target`` when the move is allowed; raise Conflict otherwise."""
    if target not in MOVES[current]:
        raise Conflict(
            f"An issue that is {current} cannot become {target}.",
            hint="See where it stands with: newsletter issues show",
        )
    return target


def is_bound_to_slot(slot_at: datetime | None, *, approved_at: datetime | None) -> bool:
    """Say whether an issue is of use only around its slot: a schedule planned it, and nobody has approved it since."""
    return slot_at is not None and (approved_at is None or approved_at < slot_at)


def skip_reason(*, available: int, minimum: int) -> SkipReason | None:
    """Say why an issue with ``available`` new articles is skipped; None when it goes out."""
    if available == 0:
        return SkipReason.NO_ARTICLES
    return SkipReason.TOO_FEW_ARTICLES if available < minimum else None
