"""Command for test sends."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli import output, proofing
from newsletter.cli.opening import opened
from newsletter.cli.proofing import Wanted
from newsletter.domain.errors import PermanentSendError, TransientSendError
from newsletter.transports.base import Envelope, Transport

app = typer.Typer(help="Send the next issue to a few addresses, marked as a test.")
Issue = Annotated[int | None, typer.Option(help="Number of an issue; otherwise the next one.")]
Reader = Annotated[str, typer.Option("--as", help="As this reader would get it.")]
Topics = Annotated[str, typer.Option(help="As a reader of these topics would; slugs, divided by commas.")]
Language = Annotated[
    str, typer.Option(help="Language of the frame, such as de; the newsletter's when left out.")
]


@app.command()
def submit(
    newsletter: Annotated[str, typer.Option(help="Slug of the newsletter.")],
    to: Annotated[list[str], typer.Option(help="Where to send; may be repeated.")],
    issue: Issue = None,
    reader: Reader = "",
    topics: Topics = "",
    language: Language = "",
    out: Annotated[Path | None, typer.Option(help="Write the message here instead of sending it.")] = None,
) -> None:
    """Build the next issue from real articles and send it, marked as a test; no state moves.

    Of an issue whose subjects are tested, a mail with each of them goes out.
    """
    wanted = chosen(newsletter, issue, reader, topics, language)
    if out is not None and len(to) != 1:
        raise typer.BadParameter("--out writes one message: give one --to.")
    with opened() as service:
        made = proofing.compose(service, wanted, to).mails
        if out is not None:
            out.write_bytes(made[0][1])
            output.say(f"Wrote {out} ({len(made[0][1]):,} bytes).")
            return
        with closing(service.open_transport()) as transport:
            refused = sum(not _submit(transport, envelope, message) for envelope, message in made)
    if refused:
        raise typer.Exit(1)


def _submit(transport: Transport, envelope: Envelope, message: bytes) -> bool:
    try:
        reply = transport.submit(envelope, message)
    except (TransientSendError, PermanentSendError) as error:
        reply = error.reply
    is_taken = reply.code < 400
    verdict = "submitted" if is_taken else "refused"
    output.say(f"{envelope.rcpt_to}: {verdict}, the relay said {reply.code} {reply.text}")
    return is_taken


def chosen(newsletter: str, issue: int | None, reader: str, topics: str, language: str = "") -> Wanted:
    """Check what was asked for."""
    if reader and topics:
        raise typer.BadParameter("--as and --topics exclude each other.")
    slugs = tuple(slug.strip() for slug in topics.split(",") if slug.strip())
    return Wanted(newsletter=newsletter, issue=issue, reader=reader, topics=slugs, language=language)
