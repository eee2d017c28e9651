"""Command that judges all addresses anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.feedback import replay as replaying


def replay(
    apply: Annotated[bool, typer.Option("--apply", help="Do it; otherwise it is only shown.")] = False,
    json_wanted: output.AsJson = False,
) -> None:
    """Show what today's rules make of all that ever came back, where that differs from what stands.

    Run it after an update that changed the rules. What people decided stays as it is, and so does what rests on
    outcomes that are not kept any more.
    """
    with opened() as service:
        changes = list(replaying.replay(service.transaction, now=service.clock.now(), is_applied=apply))
    output.table(
        [asdict(change) for change in changes], json_wanted=json_wanted, empty="The rules change nothing."
    )
    if changes:
        counts = ", ".join(
            f"{step} {count}" for step, count in sorted(Counter(c.step for c in changes).items())
        )
        output.say(f"Done: {counts}." if apply else f"Nothing was changed. With --apply: {counts}.")
