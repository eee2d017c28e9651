"""Command to receive mails that come back."""

from __future__ import annotations

import asyncio
import signal

import typer

from newsletter.cli.opening import opened
from newsletter.runtime import logs
from newsletter.wiring import App

app = typer.Typer(help="Receive mails that come back, by LMTP or SMTP, until Ctrl-C.")
_log = logs.get(__name__)


@app.command()
def receive() -> None:
    """Receive mails that come back, by LMTP or SMTP, until Ctrl-C.

    It listens at NEWSLETTER_RECEIVE_LMTP and NEWSLETTER_RECEIVE_SMTP, takes what we gave the addresses of, and never
    sends anything. With neither it waits, so that a Procfile needs no other lines; see docs/operations/bounces.md.
    """
    with opened() as service:
        logs.configure(service.settings.log_level)
        logs.configure_library("mail.log", "ERROR")  # aiosmtpd tells each command
        asyncio.run(_receive(service))


async def _receive(service: App) -> None:
    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    if not service.settings.listeners:
        _log.info("nothing_to_listen_on", hint="See docs/operations/bounces.md.")
        await told_to_stop.wait()
        return
    server = service.receiver()
    for listener in service.settings.listeners:
        await server.listen(listener.way, listener.host, listener.port)
    await server.run(told_to_stop)
