"""Commands that look again at what came back: with newer rules about addresses, or about mails."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.cli.opening import opened
from newsletter.domain.arrivals import ArrivalStatus
from newsletter.domain.errors import InvalidInput
from newsletter.feedback import replay as replaying
from newsletter.feedback import suppress
from newsletter.store import arrivals
from newsletter.subscribing import unsubscribe

_FAILED_AT_ONCE = 10_000


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


def reread(
    ids: Annotated[list[int] | None, typer.Argument(metavar="ID...", help="Numbers in the list.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that could not be read.")] = False,
) -> None:
    """Read again what came back, as after an update that understands more; what is known does not count twice."""
    if not ids and not failed:
        raise InvalidInput(
            "Nothing is named.",
            hint="See the numbers with newsletter bounces list, or give --failed.",
            reason="nothing_named",
        )
    with opened() as service:
        with service.transaction() as session:
            broken = (
                arrivals.listing(session, status=ArrivalStatus.FAILED, limit=_FAILED_AT_ONCE)
                if failed
                else []
            )
            count = arrivals.again(session, [*(ids or []), *(row.id for row in broken)])
        service.read_arrivals()
        suppress.suppress(service.transaction, now=service.clock.now())
        unsubscribe.work_off(service.transaction, now=service.clock.now())
    output.say(f"{count:,} read again. See what came of them with: newsletter bounces list")
