"""Hold the rules by which a newsletter is made: what is chosen, how issues are run, when mail may go.

They are kept as one readable document (YAML, docs/rules.md); here is what may stand in it. Everything has a default, so
that an empty document is a good newsletter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, cast  # fields() wants a dataclass, which no type can say

from newsletter.domain import faults as reading
from newsletter.domain.errors import InvalidInput
from newsletter.domain.faults import Faults

T = TypeVar("T")

HOLIDAYS_MAXIMUM = 1000
WEIGHTS_MAXIMUM = 63  # a newsletter has as many topics
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
    ``outside_percent``: the share of a digest from outside a reader's topics. ``missed_maximum``: stories told once
    more under "you may have missed". ``section_weights``: by topic slug, higher stands further up.
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
    """Say how the desk is asked, and when it is alarmed.

    ``mail``: editors get a mail with links when an issue is planned. ``fallback``: headlines alone go out when the full
    issue cannot be made. ``alert_minutes``: an expected issue that has not begun to go out so long after its slot is
    an alarm.
    """

    mail: bool = False
    fallback: bool = False
    alert_minutes: int = 30

    @property
    def alert_after(self) -> timedelta:
        """Return how long after its slot an issue that has not begun to go out is an alarm."""
        return timedelta(minutes=self.alert_minutes)


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

    Raise InvalidInput that names everything that is to be mended.
    """
    found = Faults()
    rules = read(plain, found)
    found.refuse(subject="The rules", hint="See docs/rules.md.", reason="bad_rule")
    return rules


def read(plain: object, faults: Faults, *, where: str = "") -> Rules:
    """Read rules as ``from_plain`` does, but leave what is wrong at its default and remember the fault."""
    return _read(Rules, plain, where, "", faults)


def to_plain(rules: Rules) -> dict[str, object]:
    """Return rules as mappings, lists, numbers and texts."""
    return {each.name: _plain(getattr(rules, each.name)) for each in fields(rules)}


def each_rule(rules: Rules) -> Iterator[tuple[str, object]]:
    """Yield every rule by its path, such as ``selection.top_count``, with its value, in the order of the document."""
    for name, value in to_plain(rules).items():
        if is_dataclass(getattr(rules, name)):
            yield from ((f"{name}.{inner}", each) for inner, each in cast("dict[str, object]", value).items())
        else:
            yield name, value


def bounds_of(path: str) -> tuple[int, int] | None:
    """Return the lowest and the highest value of a rule that is a number."""
    return _BOUNDS.get(path)


def changed(rules: Rules, path: str, value: object) -> Rules:
    """Return rules with one of them changed; None brings back its default. Raise InvalidInput."""
    plain = to_plain(rules)
    *parents, last = path.split(".")
    place: object = plain
    for name in parents:
        place = place.get(name) if isinstance(place, dict) else None
    if not isinstance(place, dict) or not all((*parents, last)):
        known = ", ".join(name for name, _ in each_rule(rules))
        raise InvalidInput(f"There is no rule {path!r}.", hint=f"There are {known}.", reason="bad_rule")
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value
    return from_plain(plain)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple) else value


def _read(kind: type[T], plain: object, where: str, path: str, faults: Faults) -> T:
    given = reading.mapping(plain, where or "the document", faults)
    known = [each.name for each in fields(cast("Any", kind))]
    reading.known_only(given, known, where, faults)
    defaults = kind()
    values = {
        name: _value(getattr(defaults, name), given[name], _below(where, name), _below(path, name), faults)
        for name in known
        if name in given
    }
    return kind(**values)


def _value(default: object, given: object, where: str, path: str, faults: Faults) -> object:
    if is_dataclass(default) and not isinstance(default, type):
        # A heading with nothing below it reads as nothing, not as names.
        return default if given is None else _read(type(default), given, where, path, faults)
    if isinstance(default, bool):
        return reading.truth(given, where, faults)
    if isinstance(default, Mapping):
        return _weights(given, where, faults)
    if isinstance(default, tuple):
        return _days(given, where, faults)
    low, high = _BOUNDS[path]
    return reading.whole(given, where, faults, low=low, high=high)


def _weights(given: object, where: str, faults: Faults) -> dict[str, int]:
    weights = {} if given is None else reading.mapping(given, where, faults)
    if len(weights) > WEIGHTS_MAXIMUM:
        faults.add(where, f"must have at most {WEIGHTS_MAXIMUM} topics")
        return {}
    bounds = {"low": -WEIGHT_MAXIMUM, "high": WEIGHT_MAXIMUM}
    return {
        slug: reading.whole(weight, f"{where}.{slug}", faults, **bounds) for slug, weight in weights.items()
    }


def _days(given: object, where: str, faults: Faults) -> tuple[date, ...]:
    days = [] if given is None else reading.items(given, where, faults, maximum=HOLIDAYS_MAXIMUM)
    found = {day for day in days if isinstance(day, date) and not isinstance(day, datetime)}
    for place, day in enumerate(days):
        if day not in found:
            faults.add(f"{where}[{place}]", "must be a day such as 2026-12-25")
    return tuple(sorted(found))


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
