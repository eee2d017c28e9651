"""Commands about sources: the feeds that fill a newsletter."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.newsletters import Slug
from newsletter.cli.opening import opened
from newsletter.domain import mapping as mapping_rules
from newsletter.domain.errors import InvalidInput, NotFound
from newsletter.domain.mapping import By, Rule
from newsletter.ingest import health
from newsletter.ingest import sources as reading
from newsletter.ingest.sources import PollReport, PollStatus
from newsletter.store import newsletters, sources
from newsletter.store.tables import Source

app = typer.Typer(
    no_args_is_help=True, help="Add, list, map, poll and stop the feeds that fill a newsletter."
)
_OPTIONS = (By.CATEGORY, By.AUTHOR, By.URL)
Number = Annotated[int, typer.Argument(metavar="ID", help="The source's id, as the list shows it.")]
Minutes = Annotated[
    int,
    typer.Option(
        min=1,
        max=43_200,
        help="How long between two looks, until its own rhythm is learned (docs/sources.md).",
    ),
]
Importance = Annotated[int, typer.Option(help="Added to the importance of its articles, -9 to 9.")]


@app.command()
def add(
    newsletter: Slug,
    url: Annotated[str, typer.Argument(help="Address of an RSS, Atom, RDF or JSON feed.")],
    include_existing: Annotated[
        bool,
        typer.Option("--include-existing", help="Mail what the feed holds now too, not only what comes."),
    ] = False,
    minutes: Minutes = 15,
    importance: Importance = 0,
    topic: Annotated[
        list[str] | None, typer.Option(help="Give all its articles this topic (slug); may be repeated.")
    ] = None,
    json_wanted: output.AsJson = False,
) -> None:
    """Add a feed and read it at once; what it holds now is not mailed unless you say so."""
    with opened() as service:
        with service.transaction() as session:
            source = reading.add(
                session,
                newsletters.by_slug(session, newsletter),
                url,
                include_existing=include_existing,
                interval=timedelta(minutes=minutes),
                importance=importance,
                now=service.clock.now(),
            )
            source_id = source.id
            if topic:
                reading.map_articles(session, source_id, [Rule(by=By.FEED, topics=tuple(topic))])
        report = reading.poll(
            service.transaction, source_id, fetcher=service.fetcher, now=service.clock.now()
        )
    _tell(report, json_wanted=json_wanted)


@app.command("list")
def listing(
    newsletter: Annotated[str, typer.Option(help="Only sources of this newsletter.")] = "",
    json_wanted: output.AsJson = False,
    search: output.Search = "",
) -> None:
    """List sources, with the last fault of each."""
    with opened() as service, service.reading() as session:
        newsletter_id = newsletters.by_slug(session, newsletter).id if newsletter else None
        names = {each.id: each.slug for each in newsletters.listing(session)}
        found = sources.listing(session, newsletter_id, text=search)
        records = [_summary(source, names[source.newsletter_id], now=service.clock.now()) for source in found]
    output.table(
        records,
        json_wanted=json_wanted,
        empty=output.nothing("source", search, "newsletter sources add SLUG URL"),
    )


@app.command()
def show(source: Number, json_wanted: output.AsJson = False) -> None:
    """Show one source: how it fares, what it is asked for and how often, and its mapping."""
    with opened() as service, service.reading() as session:
        found = reading.known(session, source)
        name = newsletters.get(session, found.newsletter_id).slug
        fields = _fields(found, name, now=service.clock.now())
    output.record(fields, json_wanted=json_wanted)


@app.command()
def edit(
    source: Number,
    url: Annotated[str | None, typer.Option(help="Its new address; what it has brought stays.")] = None,
    minutes: Annotated[
        int | None, typer.Option(min=1, max=43_200, help="How long between two looks; learned anew.")
    ] = None,
    importance: Annotated[int | None, typer.Option(help="Of all its articles, -9 to 9.")] = None,
) -> None:
    """Change the address, the interval or the importance of a source; what is not given stays."""
    with opened() as service, service.transaction() as session:
        reading.edit(
            session,
            source,
            url=url,
            interval=None if minutes is None else timedelta(minutes=minutes),
            importance=importance,
            now=service.clock.now(),
        )
    output.say(f"Source {source} is changed. See it with: newsletter sources show {source}")


@app.command("map")
def mapping(
    source: Number,
    topic: Annotated[list[str] | None, typer.Option(help="Topic (slug) to give; may be repeated.")] = None,
    importance: Importance = 0,
    category: Annotated[str, typer.Option(help="To articles with a category like this: 'sport*'.")] = "",
    author: Annotated[str, typer.Option(help="To articles of an author like this.")] = "",
    pattern: Annotated[str, typer.Option("--url", help="To articles whose address is like '/sport/*'.")] = "",
    remove: Annotated[int | None, typer.Option(min=1, help="Take away the rule of this number.")] = None,
    json_wanted: output.AsJson = False,
) -> None:
    """List the rules by which a source gives topics and importance; add one, or take one away.

    Without --category, --author and --url a rule is for all its articles. * stands for any letters.
    """
    with opened() as service, service.transaction() as session:
        rules = list(mapping_rules.from_plain(reading.known(session, source).mapping))
        changed = _changed(rules, remove, _rule(category, author, pattern, topic or [], importance))
        count = reading.map_articles(session, source, changed) if changed != rules else 0
    if changed != rules:
        output.say(f"{count} articles that are in no issue yet changed.")
    output.table(
        [{"number": number, **plain} for number, plain in enumerate(mapping_rules.to_plain(changed), 1)],
        json_wanted=json_wanted,
        empty=f"Source {source} has no rules. Add one with: newsletter sources map {source} --topic SLUG",
    )


@app.command()
def poll(source: Number, json_wanted: output.AsJson = False) -> None:
    """Read one source now, due or not; exit with 1 when that fails."""
    with opened() as service:
        report = reading.poll(
            service.transaction, source, fetcher=service.fetcher, now=service.clock.now(), force=True
        )
    _tell(report, json_wanted=json_wanted)


@app.command()
def stop(source: Number) -> None:
    """Read a source no more; its articles stay."""
    with opened() as service, service.transaction() as session:
        reading.stop(session, source, now=service.clock.now())
    output.say(f"Source {source} is stopped. Read it again with: newsletter sources resume {source}")


@app.command()
def resume(source: Number) -> None:
    """Read a stopped source again."""
    with opened() as service:
        with service.transaction() as session:
            reading.resume(session, source, now=service.clock.now())
        service.bell.ring("newsletter.poll", source)
    output.say(f"Source {source} is read again.")


def _tell(report: PollReport, *, json_wanted: bool) -> None:
    output.record(asdict(report), json_wanted=json_wanted)
    if report.status is PollStatus.SKIPPED and not json_wanted:
        output.say("It is stopped, or a worker is reading it right now.")
    if report.status in {PollStatus.FAILED, PollStatus.STOPPED}:
        raise typer.Exit(1)


def _rule(category: str, author: str, pattern: str, topics: list[str], importance: int) -> Rule | None:
    """Return the rule that options describe; None when they describe none."""
    given = [(by, text) for by, text in zip(_OPTIONS, (category, author, pattern), strict=True) if text]
    if not given and not topics and not importance:
        return None
    if len(given) > 1:
        raise InvalidInput(
            "A rule looks at one thing.",
            hint="Give one of --category, --author and --url, and the others as rules of their own.",
            reason="bad_mapping",
        )
    by, text = given[0] if given else (By.FEED, "*")
    plain = {"by": by, "pattern": text, "topics": topics, "importance": importance}
    return mapping_rules.from_plain([plain])[0]


def _changed(rules: list[Rule], remove: int | None, rule: Rule | None) -> list[Rule]:
    if remove is not None and remove > len(rules):
        raise NotFound(
            f"There is no rule {remove}.",
            hint="See the rules with: newsletter sources map ID",
            reason="unknown_rule",
        )
    kept = [each for number, each in enumerate(rules, 1) if number != remove]
    return kept if rule is None else [*kept, rule]


def _summary(source: Source, newsletter: str, *, now: datetime) -> output.Record:
    return {
        "id": source.id,
        "newsletter": newsletter,
        "title": source.title,
        "url": source.url,
        "status": source.status,
        "health": health.of(source, now=now).state,
        "last_success_at": source.last_success_at,
        "last_error": source.last_error,
    }


def _fields(source: Source, newsletter: str, *, now: datetime) -> output.Record:
    fares = health.of(source, now=now)
    return {
        **_summary(source, newsletter, now=now),
        "last_error_text": source.last_error_text,
        "failure_count": source.failure_count,
        "last_new_at": source.last_new_at,
        "rhythm_seconds": source.rhythm_seconds,
        "silence_limit_hours": _hours(fares.silence_limit),
        "silent_hours": _hours(fares.silent_for),
        "lost_count": source.lost_count,
        "skipped": source.skipped,
        "interval_seconds": source.interval_seconds,
        "pace_seconds": source.pace_seconds,
        "last_poll_at": source.last_poll_at,
        "next_poll_at": source.next_poll_at,
        "moves_to": source.moved_url,
        "hub": source.hub_url,
        "hub_until": source.hub_until,
        "importance": source.importance,
        "mapping": source.mapping,
        "include_existing": source.include_existing,
        "first_import_at": source.first_import_at,
        "etag": source.etag,
    }


def _hours(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration / timedelta(hours=1))
