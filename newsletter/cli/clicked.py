"""Command that shows what readers opened from an issue."""

from __future__ import annotations

from collections.abc import Mapping

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.cli.showing import Number
from newsletter.domain.clicks import PEOPLE, WEB_ARM
from newsletter.domain.rendered import FrozenIssue
from newsletter.store import clicks, issues
from newsletter.store.clicks import Total

app = typer.Typer()


@app.command("clicks")
def shown(issue: Number, json_wanted: output.AsJson = False, search: output.Search = "") -> None:
    """Show how often the articles of an issue were opened, by people and by machines, and with which subject.

    The first lines count people, each once a day, whatever they opened.
    """
    with opened() as service, service.reading() as session:
        frozen = issues.frozen(issues.get(session, issue))
        totals = clicks.totals(session, issue)
    titles = {story.number: story.title for story in frozen.stories}
    titles |= {
        link.number: link.title
        for story in frozen.stories
        for link in story.more
        if link.number not in titles
    }
    records = output.matching((_record(total, frozen, titles) for total in totals), search)
    empty = f"No click holds {search!r}." if search else f"Nobody has opened anything from issue {issue} yet."
    output.table(records, json_wanted=json_wanted, empty=empty)


def _record(total: Total, frozen: FrozenIssue, titles: Mapping[int, str]) -> output.Record:
    is_people = total.number == PEOPLE
    return {
        "article": None if is_people else total.number,
        "title": "people who opened something" if is_people else titles.get(total.number, ""),
        "from": "web" if total.arm == WEB_ARM else "mail",
        "subject": _subject(total.arm, frozen),
        "people": total.human_count,
        "machines": total.machine_count,
    }


def _subject(arm: int, frozen: FrozenIssue) -> str | None:
    is_known = frozen.is_tested and 0 <= arm < len(frozen.subjects)
    return frozen.subjects[arm] if is_known else None
