"""Say what a person must be told of: an issue that did not go, mail that does not move, pictures that are gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from newsletter.domain.issues import IssueStatus, SkipReason

LOOK_EVERY = timedelta(minutes=1)
LOOK_BACK = timedelta(hours=36)  # an issue that is older than that is yesterday's worry
STILL_FOR = timedelta(
    minutes=15
)  # without a step, while mail is due: no relay makes us wait so long between two
SILENT_FOR = timedelta(minutes=10)  # between two looks: the service stood still
FALLBACK_AFTER = timedelta(
    minutes=10
)  # somebody who is at the desk mends a template in that time, or holds the issue
MAIL_AGAIN_AFTER = timedelta(hours=6)  # about the same thing
IMAGES_LOOK = timedelta(minutes=3)  # after a build: two or three looks
_IMAGES_USUAL = 0.5  # of the stories; below it nobody misses them
_IMAGES_DROP = 0.5  # of what is usual
_IMAGES_STORIES = 4  # of fewer, a share says nothing

# An issue that was expected and did not go; the other reasons are somebody's decision, or a skip of its own.
_UNWANTED_SKIPS = frozenset({SkipReason.TOO_LATE.value, SkipReason.SUPERSEDED.value})


class AlertCode(StrEnum):
    """Say what the watch tells of; sources, builds, receivers and the desk have codes of their own."""

    SERVICE_STOPPED = "service_stopped"
    ISSUE_MISSING = "issue_missing"
    ISSUE_STUCK = "issue_stuck"
    TEMPLATE_FAULT = "template_fault"
    IMAGES_MISSING = "images_missing"


class WatchedIssue(NamedTuple):
    """Hold what the watch looks at of an issue of a schedule."""

    issue_id: int
    newsletter_id: int
    number: int
    slot_at: datetime
    status: IssueStatus
    reason: str | None
    fault: str | None
    is_held: bool


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """Hold something that a person must be told of. ``is_past``: it cannot become better, so it is told once."""

    code: AlertCode
    subject: str
    text: str
    newsletter_id: int | None
    is_past: bool = False


def issue_missing(
    issue: WatchedIssue, *, slug: str, alert_after: timedelta, now: datetime
) -> Sighting | None:
    """Tell of an issue whose slot has passed and that has not begun to go out, unless somebody wanted that."""
    if now < issue.slot_at + alert_after:
        return None
    is_waiting = issue.status in (IssueStatus.PLANNED, IssueStatus.BUILT) and not issue.is_held
    is_lost = issue.status is IssueStatus.SKIPPED and issue.reason in _UNWANTED_SKIPS
    if not is_waiting and not is_lost:
        return None
    why = issue.fault or (f"it was skipped: {issue.reason}" if is_lost else f"it is still {issue.status}")
    return Sighting(
        code=AlertCode.ISSUE_MISSING,
        subject=f"{slug} {issue.slot_at:%Y-%m-%d %H:%M} UTC",
        text=f"Issue {issue.number} of {slug} was due at {issue.slot_at:%H:%M} UTC and has not gone out: {why}",
        newsletter_id=issue.newsletter_id,
        is_past=is_lost,
    )


def slot_missing(
    slot_at: datetime, *, newsletter_id: int, slug: str, alert_after: timedelta, now: datetime
) -> Sighting | None:
    """Tell of a slot that nobody has planned an issue for."""
    if now < slot_at + alert_after:
        return None
    return Sighting(
        code=AlertCode.ISSUE_MISSING,
        subject=f"{slug} {slot_at:%Y-%m-%d %H:%M} UTC",
        text=f"No issue of {slug} was planned for {slot_at:%H:%M} UTC: does the scheduler run?",
        newsletter_id=newsletter_id,
    )


def template_fault(issue: WatchedIssue, *, slug: str, now: datetime) -> Sighting | None:
    """Tell of an issue that cannot be built."""
    if issue.status is not IssueStatus.PLANNED or not issue.fault or issue.slot_at > now:
        return None
    return Sighting(
        code=AlertCode.TEMPLATE_FAULT,
        subject=f"{slug} {issue.number}",
        text=f"Issue {issue.number} of {slug} cannot be built: {issue.fault}",
        newsletter_id=issue.newsletter_id,
    )


def wants_fallback(issue: WatchedIssue, *, now: datetime) -> bool:
    """Say whether headlines alone should go out in place of an issue that cannot be built."""
    is_faulty = issue.status is IssueStatus.PLANNED and bool(issue.fault) and not issue.is_held
    return is_faulty and now >= issue.slot_at + FALLBACK_AFTER


def is_still(*, last_step_at: datetime, due_since: datetime | None, fault: str | None, now: datetime) -> bool:
    """Say whether a running mailing does not move: nothing was decided for a while, and mail is due, or cannot go.

    ``due_since`` is when the oldest of its batches that want work fell due; None when none does.
    """
    if last_step_at > now - STILL_FOR:
        return False
    return fault is not None or (due_since is not None and due_since <= now - STILL_FOR)


def images_share(stories: Sequence[Mapping[str, object]]) -> float | None:
    """Return the share of an issue's new stories with a picture; None when there are too few to say."""
    fresh = [story for story in stories if story.get("is_fresh")]
    if len(fresh) < _IMAGES_STORIES:
        return None
    return sum(bool(story.get("image_url")) for story in fresh) / len(fresh)


def are_images_missing(share: float | None, earlier: Iterable[float | None]) -> bool:
    """Say whether far fewer stories have a picture than in the issues before."""
    usual = [each for each in earlier if each is not None]
    if share is None or not usual:
        return False
    average = sum(usual) / len(usual)
    return average >= _IMAGES_USUAL and share <= average * _IMAGES_DROP
