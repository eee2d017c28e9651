"""Newsletters as files: written down, compared, and made as the file says."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from newsletter.digest import definition
from newsletter.domain.editors import Actor, Role, Way
from newsletter.domain.errors import Conflict, InvalidInput
from newsletter.domain.polling import Move
from newsletter.store import Session, newsletters, rules, sources
from newsletter.store.tables import AuditEvent, Newsletter
from tests.builders import add_newsletter, add_reader, add_topic
from tests.clocks import NOON

ACTOR = Actor(name="ada", way=Way.CLI, role=Role.ADMIN)
FILE = """
newsletter: daily
name: The Daily
from_address: news@post.example.com
postal_address: The Harbour Post, 1 Quay Street
zone: Europe/Berlin
minimum: 3
topics:
  - slug: sport
  - {slug: city, name: The City}
schedules:
  - cron: 0 7 * * 1-5
sources:
  - url: https://post.example.com/feed.xml#now
    interval_minutes: 30
    importance: 2
rules:
  selection: {top_count: 3, section_weights: {city: 1}}
"""


def applied(session: Session, *files: str) -> list[str]:
    texts = {f"{place}.yaml": text for place, text in enumerate(files)}
    plans = definition.apply(session, texts, actor=ACTOR, now=NOON)
    return [str(change) for plan in plans for change in plan.changes]


def planned(session: Session, *files: str) -> list[str]:
    texts = {f"{place}.yaml": text for place, text in enumerate(files)}
    plans = definition.plan(session, texts, actor=ACTOR, now=NOON)
    return [str(change) for plan in plans for change in plan.changes]


def refused(session: Session, *files: str) -> str:
    with pytest.raises(InvalidInput) as error:
        planned(session, *files)
    return error.value.message


def audited(session: Session) -> list[AuditEvent]:
    return list(session.scalars(select(AuditEvent).order_by(AuditEvent.id)))


def test_a_newsletter_is_made_from_a_file_and_the_plan_said_so(session: Session) -> None:
    said = planned(session, FILE)

    assert newsletters.find(session, "daily") is None
    assert audited(session) == []
    assert applied(session, FILE) == said
    assert said == [
        "+ newsletter: The Daily, from The Daily <news@post.example.com>",
        "+ topics.sport: Sport",
        "+ topics.city: The City",
        "+ schedules.0 7 * * 1-5: in Europe/Berlin",
        "+ sources.https://post.example.com/feed.xml: what it holds now is not mailed",
        "~ sources.https://post.example.com/feed.xml.importance: 0 -> 2",
        "~ rules.selection.top_count: 0 -> 3",
        "~ rules.selection.section_weights: nothing -> city: 1",
    ]
    [event] = audited(session)
    assert (event.by, event.way, event.detail["changes"]) == ("ada", "cli", said)
    assert applied(session, FILE) == []
    assert len(audited(session)) == 1


def test_what_is_exported_changes_nothing_and_makes_the_same_anew(session: Session) -> None:
    applied(session, FILE)
    daily = newsletters.by_slug(session, "daily")
    daily.postal_address = "The Harbour Post\n1 Quay Street"
    text = definition.export(session, daily)

    assert planned(session, text) == []
    applied(session, text.replace("newsletter: daily", "newsletter: evening"))
    again = definition.export(session, newsletters.by_slug(session, "evening"))
    assert again == text.replace("newsletter: daily", "newsletter: evening")


def test_what_the_file_does_not_name_is_stopped_and_goes_on_when_it_is_named_again(session: Session) -> None:
    applied(session, FILE)
    less = "newsletter: daily\nschedules: []\nsources: []\n"
    stopped = applied(session, less)
    on = applied(session, FILE)

    assert stopped == [
        "- schedules.0 7 * * 1-5: stopped, in Europe/Berlin",
        "- sources.https://post.example.com/feed.xml: stopped; its articles stay",
    ]
    assert on == [
        "~ schedules.0 7 * * 1-5: goes on, in Europe/Berlin",
        "~ sources.https://post.example.com/feed.xml: goes on",
    ]
    daily = newsletters.by_slug(session, "daily")
    assert len(newsletters.schedules(session, daily.id)) == len(sources.listing(session, daily.id)) == 1


def test_a_source_that_has_moved_is_still_the_one_that_the_file_names(session: Session) -> None:
    applied(session, FILE)
    newsletter = newsletters.by_slug(session, "daily")
    (source,) = sources.listing(session, newsletter.id)
    for name in ("moved", "again"):
        sources.follow(source, Move(f"https://post.example.com/{name}.xml", 3, NOON))
    session.flush()
    changed = FILE.replace("importance: 2", "importance: 5")

    assert planned(session, FILE) == []
    assert applied(session, changed) == ["~ sources.https://post.example.com/again.xml.importance: 2 -> 5"]
    assert planned(session, changed.replace("/feed.xml#now", "/again.xml")) == []
    both = changed.replace("\nrules:", "\n  - url: https://post.example.com/again.xml\nrules:")
    assert "names https://post.example.com/again.xml a second time" in refused(session, both)
    assert [each.id for each in sources.listing(session, newsletter.id)] == [source.id]


def test_topics_are_renamed_and_retired_and_their_bits_stay(session: Session) -> None:
    daily = followed(session)
    renamed = applied(session, "newsletter: daily\ntopics: [{slug: sports, was: sport}, {slug: city}]")
    retired = applied(session, "newsletter: daily\ntopics: [{slug: sports, retired: true}, {slug: chess}]")
    again = applied(session, "newsletter: daily\ntopics: [{slug: sports}, {slug: city}, {slug: chess}]")

    assert renamed == ["~ topics.sports.slug: sport -> sports", "~ topics.sports.name: Sport -> Sports"]
    assert retired == [
        "- topics.sports: retired; followers: 1",
        "+ topics.chess: Chess",
        "- topics.city: retired; nobody follows it",
    ]
    assert again == ["~ topics.sports: offered again", "~ topics.city: offered again"]
    numbers = {topic.slug: topic.number for topic in newsletters.topics(session, daily.id)}
    assert numbers == {"sports": 0, "city": 1, "chess": 2}


def test_a_topic_that_readers_follow_is_not_dropped(session: Session) -> None:
    followed(session)

    told = refused(session, "newsletter: daily\ntopics: [{slug: city}]")

    assert "daily: topics lack sport, which readers follow (1): rename it (was: sport) or say retired" in told
    assert refused(session, "newsletter: daily\ntopics: [{slug: city, was: sport}]").endswith(
        "topics cannot rename sport to city: there is such a topic already."
    )


def test_all_faults_of_all_files_are_told_at_once_and_nothing_is_changed(session: Session) -> None:
    add_newsletter(session)
    broken = """
