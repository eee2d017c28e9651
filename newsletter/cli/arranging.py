"""Commands that arrange an issue: its order, headlines, note and subjects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from newsletter.cli import acting, output
from newsletter.cli.deciding import Revision
from newsletter.cli.opening import opened
from newsletter.cli.showing import Number
from newsletter.digest import arranging
from newsletter.store.tables import Issue

app = typer.Typer()
Article = Annotated[int, typer.Option("--article", min=1, help="Id of the article.")]
Articles = Annotated[
    list[int] | None, typer.Option("--article", min=1, help="Id of an article; may be repeated.")
]


@app.command()
def pin(
    issue: Number,
    article: Article,
    place: Annotated[int, typer.Option(min=1, max=arranging.PLACES, help="From the top; 1 = first.")] = 1,
    by: acting.By = "",
    revision: Revision = None,
) -> None:
    """Put an article in a place from the top; those that are pinned there already move down."""
    _step(arranging.pin, issue, article, place=place, by=by, revision=revision)


@app.command()
def unpin(issue: Number, article: Article, by: acting.By = "", revision: Revision = None) -> None:
    """Let an article stand where it ranks."""
    _step(arranging.unpin, issue, article, by=by, revision=revision)


@app.command()
def ban(issue: Number, article: Article, by: acting.By = "", revision: Revision = None) -> None:
    """Keep an article out of this issue; the next one may have it."""
    _step(arranging.ban, issue, article, by=by, revision=revision)


@app.command()
def unban(issue: Number, article: Article, by: acting.By = "", revision: Revision = None) -> None:
    """Let an article into the issue again."""
    _step(arranging.unban, issue, article, by=by, revision=revision)


@app.command()
def reorder(
    issue: Number,
    articles: Annotated[
        list[int], typer.Argument(metavar="ARTICLE...", help="Ids in the order of the mail.")
    ],
    by: acting.By = "",
    revision: Revision = None,
) -> None:
    """Put these articles first, in this order; all others stand where they rank."""
    _step(arranging.reorder, issue, articles, by=by, revision=revision)


@app.command()
def retitle(
    issue: Number,
    article: Article,
    title: Annotated[str, typer.Argument(help='The headline for this mail alone; "" = its own again.')],
    by: acting.By = "",
    revision: Revision = None,
) -> None:
    """Give an article another headline in this mail alone."""
    _step(arranging.retitle, issue, article, title, by=by, revision=revision)


@app.command()
def note(
    issue: Number,
    text: Annotated[
        str, typer.Argument(help='What stands on top of the mail; \\n begins a line, "" = none.')
    ],
    by: acting.By = "",
    revision: Revision = None,
) -> None:
    """Write a note on top of the mail."""
    _step(arranging.annotate, issue, text.replace("\\n", "\n"), by=by, revision=revision)


@app.command()
def subject(
    issue: Number,
    subjects: Annotated[
        list[str] | None, typer.Argument(metavar="SUBJECT...", help="None = the top story's headline.")
    ] = None,
    by: acting.By = "",
    revision: Revision = None,
) -> None:
    """Choose the subject; two to four are tested on a share of the readers, the first is the favourite."""
    _step(arranging.name, issue, subjects or [], by=by, revision=revision)


@app.command()
def missed(issue: Number, articles: Articles = None, by: acting.By = "", revision: Revision = None) -> None:
    """Tell these articles once more, under "you may have missed", in this order, and no others."""
    _step(arranging.miss, issue, articles or [], by=by, revision=revision)


def _step(
    step: Callable[..., Issue], issue_id: int, *given: object, by: str, revision: int | None, **more: object
) -> None:
    with opened() as service:
        with service.transaction() as session:
            changed = step(
                session,
                issue_id,
                *given,
                actor=acting.actor(by),
                now=service.clock.now(),
                revision=revision,
                **more,
            )
            told = f"Issue {issue_id} is at revision {changed.revision}."
        service.bell.ring("newsletter.sweep")
    output.say(f"{told} Approve it with: newsletter issues approve {issue_id} --revision {changed.revision}")
