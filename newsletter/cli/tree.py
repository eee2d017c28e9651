"""Run the whole service as one process tree on embedded defaults: for ``up`` and ``demo``."""

from __future__ import annotations

import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from newsletter.embedded import inbox
from newsletter.embedded.broker import Broker
from newsletter.embedded.inbox import CatchAll, Mailbox
from newsletter.embedded.inbox_page import Page
from newsletter.embedded.supervisor import Program, Supervisor
from newsletter.runtime import settings as runtime_settings
from newsletter.runtime.clock import Clock
from newsletter.runtime.settings import Settings

HOST = "127.0.0.1"
_SMTP_PORT = 1025  # the usual ports of catch-all servers
_PAGE_PORT = 8025
_GRACE = 15.0  # seconds for a process to finish what it began; workers take nine at most
_WORKERS_WANT = {
    "REMAP_SIGTERM": "SIGQUIT",  # finish what is under way for some seconds, then give the rest back
    "PYTHONWARNINGS": "ignore:You're running the worker with superuser",  # in a container that is not news
}
_WEB_GRACE = ("--timeout-graceful-shutdown", "10")  # it would await a slow client for ever
_QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


class Inbox:
    """Hold the catch-all SMTP server and the page that shows what it caught."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        """Take two ports of this machine, the usual ones when they are free."""
        self.mailbox = Mailbox(folder, clock=clock)
        self._page = Page(self.mailbox, host=HOST, port=_PAGE_PORT, clock=clock)
        self._catch_all = CatchAll(self.mailbox, host=HOST, port=_SMTP_PORT)
        self.url = self._page.url
        self.smtp_port = self._catch_all.port

    @contextmanager
    def running(self) -> Iterator[None]:
        """Listen on both ports until the block ends."""
        self._catch_all.start()
        self._page.start()
        try:
            yield
        finally:
            self._page.stop()
            self._catch_all.stop()


def write_environment(settings: Settings) -> Path:
    """Write the settings as a file that a shell can read, so that commands in another terminal share them."""
    path = settings.data_dir / "environment.sh"
    own = {k: v for k, v in runtime_settings.for_children(settings).items() if k.startswith("NEWSLETTER_")}
    path.touch(mode=0o600)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in own.items()), "utf-8")
    return path


def free_port(preferred: int) -> int:
    """Return this port of the machine when it is free, else another; for a process that opens it itself."""
    with inbox.listening(HOST, preferred=preferred) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(
    settings: Settings, *, web_host: str, web_port: int, logs: Path | None, clock: Clock
) -> Iterator[Supervisor]:
    """Run broker, workers and web until the block ends; call it from the main thread.

    The broker starts first and stops last, so that what is under way at the end is put back into its queue.
    """
    environment = runtime_settings.for_children(settings) | _WORKERS_WANT
    processes = programs(
        environment=environment, web_host=web_host, web_port=web_port, receives=bool(settings.listeners)
    )
    tree = Supervisor(processes, logs=logs, clock=clock)
    with _broker(settings):
        tree.start()
        try:
            yield tree
        finally:
            tree.stop()


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set, so that everything is stopped in order."""
    stop = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def programs(
    *, environment: Mapping[str, str], web_host: str, web_port: int, receives: bool
) -> list[Program]:
    """Return the processes of the tree: the Procfile's, with beat and notices inside the worker.

    One that receives mail runs only where it has something to listen on.
    """
    python = sys.executable
    celery = (python, "-m", "celery", "-A", "workers.app", "--quiet", "worker", *_QUIET)
    uvicorn = (python, "-m", "uvicorn", "--factory", "newsletter.web.main:asgi", "--log-level", "warning")
    commands = {
        "worker": (*celery, "-n", "worker@%h", "-Q", "maint,fetch,build,notices", "--concurrency", "2", "-B"),
        "sender": (*celery, "-n", "sender@%h", "-Q", "send", "--concurrency", "1"),
        "web": (*uvicorn, "--host", web_host, "--port", str(web_port), "--no-proxy-headers", *_WEB_GRACE),
    }
    if receives:
        commands["receiver"] = (python, "-m", "newsletter.cli.main", "receive")
    return [
        Program(name=name, command=command, environment=environment, grace=_GRACE)
        for name, command in commands.items()
    ]


@contextmanager
def _broker(settings: Settings) -> Iterator[None]:
    """Run the embedded broker, unless the settings name a Redis."""
    if settings.redis_url:
        yield
        return
    broker = Broker(settings.broker_socket)
    broker.start()
    try:
        yield
    finally:
        broker.stop()
