"""Command that explains a reader's mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.reporting import why as explaining
from newsletter.reporting import why_article
from newsletter.reporting.why import Answer
from newsletter.store import newsletters

app = typer.Typer(help="Say why a reader got an article, why not, or why no mail came.")
_QUIET = {"title", "article"}  # said in the heading already


@app.command()
def why(
    reader: Annotated[str, typer.Option(help="The reader's mail address, or id.")],
    newsletter: Annotated[str, typer.Option(help="Only this newsletter.")] = "",
    issue: Annotated[int | None, typer.Option(help="An issue's id; otherwise the newest one.")] = None,
    article: Annotated[int | None, typer.Option(help="An article's id: why it came, or did not.")] = None,
    json_wanted: output.AsJson = False,
) -> None:
    """Say why a reader got an article, why not, or why no mail came, from what was written at the time."""
    with opened() as service, service.reading() as session:
        now = service.clock.now()
        found = explaining.find_reader(session, reader, now=now)
        chosen = newsletters.by_slug(session, newsletter) if newsletter else None
        if article is None:
            answers = explaining.why_mail(session, found, newsletter=chosen, issue_id=issue, now=now)
        else:
            answers = why_article.why_article(
                session, found, article, newsletter=chosen, issue_id=issue, now=now
            )
    if json_wanted:
        output.as_json([asdict(answer) for answer in answers])
    else:
        _show(answers)


def _show(answers: Sequence[Answer]) -> None:
    for answer in answers:
        console = output.console()
        heading = answer.newsletter if answer.number is None else f"{answer.newsletter} {answer.number}"
        console.print(heading, style="bold", markup=False)
        console.print(f"  {answer.text}", markup=False, soft_wrap=True)
        if answer.is_recomputed:
            console.print("  (Found again from the issue and the reader's history.)", style="dim")
        facts = {
            name: value for name, value in answer.facts.items() if value is not None and name not in _QUIET
        }
        output.record({"reason": answer.code, **facts}, json_wanted=False)
