"""Hold the rules by which a newsletter is made: what is chosen, how issues are run, when mail may go.

They are kept as one readable document (YAML, docs/rules.md); here is what may stand in it. Everything has a default, so
that an empty document is a good newsletter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta


@dataclass(frozen=True, kw_only=True)
class SelectionRules:
    """Say which stories a digest has.

    ``reach_hours``: how far back left-overs may be told to readers of every issue. ``half_life_hours``: an article
    loses one step of rank each time. ``section_maximum`` and ``author_maximum``: stories of one section or author in
    one mail, 0 = any number. ``top_count``: the first stories are for everybody, whatever topics they follow.
    ``outside_percent``: the share of a digest from outside a reader's topics. ``section_weights``: by topic slug,
    higher stands further up.
    """

    reach_hours: int = 48
    half_life_hours: int = 12
    section_maximum: int = 0
    author_maximum: int = 0
    top_count: int = 0
    outside_percent: int = 0
    missed_maximum: int = 3
    section_weights: Mapping[str, int] = field(default_factory=dict)

    @property
    def reach(self) -> timedelta:
        """Return how far back left-overs may be told."""
        return timedelta(hours=self.reach_hours)


@dataclass(frozen=True, kw_only=True)
class StoryRules:
    """Say when articles tell one story; ``window_hours`` 0 = only when an editor or the website says so.

    ``likeness_percent``: of the words of two titles and leads that must be shared. ``more_maximum``: links under "more
    on this".
    """

    window_hours: int = 72
    likeness_percent: int = 50
    more_maximum: int = 3


@dataclass(frozen=True, kw_only=True)
class ScheduleRules:
    """Say when issues go out.

    ``lead_minutes``: how long before its cut-off an issue is planned. ``late_minutes``: one found later than that after
    its slot, as after downtime, is skipped. ``local_hour``: readers get it when their own clock shows the slot's hour.
    ``holidays``: days of the newsletter's zone without an issue.
    """

    lead_minutes: int = 60
    late_minutes: int = 360
    local_hour: bool = False
    holidays: tuple[date, ...] = ()

    @property
    def lead(self) -> timedelta:
        """Return how long before its cut-off an issue is planned."""
        return timedelta(minutes=self.lead_minutes)

    @property
    def late_limit(self) -> timedelta:
        """Return how late after its slot an issue may still begin."""
        return timedelta(minutes=self.late_minutes)


@dataclass(frozen=True, kw_only=True)
class DeskRules:
    """Say how the desk is asked: ``mail`` = editors get a mail with links when an issue is planned."""

    mail: bool = False
    fallback: bool = False  # headlines alone when the full issue cannot be made
    alert_minutes: int = (
        30  # an expected issue that has not begun to go out so long after its slot is an alarm
    )


@dataclass(frozen=True, kw_only=True)
class SubjectTestRules:
    """Say how two to four subjects are tried: on a share of the readers, for a time, on clicks by people."""

    sample_percent: int = 20
    minutes: int = 60


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Hold all rules of a newsletter. ``clicks``: links go through us and are counted, without a trace of who."""

    selection: SelectionRules = SelectionRules()
    stories: StoryRules = StoryRules()
    schedule: ScheduleRules = ScheduleRules()
    desk: DeskRules = DeskRules()
    subject_test: SubjectTestRules = SubjectTestRules()
    clicks: bool = True
