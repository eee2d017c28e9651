"""Commands that keep newsletters as files: export, plan, apply; and that change single rules."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.digest import definition
from newsletter.digest.definition import Plan
from newsletter.digest.parts import Change, ChangeKind
from newsletter.domain import rules as ruling
from newsletter.domain.editors import Actor, Role, Way
from newsletter.domain.errors import InvalidInput, NotFound
from newsletter.store import newsletters, rules
from newsletter.store.rules import DOCUMENT_MAXIMUM
from newsletter.wiring import App

CHANGES_FOUND = 3  # 0 = done, 1 = refused or failed, 2 = wrong usage
_COLOURS = {ChangeKind.ADD: "green", ChangeKind.CHANGE: "yellow", ChangeKind.STOP: "red"}
Slug = Annotated[str, typer.Argument(help="The newsletter's short name, such as daily.")]
Files = Annotated[list[Path], typer.Argument(help="Files of newsletters, as docs/rules.md describes them.")]


def export(slug: Slug) -> None:
    """Print a newsletter as a file that "plan" and "apply" read."""
    with opened() as service, service.reading() as session:
        text = definition.export(session, newsletters.by_slug(session, slug))
    print(text, end="")


def plan(
    files: Files,
    check: Annotated[
        bool, typer.Option("--check", help=f"Exit with {CHANGES_FOUND} when there is something to change.")
    ] = False,
    json_wanted: output.AsJson = False,
) -> None:
    """Say in words what applying files would change; nothing is changed."""
    texts = _texts(files)
    with opened() as service:
        plans = _planned(service, texts)
    if json_wanted:
        output.as_json([_record(each) for each in plans])
    else:
        _show(plans)
    if check and any(each.changes for each in plans):
        raise typer.Exit(CHANGES_FOUND)


def apply(
    files: Files,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json_wanted: output.AsJson = False,
) -> None:
    """Show what files change, ask, and change it: all of it or nothing."""
    texts = _texts(files)
    with opened() as service:
        plans = _planned(service, texts)
        if not json_wanted:
            _show(plans)
        if any(each.changes for each in plans):
            if not yes:
                typer.confirm("Change this?", abort=True, err=True)
            with service.transaction() as session:
                definition.apply(
                    session,
                    texts,
                    actor=_actor(),
                    now=service.clock.now(),
                    languages=service.environment.languages(),
                    expected=plans,
                )
            output.say("Done.")
    if json_wanted:
        output.as_json([_record(each) for each in plans])


def show_rules(slug: Slug, json_wanted: output.AsJson = False, search: output.Search = "") -> None:
    """Show the rules of a newsletter, each by its path."""
    with opened() as service, service.reading() as session:
        found = rules.of(newsletters.by_slug(session, slug))
    defaults = dict(ruling.each_rule(ruling.Rules()))
    records: list[output.Record] = [
        {"rule": path, "value": value, "default": defaults[path]} for path, value in ruling.each_rule(found)
    ]
    output.table(
        output.matching(records, search),
        json_wanted=json_wanted,
        empty=f"No rule holds {search!r}. All of them: docs/rules.md",
    )


def set_rule(
    slug: Slug,
    path: Annotated[str, typer.Argument(help="The rule, such as selection.top_count.")],
    value: Annotated[str | None, typer.Argument(help="Its value; none = back to its default.")] = None,
    json_wanted: output.AsJson = False,
) -> None:
    """Change one rule of a newsletter; issues that are built already stay as they are."""
    wanted = None if value is None else rules.load(value)
    with opened() as service, service.transaction() as session:
        found = newsletters.by_slug(session, slug)
        changes = definition.set_rule(session, found, path, wanted, actor=_actor(), now=service.clock.now())
    plans = [Plan(slug, changes)]
    if json_wanted:
        output.as_json(_record(plans[0]))
    else:
        _show(plans)


def _planned(service: App, texts: dict[str, str]) -> list[Plan]:
    with service.transaction() as session:
        return definition.plan(
            session,
            texts,
            actor=_actor(),
            now=service.clock.now(),
            languages=service.environment.languages(),
        )


def _actor() -> Actor:
    return Actor(name=getpass.getuser(), way=Way.CLI, role=Role.ADMIN)


def _texts(files: Sequence[Path]) -> dict[str, str]:
    return {str(file): _text(file) for file in files}


def _text(file: Path) -> str:
    try:
        with file.open("rb") as octets:
            return octets.read(4 * DOCUMENT_MAXIMUM + 1).decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {file}.", hint="Check its name.", reason="no_file") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"The file {file} is not in UTF-8.", hint="Save it as UTF-8.", reason="bad_encoding"
        ) from error


def _record(plan: Plan) -> dict[str, object]:
    return {"newsletter": plan.slug, "changes": [asdict(change) for change in plan.changes]}


def _show(plans: Sequence[Plan]) -> None:
    for plan in plans:
        if not plan.changes:
            output.say(f"{plan.slug}: nothing to change.")
            continue
        output.console().print(f"[bold]{plan.slug}[/bold]")
        for change in plan.changes:
            _line(change)


def _line(change: Change) -> None:
    output.console().print(
        f"  {change}", style=_COLOURS[change.kind], markup=False, highlight=False, soft_wrap=True
    )
