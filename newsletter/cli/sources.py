"""Commands about sources: the feeds that fill a newsletter."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.newsletters import Slug
from newsletter.cli.opening import opened
from newsletter.domain.errors import NotFound
from newsletter.ingest import sources as reading
from newsletter.ingest.sources import PollReport, PollStatus
from newsletter.store import newsletters, sources
from newsletter.store.tables import Source

app = typer.Typer(no_args_is_help=True, help="Add, list, poll and stop the feeds that fill a newsletter.")
Number = Annotated[int, typer.Argument(metavar="ID", help="The source's id, as the list shows it.")]


@app.command()
def add(
    newsletter: Slug,
    url: Annotated[str, typer.Argument(help="Address of an RSS, Atom, RDF or JSON feed.")],
    include_existing: Annotated[
        bool,
        typer.Option("--include-existing", help="Mail what the feed holds now too, not only what comes."),
    ] = False,
    minutes: Annotated[int, typer.Option(min=1, max=43_200, help="How long between two looks.")] = 15,
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
                now=service.clock.now(),
            )
            source_id = source.id
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
        records = [_summary(source, names[source.newsletter_id]) for source in found]
    output.table(
        records,
        json_wanted=json_wanted,
        empty=output.nothing("source", search, "newsletter sources add SLUG URL"),
    )


@app.command()
def show(source: Number, json_wanted: output.AsJson = False) -> None:
    """Show one source."""
    with opened() as service, service.reading() as session:
        found = sources.get(session, source)
        if found is None:
            raise NotFound(
                f"There is no source {source}.",
                hint="See the sources with: newsletter sources list",
                reason="unknown_source",
            )
        fields = _fields(found, newsletters.get(session, found.newsletter_id).slug)
    output.record(fields, json_wanted=json_wanted)


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
        reading.stop(session, source)
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


def _summary(source: Source, newsletter: str) -> output.Record:
    return {
        "id": source.id,
        "newsletter": newsletter,
        "title": source.title,
        "url": source.url,
        "status": source.status,
        "last_success_at": source.last_success_at,
        "last_error": source.last_error,
    }


def _fields(source: Source, newsletter: str) -> output.Record:
    return {
        **_summary(source, newsletter),
        "include_existing": source.include_existing,
        "interval_seconds": source.interval_seconds,
        "first_import_at": source.first_import_at,
        "last_poll_at": source.last_poll_at,
        "next_poll_at": source.next_poll_at,
        "failure_count": source.failure_count,
        "last_error_text": source.last_error_text,
        "etag": source.etag,
    }
