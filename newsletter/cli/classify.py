"""Command to ask what a refusal means."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.cli import output
from newsletter.domain import bounces

app = typer.Typer(help="Say what an SMTP reply means.")
Status = Annotated[str, typer.Option(help="Status of the report that quotes the reply, such as 5.1.1.")]
Server = Annotated[str, typer.Option(help="Name of the mail server that said so.")]


@app.command()
def classify_reply(
    reply: Annotated[str, typer.Argument(help='As the server wrote it: "550 5.1.1 User unknown".')],
    status: Status = "",
    server: Server = "",
    json_wanted: output.AsJson = False,
) -> None:
    """Say why a server refused, and whether the address is to blame for good; nothing is stored.

    The reasons are Sisimai's; the category says what is done: see docs/operations/bounces.md.
    """
    found = bounces.diagnose_text(reply, status=status or None, mta=server or None)
    fields = {
        "reply": reply,
        "reason": found.reason,
        "category": found.category,
        "hard": found.is_hard,
        "evidence": found.evidence,
    }
    output.record(fields, json_wanted=json_wanted)
