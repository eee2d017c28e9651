"""Make the topics, schedules, sources and rules of a newsletter as its file says, and tell each difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from newsletter.digest import newsletters as setup
from newsletter.domain import articles
from newsletter.domain import mapping as mapping_rules
from newsletter.domain import rules as ruling
from newsletter.domain.definitions import ScheduleDefinition, SourceDefinition, TopicDefinition
from newsletter.domain.errors import NewsletterError
from newsletter.domain.faults import Faults
from newsletter.domain.mapping import Rule
from newsletter.domain.polling import INTERVAL
from newsletter.domain.rules import Rules
from newsletter.store import Session, alerts, article_places, newsletters, rules, sources, subscriptions
from newsletter.store.tables import Newsletter, Source, SourceStatus, Topic

_TEXT_MAXIMUM = 120  # characters of a value in a difference


class ChangeKind(StrEnum):
    """Say what kind of change a line of a plan is; its sign stands before the line."""

    ADD = "+"
    CHANGE = "~"
    STOP = "-"


@dataclass(frozen=True)
class Change:
    """Hold one difference, in words."""

    kind: ChangeKind
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind} {self.where}: {self.text}"


class Changes:
    """Collect the differences between a newsletter and its file."""

    def __init__(self) -> None:
        self.found: list[Change] = []

    def add(self, kind: ChangeKind, where: str, text: str) -> None:
        """Remember a change."""
        self.found.append(Change(kind, where, text))

    def differs(self, where: str, before: object, after: object) -> bool:
        """Remember that a value changes; False when it does not."""
        if before == after:
            return False
        self.add(ChangeKind.CHANGE, where, f"{_shown(before)} -> {_shown(after)}")
        return True


def set_topics(
    session: Session,
    newsletter: Newsletter,
    wanted: Sequence[TopicDefinition],
    changes: Changes,
    faults: Faults,
    *,
    now: datetime,
) -> None:
    """Add, rename and retire topics; one that readers follow is not dropped in silence."""
    known = {each.slug: each for each in newsletters.topics(session, newsletter.id, with_retired=True)}
    for definition in wanted:
        topic = known.pop(definition.slug, None)
        former = known.pop(definition.was, None) if definition.was else None
        if topic is not None and former is not None:
            faults.add(
                "topics", f"cannot rename {former.slug} to {topic.slug}: there is such a topic already"
            )
        elif (topic or former) is None:
            _add_topic(session, newsletter, definition, changes, faults, now=now)
        else:
            _change_topic(session, newsletter, topic or former, definition, changes, faults, now=now)
    for topic in known.values():
        _drop_topic(session, topic, changes, faults, now=now)
    session.flush()


def _add_topic(
    session: Session,
    newsletter: Newsletter,
    definition: TopicDefinition,
    changes: Changes,
    faults: Faults,
    *,
    now: datetime,
) -> None:
    where = f"topics.{definition.slug}"
    if definition.was:
        faults.add(where, f"was {definition.was!r}, which is no topic")
        return
    try:
        topic = setup.add_topic(session, newsletter, slug=definition.slug, name=definition.name)
    except NewsletterError as error:
        faults.add(where, f"cannot be added: {error.message.rstrip('.')}")
        return
    topic.retired_at = now if definition.is_retired else None
    changes.add(ChangeKind.ADD, where, definition.name + (" (retired)" if definition.is_retired else ""))


def _change_topic(
    session: Session,
    newsletter: Newsletter,
    topic: Topic | None,
    definition: TopicDefinition,
    changes: Changes,
    faults: Faults,
    *,
    now: datetime,
) -> None:
    assert topic is not None
    where = f"topics.{definition.slug}"
    before = topic.slug, topic.name
    try:
        setup.rename_topic(session, topic, slug=definition.slug, name=definition.name)
    except NewsletterError as error:
        faults.add(where, f"cannot be renamed: {error.message.rstrip('.')}")
        return
    changes.differs(f"{where}.slug", before[0], topic.slug)
    changes.differs(f"{where}.name", before[1], topic.name)
    if definition.is_retired and topic.retired_at is None:
        count = subscriptions.follower_count(session, newsletter.id, topic.number)
        topic.retired_at = now
        changes.add(ChangeKind.STOP, where, f"retired; followers: {count:,}")
    elif not definition.is_retired and topic.retired_at is not None:
        topic.retired_at = None
        changes.add(ChangeKind.CHANGE, where, "offered again")


def _drop_topic(session: Session, topic: Topic, changes: Changes, faults: Faults, *, now: datetime) -> None:
    if topic.retired_at is not None:
        return
    count = subscriptions.follower_count(session, topic.newsletter_id, topic.number)
    if count:
        faults.add(
            "topics",
            f"lack {topic.slug}, which readers follow ({count:,}): rename it (was: {topic.slug}) or say retired: true",
        )
        return
    topic.retired_at = now
    changes.add(ChangeKind.STOP, f"topics.{topic.slug}", "retired; nobody follows it")


def set_schedules(
    session: Session,
    newsletter: Newsletter,
    wanted: Sequence[ScheduleDefinition],
    changes: Changes,
    faults: Faults,
    *,
    now: datetime,
) -> None:
    """Add schedules, go on with those that were stopped, and stop those that the file does not name."""
    known = {(each.cron, each.zone): each for each in newsletters.schedules(session, newsletter.id)}
    for place, definition in enumerate(wanted):
        zone = definition.zone or newsletter.zone
        where = f"schedules.{definition.cron}"
        schedule = known.pop((definition.cron, zone), None)
        try:
            if schedule is None:
                setup.add_schedule(session, newsletter, cron=definition.cron, zone=zone, now=now)
                changes.add(ChangeKind.ADD, where, f"in {zone}")
            elif not schedule.is_active:
                setup.resume_schedule(session, schedule.id, now=now)
                changes.add(ChangeKind.CHANGE, where, f"goes on, in {zone}")
        except NewsletterError as error:
            faults.add(f"schedules[{place}]", f"cannot be used: {error.message.rstrip('.')}")
    for schedule in known.values():
        if schedule.is_active:
            setup.stop_schedule(session, schedule.id, now=now)
            changes.add(ChangeKind.STOP, f"schedules.{schedule.cron}", f"stopped, in {schedule.zone}")
    session.flush()


def set_sources(
    session: Session,
    newsletter: Newsletter,
    wanted: Sequence[SourceDefinition],
    changes: Changes,
    faults: Faults,
    *,
    now: datetime,
) -> None:
    """Add and change sources, go on with those that were stopped, and stop those that the file does not name.

    An address that a source had before it moved (a permanent redirect) names it too.
    """
    listed = sources.listing(session, newsletter.id)
    known = {each.url: each for each in listed}
    moved = {former: each for each in listed for former in each.former_urls if former not in known}
    named: set[str] = set()
    for place, definition in enumerate(wanted):
        try:
            url = articles.absolute_url(definition.url).partition("#")[0]
        except NewsletterError as error:
            faults.add(f"sources[{place}].url", f"cannot be used: {error.message.rstrip('.')}")
            continue
        source = known.get(url) or moved.get(url)
        if url in named or (source is not None and source.url in named):
            now_at = f", which has moved to {source.url}," if source is not None and source.url != url else ""
            faults.add(f"sources[{place}].url", f"names {url}{now_at} a second time")
            continue
        named |= {url} if source is None else {url, source.url}
        if source is None:
            source = _add_source(session, newsletter, url, definition, changes, now=now)
        _change_source(session, newsletter, source, definition, changes, faults, now=now)
    for source in known.values():
        if source.url not in named and source.status is SourceStatus.ACTIVE:
            _turn(session, source, SourceStatus.STOPPED, now=now)
            changes.add(ChangeKind.STOP, f"sources.{source.url}", "stopped; its articles stay")
    session.flush()


def _add_source(
    session: Session,
    newsletter: Newsletter,
    url: str,
    definition: SourceDefinition,
    changes: Changes,
    *,
    now: datetime,
) -> Source:
    source = sources.add(
        session,
        newsletter,
        url,
        include_existing=definition.include_existing,
        interval=INTERVAL
        if definition.interval_minutes is None
        else timedelta(minutes=definition.interval_minutes),
        now=now,
    )
    held = "mailed too" if definition.include_existing else "not mailed"
    changes.add(ChangeKind.ADD, f"sources.{url}", f"what it holds now is {held}")
    return source


def _change_source(
    session: Session,
    newsletter: Newsletter,
    source: Source,
    definition: SourceDefinition,
    changes: Changes,
    faults: Faults,
    *,
    now: datetime,
) -> None:
    where = f"sources.{source.url}"
    if source.status is SourceStatus.STOPPED:
        source.failure_count, source.next_poll_at = 0, now
        _turn(session, source, SourceStatus.ACTIVE, now=now)
        changes.add(ChangeKind.CHANGE, where, "goes on")
    minutes = definition.interval_minutes
    if minutes is not None and changes.differs(
        f"{where}.interval_minutes", source.interval_seconds // 60, minutes
    ):
        source.interval_seconds = minutes * 60
        source.pace_seconds = None  # what was learned was learned within the old bounds
        source.next_poll_at = min(source.next_poll_at, now + timedelta(minutes=minutes))
    if definition.importance is not None and changes.differs(
        f"{where}.importance", source.importance or 0, definition.importance
    ):
        source.importance = definition.importance
    if definition.mapping is not None:
        _map(session, newsletter, source, definition.mapping, changes, faults)


def _turn(session: Session, source: Source, status: SourceStatus, *, now: datetime) -> None:
    """Stop a source or go on with it; its hub is told at once, and what was told of it is over."""
    source.status, source.hub_asked_at = status, None
    alerts.resolve_subject(session, f"source {source.id}", now=now)


def _map(
    session: Session,
    newsletter: Newsletter,
    source: Source,
    mapping: Sequence[Rule],
    changes: Changes,
    faults: Faults,
) -> None:
    where = f"sources.{source.url}.mapping"
    offered = {topic.slug for topic in newsletters.topics(session, newsletter.id)}
    for slug in mapping_rules.slugs(mapping):
        if slug not in offered:
            faults.add(where, f"names {slug}, which is no topic of the newsletter")
    if changes.differs(where, source.mapping or [], mapping_rules.to_plain(mapping)):
        article_places.remap(session, newsletter, source, mapping)


def set_rules(
    session: Session,
    newsletter: Newsletter,
    wanted: Rules,
    changes: Changes,
    faults: Faults,
    *,
    where: str,
) -> None:
    """Write the rules down when one of them changes; sections must be topics. ``where`` stands before each path."""
    offered = {topic.slug for topic in newsletters.topics(session, newsletter.id)}
    for slug in sorted(wanted.selection.section_weights.keys() - offered):
        faults.add(f"{where}selection.section_weights.{slug}", "is no topic of the newsletter")
    present = dict(ruling.each_rule(rules.of(newsletter)))
    differences = [
        changes.differs(f"{where}{path}", present[path], value) for path, value in ruling.each_rule(wanted)
    ]
    if any(differences):
        newsletter.rules = rules.dump(wanted)
        session.flush()


def _shown(value: object) -> str:
    if value in (None, "", [], {}):
        return "nothing"
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            text = ", ".join(_shown(item) for item in value)
        case dict():
            text = ", ".join(f"{name}: {_shown(item)}" for name, item in value.items())
        case _:
            text = " / ".join(str(value).splitlines())
    return text if len(text) <= _TEXT_MAXIMUM else f"{text[:_TEXT_MAXIMUM]}..."
