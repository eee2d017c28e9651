"""Say what may stand in the file of a newsletter (docs/rules.md), and tell all that is wrong with one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from newsletter.domain import faults as reading
from newsletter.domain import mapping as mapping_rules
from newsletter.domain import rules
from newsletter.domain.errors import InvalidInput
from newsletter.domain.faults import Faults
from newsletter.domain.issues import OnSilence
from newsletter.domain.mapping import Rule
from newsletter.domain.rules import WEIGHT_MAXIMUM, Rules

TEXTS = (
    *("name", "description", "from_name", "from_address", "reply_to", "postal_address", "home_url"),
    *("privacy_url", "language", "zone", "accent", "background", "logo_url"),
)
COUNTS = {"minimum": "story_minimum", "maximum": "story_maximum", "spread_minutes": "spread_minutes"}
_NAMES = ["newsletter", *TEXTS, *COUNTS, "on_silence", "topics", "schedules", "sources", "rules"]
_COUNT_MAXIMUM = 100_000  # what the newsletter itself allows is less, and it says so
_LIST_MAXIMUM = 1000
_MINUTES = {"low": 1, "high": 43_200}  # a month


@dataclass(frozen=True, kw_only=True)
class TopicDefinition:
    """Hold a topic; ``was`` is the slug that it had before."""

    slug: str
    name: str
    was: str = ""
    is_retired: bool = False


@dataclass(frozen=True, kw_only=True)
class ScheduleDefinition:
    """Hold a schedule; ``zone`` "" = the newsletter's."""

    cron: str
    zone: str = ""


@dataclass(frozen=True, kw_only=True)
class SourceDefinition:
    """Hold a source; fields that are None stay as they are, or have their defaults when it is new."""

    url: str
    interval_minutes: int | None = None
    importance: int | None = None
    include_existing: bool = False
    mapping: tuple[Rule, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Definition:
    """Hold the file of a newsletter. ``fields`` are those of the newsletter itself; lists that are None stay."""

    slug: str
    fields: Mapping[str, object]
    topics: tuple[TopicDefinition, ...] | None = None
    schedules: tuple[ScheduleDefinition, ...] | None = None
    sources: tuple[SourceDefinition, ...] | None = None
    rules: Rules | None = None


def read(plain: object, faults: Faults) -> Definition:
    """Read a file; whatever is wrong with it is remembered, and the definition is then good for nothing else."""
    given = reading.mapping(plain, "the document", faults)
    reading.known_only(given, _NAMES, "", faults)
    if "newsletter" not in given:
        faults.add("newsletter", "is missing: the short name, such as daily")
    return Definition(
        slug=reading.text(given.get("newsletter", ""), "newsletter", faults),
        fields=_fields(given, faults),
        topics=_topics(given["topics"], faults) if "topics" in given else None,
        schedules=_schedules(given["schedules"], faults) if "schedules" in given else None,
        sources=_sources(given["sources"], faults) if "sources" in given else None,
        rules=rules.read(given["rules"], faults, where="rules") if "rules" in given else None,
    )


def _fields(given: Mapping[str, object], faults: Faults) -> dict[str, object]:
    found: dict[str, object] = {
        name: reading.text(given[name], name, faults) for name in TEXTS if name in given
    }
    for name, column in COUNTS.items():
        if name in given:
            found[column] = reading.whole(given[name], name, faults, low=0, high=_COUNT_MAXIMUM)
    if "on_silence" in given:
        found["on_silence"] = _silence(given["on_silence"], faults)
    return found


def _silence(given: object, faults: Faults) -> OnSilence:
    if given in list(OnSilence):
        return OnSilence(str(given))
    faults.add("on_silence", f"must be {' or '.join(OnSilence)}")
    return OnSilence.HOLD


def _each(
    given: object, where: str, known: list[str], needed: str, faults: Faults
) -> Iterable[tuple[str, Mapping[str, object]]]:
    """Yield place and content of the items of a list that have what they need."""
    for place, item in enumerate(reading.items(given, where, faults, maximum=_LIST_MAXIMUM)):
        at = f"{where}[{place}]"
        found = reading.mapping(item, at, faults)
        reading.known_only(found, known, at, faults)
        if needed in found:
            yield at, found
        elif found:
            faults.add(f"{at}.{needed}", "is missing")


def _topics(given: object, faults: Faults) -> tuple[TopicDefinition, ...]:
    found: dict[str, TopicDefinition] = {}
    for at, item in _each(given, "topics", ["slug", "name", "was", "retired"], "slug", faults):
        slug = reading.text(item["slug"], f"{at}.slug", faults)
        if slug in found:
            faults.add(f"{at}.slug", f"names {slug!r} a second time")
        found[slug] = TopicDefinition(
            slug=slug,
            name=reading.text(item.get("name", slug.replace("-", " ").capitalize()), f"{at}.name", faults),
            was=reading.text(item.get("was", ""), f"{at}.was", faults),
            is_retired=reading.truth(item.get("retired", False), f"{at}.retired", faults),
        )
    earlier = [topic.was for topic in found.values() if topic.was]
    for was in sorted(set(earlier)):
        if was in found or earlier.count(was) > 1:
            faults.add("topics", f"use {was!r} as a name and as a former name, or twice as a former name")
    return tuple(found.values())


def _schedules(given: object, faults: Faults) -> tuple[ScheduleDefinition, ...]:
    found: list[ScheduleDefinition] = []
    for at, item in _each(given, "schedules", ["cron", "zone"], "cron", faults):
        schedule = ScheduleDefinition(
            cron=" ".join(reading.text(item["cron"], f"{at}.cron", faults).split()),
            zone=reading.text(item.get("zone", ""), f"{at}.zone", faults),
        )
        if schedule in found:
            faults.add(at, "names the same schedule a second time")
        found.append(schedule)
    return tuple(found)


def _sources(given: object, faults: Faults) -> tuple[SourceDefinition, ...]:
    known = ["url", "interval_minutes", "importance", "include_existing", "mapping"]
    return tuple(_source(at, item, faults) for at, item in _each(given, "sources", known, "url", faults))


def _source(at: str, item: Mapping[str, object], faults: Faults) -> SourceDefinition:
    interval, importance = item.get("interval_minutes"), item.get("importance")
    weights = {"low": -WEIGHT_MAXIMUM, "high": WEIGHT_MAXIMUM}
    return SourceDefinition(
        url=reading.text(item["url"], f"{at}.url", faults),
        interval_minutes=None
        if interval is None
        else reading.whole(interval, f"{at}.interval_minutes", faults, **_MINUTES),
        importance=None
        if importance is None
        else reading.whole(importance, f"{at}.importance", faults, **weights),
        include_existing=reading.truth(item.get("include_existing", False), f"{at}.include_existing", faults),
        mapping=_mapping(item["mapping"], f"{at}.mapping", faults) if "mapping" in item else None,
    )


def _mapping(given: object, where: str, faults: Faults) -> tuple[Rule, ...]:
    try:
        return mapping_rules.from_plain(given)
    except InvalidInput as error:
        faults.add(where, error.message.removeprefix("The mapping ").rstrip("."))
        return ()
