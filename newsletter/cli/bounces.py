"""Commands about mails that come back."""

from __future__ import annotations

import typer

from newsletter.cli import arriving, ingesting, parsing, replaying

app = typer.Typer(no_args_is_help=True, help="Take in mails that came back, and show them.")
app.command()(parsing.parse)
app.command()(ingesting.ingest)
app.command()(ingesting.poll)
app.command("list")(arriving.list_)
app.command()(arriving.show)
app.command()(replaying.replay)
app.command()(replaying.reread)


@app.callback()
def bounces() -> None:
    """Take in mails that came back, and show them."""