newsletter: daily
nam: x
accent: blue
language: no
minimum: many
on_silence: wait
topics: [{slug: a b}, {slug: sport}, {slug: sport}, {name: x}, 3]
schedules: [{cron: 0 7 * *}]
sources: [{url: "ftp://x"}, {url: https://a.example/, interval_minutes: 0, mapping: [3]}]
rules: {selection: {top: 1}}
"""
    told = refused(session, broken, "newsletter: daily", "a: [")
    later = refused(
        session,
        """
newsletter: daily
accent: blue
from_address: nobody
topics: [{slug: a b}]
schedules: [{cron: 0 7 * *}, {cron: 0 7 * * *, zone: Mars/Base}]
sources: [{url: "ftp://x"}, {url: https://a.example/, mapping: [{topics: [chess]}]}, {url: https://a.example/#b}]
rules: {selection: {section_weights: {chess: 1}}}
""",
    )
    new = refused(session, "newsletter: evening\nname: Evening")

    for line in (
        "daily: nam is unknown; there are newsletter, name",
        "daily: language must be a text; put it in quotes",
        "daily: minimum must be a whole number",
        "daily: on_silence must be send or hold",
        "daily: topics[2].slug names 'sport' a second time",
        "daily: topics[3].slug is missing",
        "daily: topics[4] must be names with values",
        "daily: sources[1].interval_minutes must be a whole number from 1 to 43200",
        "daily: sources[1].mapping cannot be used: rule 1 must have the fields by, pattern",
        "daily: rules.selection.top is unknown",
        "daily: newsletter 'daily' has another file already",
        "2.yaml: This is no YAML",
    ):
        assert line in told
    for line in (
        "daily: accent cannot be used: 'blue' is no colour",
        "daily: from_address cannot be used: ",
        "daily: topics.a b cannot be added: ",
        "daily: schedules[0] cannot be used: ",
        "daily: schedules[1] cannot be used: There is no time zone 'Mars/Base'",
        "daily: sources[0].url cannot be used: ",
        "daily: sources[2].url names https://a.example/ a second time",
        "daily: sources.https://a.example/.mapping names chess, which is no topic",
        "daily: rules.selection.section_weights.chess is no topic",
    ):
        assert line in later
    assert "evening: from_address is missing: there is no newsletter 'evening' yet" in new
    assert sources.listing(session) == []


def test_an_empty_heading_stops_nothing(session: Session) -> None:
    applied(session, FILE)

    told = refused(session, "newsletter: daily\ntopics:\nschedules: no\nsources:\nrules:\n")

    for name in ("topics", "schedules", "sources"):
        assert f"{name} must be a list of at most 1000, [] for none" in told
    assert "rules must be names with values" in told


def test_a_mapping_is_told_and_holds_for_what_is_in_no_issue_yet(session: Session) -> None:
    applied(session, FILE)
    mapped = FILE.replace(
        "importance: 2", "importance: 2\n    mapping: [{by: category, pattern: fu*, topics: [city]}]"
    )

    assert applied(session, mapped) == [
        (
            "~ sources.https://post.example.com/feed.xml.mapping: nothing -> by: category, pattern: fu*, topics: city, "
            "importance: 0"
        )
    ]
    assert applied(session, mapped) == []


def test_nothing_is_done_that_was_not_shown(session: Session) -> None:
    applied(session, FILE)
    file = {"daily.yaml": "newsletter: daily\nminimum: 5"}
    shown = definition.plan(session, file, actor=ACTOR, now=NOON)
    newsletters.by_slug(session, "daily").story_minimum = 4

    with pytest.raises(Conflict):
        definition.apply(session, file, actor=ACTOR, now=NOON, expected=shown)


def test_one_rule_is_set_and_written_down(session: Session) -> None:
    daily = add_newsletter(session)
    [change] = definition.set_rule(session, daily, "selection.top_count", 3, actor=ACTOR, now=NOON)

    assert str(change) == "~ selection.top_count: 0 -> 3"
    assert rules.of(daily).selection.top_count == 3
    assert definition.set_rule(session, daily, "selection.top_count", 3, actor=ACTOR, now=NOON) == ()
    with pytest.raises(InvalidInput):
        definition.set_rule(session, daily, "selection.section_weights.chess", 3, actor=ACTOR, now=NOON)
    assert len(audited(session)) == 1


def followed(session: Session) -> Newsletter:
    daily = add_newsletter(session)
    add_topic(session, daily, "sport", number=0)
    add_topic(session, daily, "city", number=1)
    add_reader(session, daily, "ada@example.com", topics=1)
    return daily
