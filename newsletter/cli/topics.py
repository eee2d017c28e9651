"""Commands about the topics of a newsletter."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.newsletters import Slug
from newsletter.cli.opening import opened
from newsletter.digest import newsletters as desk
from newsletter.store import newsletters
from newsletter.store.tables import Topic

app = typer.Typer(no_args_is_help=True, help="Add and list the topics of a newsletter.")


@app.command()
def add(
    newsletter: Slug,
    slug: Annotated[str, typer.Argument(help="The topic's short name, such as sport.")],
    name: Annotated[str, typer.Option(help="As readers see it; otherwise the slug with a capital.")] = "",
    json_wanted: output.AsJson = False,
) -> None:
    """Add a topic; articles whose category has its slug or name belong to it."""
    with opened() as service, service.transaction() as session:
        found = newsletters.by_slug(session, newsletter)
        topic = desk.add_topic(session, found, slug=slug, name=name or slug.replace("-", " ").capitalize())
        record = _record(topic)
    output.record(record, json_wanted=json_wanted)


@app.command("list")
def listing(newsletter: Slug, json_wanted: output.AsJson = False, search: output.Search = "") -> None:
    """List the topics of a newsletter."""
    with opened() as service, service.reading() as session:
        found = newsletters.by_slug(session, newsletter)
        records = [_record(topic) for topic in newsletters.topics(session, found.id)]
    output.table(
        output.matching(records, search),
        json_wanted=json_wanted,
        empty=output.nothing("topic", search, f"newsletter topics add {newsletter} SLUG"),
    )


def _record(topic: Topic) -> output.Record:
    return {"slug": topic.slug, "name": topic.name, "number": topic.number}
