"""Show records to a person as tables, and to a program as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

Record = Mapping[str, object]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
Search = Annotated[str, typer.Option("--search", help="Keep only what holds these letters, in any case.")]

_WIDE = 220  # columns where no terminal tells its width: a pipe must not lose the end of an address


def console() -> Console:
    """Return the console of stdout, wide when it is a pipe."""
    return Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)


def say(text: str) -> None:
    """Tell the person something on stderr, where it disturbs no program that reads stdout."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(text, markup=False)


def as_json(value: object) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def table(records: Sequence[Record], *, json_wanted: bool, empty: str) -> None:
    """Show records of equal fields; ``empty`` says what to do when there are none."""
    if json_wanted:
        as_json(list(records))
    elif not records:
        say(empty)
    else:
        console().print(_table(records))


def record(fields: Record, *, json_wanted: bool) -> None:
    """Show one record, a line a field."""
    if json_wanted:
        as_json(fields)
        return
    grid = Table.grid(padding=(0, 2))
    for name, value in fields.items():
        grid.add_row(f"[bold]{_heading(name)}[/bold]", _cell(value))
    console().print(grid)


def matching(records: Iterable[Record], search: str) -> list[Record]:
    """Return the records of which a field holds the letters searched for."""
    wanted = search.casefold()
    return [r for r in records if any(wanted in _text(value).casefold() for value in r.values())]


def nothing(noun: str, search: str, add_command: str) -> str:
    """Say that a list is empty, and what to do about it."""
    if search:
        return f"No {noun} holds {search!r}."
    return f"There is no {noun} yet. Add one with: {add_command}"


@contextmanager
def counting(what: str, *, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show on stderr how many are done; yield what is to be told the number."""
    columns = [TextColumn("{task.completed:,} " + what), BarColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


def _table(records: Sequence[Record]) -> Table:
    drawn = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for name, value in records[0].items():
        drawn.add_column(_heading(name), justify="right" if _is_number(value) else "left", overflow="fold")
    for found in records:
        drawn.add_row(*(_cell(value) for value in found.values()))
    return drawn


def _heading(name: str) -> str:
    return name.replace("_", " ").strip()


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _cell(value: object) -> Text:
    """Return a value as it is: in a headline, brackets are no mark-up of the terminal's."""
    return Text(_text(value))


def _text(value: object) -> str:
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
        case Enum():
            return str(value.value)
        case list() | tuple():
            divider = "\n" if any(isinstance(item, dict) for item in value) else ", "
            return divider.join(_text(item) for item in value) or "-"
        case dict():
            return ", ".join(f"{key}: {_text(item)}" for key, item in value.items()) or "-"
        case _:
            return str(value)


def _plain(value: object) -> object:
    match value:
        case datetime() | date():
            return value.isoformat()
        case Enum():
            return value.value
        case _:
            return str(value)
