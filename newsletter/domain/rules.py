"""Hold the rules by which a newsletter is made: what is chosen, how issues are run, when mail may go.

They are kept as one readable document (YAML, docs/rules.md); here is what may stand in it. Everything has a default, so
that an empty document is a good newsletter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, cast  # fields() wants a dataclass, which no type can say

from newsletter.domain.errors import InvalidInput

T = TypeVar("T")

WEIGHT_MAXIMUM = 9  # of an editor, a source, a section: more steps than anybody can tell apart

_BOUNDS = {
    "selection.reach_hours": (0, 336),
    "selection.half_life_hours": (1, 336),
    "selection.section_maximum": (0, 60),
    "selection.author_maximum": (0, 60),
    "selection.top_count": (0, 60),
    "selection.outside_percent": (0, 100),
    "selection.missed_maximum": (0, 10),
    "stories.window_hours": (0, 336),
    "stories.likeness_percent": (20, 100),
    "stories.more_maximum": (0, 5),
    "schedule.lead_minutes": (0, 2880),
    "schedule.late_minutes": (0, 1440),
    "desk.alert_minutes": (1, 1440),
    "subject_test.sample_percent": (1, 50),
    "subject_test.minutes": (10, 720),
}


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
    likeness_percent: int = 35
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


def from_plain(plain: object) -> Rules:
    """Read rules from mappings and lists; what is not named has its default.

    Raise InvalidInput that names the field to mend.
    """
    return _read(Rules, plain, "")


def to_plain(rules: Rules) -> dict[str, object]:
    """Return rules as mappings, lists, numbers and texts."""
    return {each.name: _plain(getattr(rules, each.name)) for each in fields(rules)}


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _read(kind: type[T], plain: object, where: str) -> T:
    if not isinstance(plain, Mapping):
        raise _fault(where or "rules", "must be a list of names with values")
    known = {each.name: each for each in fields(cast("Any", kind))}
    for name in plain:
        if name not in known:
            raise _fault(f"{where}{name}", f"is unknown; there are {', '.join(known)}")
    defaults = kind()
    values = {name: _value(getattr(defaults, name), given, f"{where}{name}") for name, given in plain.items()}
    return kind(**values)


def _value(default: object, given: object, where: str) -> object:
    if is_dataclass(default) and not isinstance(default, type):
        return _read(type(default), given, f"{where}.")
    if isinstance(default, bool):
        if isinstance(given, bool):
            return given
        raise _fault(where, "must be true or false")
    if isinstance(default, Mapping):
        return _weights(given, where)
    if isinstance(default, tuple):
        return _days(given, where)
    low, high = _BOUNDS[where]
    if isinstance(given, int) and not isinstance(given, bool) and low <= given <= high:
        return given
    raise _fault(where, f"must be a whole number from {low} to {high}")


def _weights(given: object, where: str) -> dict[str, int]:
    if not isinstance(given, Mapping) or not all(
        isinstance(slug, str) and isinstance(weight, int) and abs(weight) <= WEIGHT_MAXIMUM
        for slug, weight in given.items()
    ):
        raise _fault(where, f"must be names of topics with whole numbers, at most {WEIGHT_MAXIMUM} from 0")
    return dict(given)


def _days(given: object, where: str) -> tuple[date, ...]:
    if not isinstance(given, list) or not all(
        isinstance(day, date) and not isinstance(day, datetime) for day in given
    ):
        raise _fault(where, "must be a list of days such as 2026-12-25")
    return tuple(sorted(set(given)))


def _fault(where: str, what: str) -> InvalidInput:
    return InvalidInput(f"The rule {where} {what}.", hint="See docs/rules.md.", reason="bad_rule")
