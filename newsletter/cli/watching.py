"""Show a mailing while it goes out."""

from __future__ import annotations

import sys
import time
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from newsletter.cli import output
from newsletter.domain.mailings import MailingStatus
from newsletter.reporting import progress as reporting
from newsletter.store import mailings
from newsletter.wiring import App

_EVERY = 0.5  # seconds between two looks
_SHARE = 10  # a look costs at most a tenth of the time: counting a million rows takes a quarter of a second
_LINE_EVERY = 10.0  # seconds between two lines where nobody sees a bar


def watch(service: App, issue_id: int) -> None:
    """Show a bar until everybody has a result; leaving it with Ctrl-C stops nothing."""
    try:
        found = _watched(service, issue_id)
    except KeyboardInterrupt:
        output.say(f"The mailing goes on. Look again with: newsletter issues watch {issue_id}")
        return
    output.say(_ending(found, issue_id))


def _watched(service: App, issue_id: int) -> reporting.Progress:
    is_seen = sys.stderr.isatty()
    columns = (
        BarColumn(bar_width=30),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.description}"),
    )
    told_at = 0.0
    with Progress(*columns, console=Console(stderr=True), disable=not is_seen) as bar:
        task = bar.add_task("waiting for a worker", total=None)
        while True:
            began_at = time.monotonic()
            found = _look(service, issue_id)
            if found is not None:
                bar.update(task, total=found.planned, completed=found.done, description=_line(found))
                if _is_over(found):
                    return found
                if not is_seen and began_at - told_at >= _LINE_EVERY:
                    told_at = began_at
                    output.say(f"{found.done:,} of {found.planned:,}: {_line(found)}")
            time.sleep(max(_EVERY, (time.monotonic() - began_at) * _SHARE))


def _look(service: App, issue_id: int) -> reporting.Progress | None:
    with service.reading() as session:
        mailing = mailings.of_issue(session, issue_id)
        if mailing is None:
            return None
        return reporting.progress_of(session, mailing.id, now=service.clock.now())


def _is_over(found: reporting.Progress) -> bool:
    """Say whether there is nothing to see any more: what is deferred may take a day."""
    return found.status in (MailingStatus.DONE, MailingStatus.CANCELLED) or (0 < found.planned <= found.done)


def _line(found: reporting.Progress) -> str:
    parts = [f"{found.submitted:,} submitted", f"{found.rate:,.0f} a second"]
    if found.ends_at is not None:
        parts.append(f"through at {_clock(found.ends_at)}")
    for name in ("deferred", "failed", "uncertain", "withheld"):
        count = getattr(found, name)
        if count:
            parts.append(f"{count:,} {name}")
    if found.status is MailingStatus.PAUSED:
        parts.append("paused")
    if found.fault:
        parts.append(found.fault)
    return " · ".join(parts)


def _clock(instant: datetime) -> str:
    return f"{instant:%H:%M:%S} UTC"


def _ending(found: reporting.Progress, issue_id: int) -> str:
    waiting = found.deferred + found.uncertain
    again = f" {waiting:,} are tried again by themselves." if waiting else ""
    return (
        f"{found.submitted:,} of {found.planned:,} submitted, {found.failed:,} failed.{again} "
        f"Account: newsletter issues receipt {issue_id}"
    )
