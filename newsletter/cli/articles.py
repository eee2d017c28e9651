"""Commands about articles: find them, decide about them, and see what became of them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from newsletter.cli import acting, output
from newsletter.cli.opening import opened
from newsletter.digest import editing
from newsletter.reporting import articles as reporting
from newsletter.store import articles, newsletters
from newsletter.store.tables import Article

app = typer.Typer(no_args_is_help=True, help="Find articles, withdraw, weigh, merge and split them; say why.")
Number = Annotated[int, typer.Argument(metavar="ID", help="The article's id, as the list shows it.")]
Other = Annotated[int, typer.Argument(metavar="ID", help="The other article's id.")]
OfNewsletter = Annotated[str, typer.Option("--newsletter", help="Slug of the newsletter.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]


@app.command("list")
def listing(
    newsletter: OfNewsletter = "",
    search: Annotated[
        str, typer.Option("--search", help="Only articles whose title, author or address holds these words.")
    ] = "",
    limit: Limit = 50,
    json_wanted: output.AsJson = False,
) -> None:
    """List articles, the newest first."""
    with opened() as service, service.reading() as session:
        newsletter_id = newsletters.by_slug(session, newsletter).id if newsletter else None
        found = articles.listing(session, search, newsletter_id=newsletter_id, limit=limit)
        records = [_summary(article) for article in found]
    output.table(
        records,
        json_wanted=json_wanted,
        empty=output.nothing("article", search, "newsletter sources add SLUG URL"),
    )


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="Words of its title, author or address.")],
    newsletter: OfNewsletter = "",
    limit: Limit = 50,
    json_wanted: output.AsJson = False,
) -> None:
    """Find articles by words."""
    listing(newsletter=newsletter, search=" ".join(words), limit=limit, json_wanted=json_wanted)


@app.command()
def show(article: Number, json_wanted: output.AsJson = False) -> None:
    """Show one article: what it says, and where it came from."""
    with opened() as service, service.reading() as session:
        why = reporting.why(session, article, now=service.clock.now())
        fields = {**_summary(why.article), **_text(why.article), "source": why.source}
        fields["newsletters"] = [each.newsletter for each in why.places]
    output.record(fields, json_wanted=json_wanted)


@app.command()
def why(article: Number, json_wanted: output.AsJson = False) -> None:
    """Say why an article is told or not: topics, story, and what became of it in each issue."""
    with opened() as service, service.reading() as session:
        found = reporting.why(session, article, now=service.clock.now())
        fields = {**_summary(found.article), "source": found.source}
        fields["newsletters"] = [asdict(each) for each in found.places]
        fields["issues"] = [asdict(each) for each in found.issues]
    output.record(fields, json_wanted=json_wanted)


@app.command()
def retract(article: Number, by: acting.By = "") -> None:
    """Withdraw an article: from issues, also while they go out, and from the archive."""
    with opened() as service, service.transaction() as session:
        editing.retract(session, article, actor=acting.actor(by), now=service.clock.now())
    output.say(f"Article {article} is retracted. Put it back with: newsletter articles restore {article}")


@app.command()
def restore(article: Number, by: acting.By = "") -> None:
    """Put a retracted article back."""
    with opened() as service, service.transaction() as session:
        editing.restore(session, article, actor=acting.actor(by), now=service.clock.now())
    output.say(f"Article {article} can be told again.")


@app.command()
def merge(article: Number, other: Other, by: acting.By = "") -> None:
    """Say that two articles tell one story."""
    with opened() as service, service.transaction() as session:
        editing.rule(session, article, other, is_same=True, actor=acting.actor(by), now=service.clock.now())
    output.say(f"Articles {article} and {other} are one story from the next issue on.")


@app.command()
def split(article: Number, other: Other, by: acting.By = "") -> None:
    """Say that two articles do not tell one story, however much alike they are."""
    with opened() as service, service.transaction() as session:
        editing.rule(session, article, other, is_same=False, actor=acting.actor(by), now=service.clock.now())
    output.say(f"Articles {article} and {other} are two stories from the next issue on.")


@app.command(context_settings={"ignore_unknown_options": True})
def weight(
    article: Number,
    value: Annotated[int, typer.Argument(metavar="N", help="From -9 to 9; higher stands further up.")],
    newsletter: Annotated[str, typer.Option("--newsletter", help="Slug of the newsletter.")],
    by: acting.By = "",
) -> None:
    """Let an article stand further up or down in a newsletter."""
    with opened() as service, service.transaction() as session:
        found = newsletters.by_slug(session, newsletter)
        editing.weigh(session, article, found.id, value, actor=acting.actor(by), now=service.clock.now())
    output.say(f"Article {article} has the weight {value} in {newsletter}.")


@app.command("worth-telling")
def worth_telling(
    article: Number,
    off: Annotated[bool, typer.Option("--off", help="No longer: who knows the story has had it.")] = False,
    by: acting.By = "",
) -> None:
    """Tell an update also to readers who know its story."""
    with opened() as service, service.transaction() as session:
        editing.mark_worth_telling(
            session, article, is_worth_telling=not off, actor=acting.actor(by), now=service.clock.now()
        )
    output.say(
        f"Article {article} is {'part of its story again' if off else 'told to those who know its story too'}."
    )


def _summary(article: Article) -> dict[str, object]:
    return {
        "id": article.id,
        "number": article.number,
        "title": article.title,
        "seen_at": article.first_seen_at,
        "published_at": article.published_at,
        "told": article.frozen_at is not None,
        "retracted_at": article.retracted_at,
        "retracted_by": article.retracted_by,
        "url": article.url,
    }


def _text(article: Article) -> dict[str, object]:
    return {
        "summary": article.summary,
        "author": article.author,
        "categories": list(article.categories),
        "importance": article.importance,
        "story_key": article.story_key,
        "worth_telling": article.is_worth_telling,
        "image_url": article.image_url,
        "image_fault": article.image_fault,
        "updated_at": article.updated_at,
        "frozen_at": article.frozen_at,
    }
