"""Build the parts from the settings: the only place where they meet."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cached_property

from newsletter import __version__
from newsletter.broker.bell import Bell
from newsletter.broker.limiter import Limiter
from newsletter.feeds.fetch import Fetcher
from newsletter.rendering.environment import Environment
from newsletter.runtime import ids
from newsletter.runtime.clock import Clock, SystemClock
from newsletter.runtime.settings import Settings
from newsletter.store import Database, Session
from newsletter.transports.smtp import Relay, SmtpTransport


class App:
    """Hold the parts of one process; each is made when it is first asked for."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None) -> None:
        """Take the settings; nothing is opened yet."""
        self.settings = settings
        self.clock = clock or SystemClock()
        self.holder = ids.worker_name()

    @cached_property
    def database(self) -> Database:
        """Return the database."""
        return Database(self.settings.database)

    @cached_property
    def bell(self) -> Bell:
        """Return what rings for workers."""
        return Bell(self.settings.broker_url)

    @cached_property
    def limiter(self) -> Limiter:
        """Return the shared rate limiter."""
        return Limiter(self.settings.broker_url, clock=self.clock)

    @cached_property
    def environment(self) -> Environment:
        """Return the templates and words."""
        return Environment(self.settings.templates_dir)

    @cached_property
    def fetcher(self) -> Fetcher:
        """Return what reads feeds; it names itself and where to complain."""
        agent = f"newsletter/{__version__} (+{self.settings.public_url})"
        return Fetcher(self.settings.fetch_allow, agent, clock=self.clock)

    def transaction(self) -> AbstractContextManager[Session]:
        """Open a session that commits at the end of the block."""
        return self.database.transaction()

    def reading(self) -> AbstractContextManager[Session]:
        """Open a session that only reads."""
        return self.database.reading()

    def open_transport(self) -> SmtpTransport:
        """Return a transport to the relay; the caller closes it."""
        settings = self.settings
        return SmtpTransport(
            Relay(
                host=settings.relay_host,
                port=settings.relay_port,
                tls=settings.relay_tls,
                username=settings.relay_username,
                password=settings.relay_password.get_secret_value(),
                ca_file=settings.relay_ca_file,
                timeout=settings.relay_timeout,
                ehlo_name=settings.ehlo_name,
            )
        )


def build(settings: Settings, *, clock: Clock | None = None) -> App:
    """Put the service together."""
    return App(settings, clock=clock)
