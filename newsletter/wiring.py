"""Build the parts from the settings: the only place where they meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property

from newsletter import __version__
from newsletter.broker.bell import Bell
from newsletter.broker.limiter import Limiter
from newsletter.broker.rates import Rates
from newsletter.domain.errors import FetchError, InvalidInput
from newsletter.feedback import read
from newsletter.feedback.clicks import Clicks
from newsletter.feedback.means import Means
from newsletter.feedback.read import Progress
from newsletter.feedback.receive import Door
from newsletter.feeds.fetch import Fetcher
from newsletter.inbound.imap import ImapFolder
from newsletter.inbound.mail import Mailbox
from newsletter.inbound.maildir import Maildir
from newsletter.inbound.smtp_server import Certificate, Server
from newsletter.providers import registry
from newsletter.providers.base import EventFeed
from newsletter.rendering.environment import Environment
from newsletter.runtime import ids
from newsletter.runtime.clock import Clock, SystemClock
from newsletter.runtime.settings import Settings
from newsletter.sending import drain as draining
from newsletter.sending.drain import DrainReport
from newsletter.sending.pace import Pace
from newsletter.sending.throttle import Throttle
from newsletter.store import Database, Session, keys
from newsletter.transports.base import Source, Transport
from newsletter.transports.several import Several
from newsletter.transports.smtp import Engine, Relay, SmtpTransport

_QUICK_PATIENCE = 10.0  # seconds for an image, or a hub
_PROVIDER_PATIENCE = 5.0  # seconds for a provider's own server, while its call waits


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
    def clicks(self) -> Clicks:
        """Return what follows and counts the links of mails."""
        return Clicks(self.transaction, self.reading, limiter=self.limiter, clock=self.clock)

    @cached_property
    def environment(self) -> Environment:
        """Return the templates and words."""
        return Environment(self.settings.templates_dir)

    @cached_property
    def fetcher(self) -> Fetcher:
        """Return what reads feeds; it names itself and where to complain."""
        return Fetcher(self.settings.fetch_allow, self._agent, clock=self.clock)

    @cached_property
    def quick_fetcher(self) -> Fetcher:
        """Return what looks at images and asks hubs; it waits less long."""
        return Fetcher(self.settings.fetch_allow, self._agent, clock=self.clock, seconds=_QUICK_PATIENCE)

    @cached_property
    def event_feeds(self) -> Mapping[str, EventFeed]:
        """Return what understands the providers that are set up; raise InvalidInput for a secret that is none."""
        feeds = registry.feeds(self.ask_provider)
        for name, secrets in self.settings.providers.items():
            for secret in secrets:
                try:
                    feeds[name].check(secret.get_secret_value())
                except InvalidInput as error:
                    what = f"The setting NEWSLETTER_PROVIDERS cannot be used: {name}: {error.message}"
                    raise InvalidInput(what, hint=error.hint, reason=error.reason) from error
        return {name: feeds[name] for name in self.settings.providers}

    def ask_provider(self, url: str) -> bytes:
        """Return what stands at an address of a provider; raise FetchError for anything but a plain 200."""
        fetcher = Fetcher(
            self.settings.fetch_allow, self._agent, clock=self.clock, seconds=_PROVIDER_PATIENCE
        )
        found = fetcher.fetch(url)
        if found.status != 200 or found.final_url != url:
            raise FetchError("The provider's server did not answer as it should.", reason="bad_answer")
        return found.body

    def read_arrivals(self) -> Progress:
        """Read the mails and webhooks that came in, for at most 45 seconds."""
        settings = self.settings
        with self.reading() as session:
            paths = keys.return_paths(
                session, inbound_domain=settings.inbound_domain, message_domain=settings.message_domain
            )
        means = Means(
            paths=paths,
            feeds=registry.feeds(self.ask_provider),
            complaint_senders=settings.complaint_senders,
            authentication_server=settings.authentication_server,
        )
        return read.read_due(self.transaction, means, fetch=self.ask_provider, clock=self.clock)

    @cached_property
    def _agent(self) -> str:
        return f"newsletter/{__version__} (+{self.settings.public_url})"

    def transaction(self) -> AbstractContextManager[Session]:
        """Open a session that commits at the end of the block."""
        return self.database.transaction()

    def reading(self) -> AbstractContextManager[Session]:
        """Open a session that only reads."""
        return self.database.reading()

    @cached_property
    def relays(self) -> Sequence[Relay]:
        """Return the relays that messages go to."""
        settings = self.settings
        return [
            Relay(
                name=address.name,
                host=address.host,
                port=address.port,
                tls=address.tls,
                username=address.username,
                password=address.password,
                token=address.token,
                kind=address.kind,
                weight=address.weight,
                connections=address.connections,
                messages_per_connection=address.messages_per_connection,
                rate=address.rate,
                ca_file=settings.relay_ca_file,
                ehlo_name=settings.ehlo_name,
                timeout=settings.relay_timeout,
            )
            for address in settings.relay_addresses
        ]

    @cached_property
    def throttle(self) -> Throttle:
        """Return what says how fast messages may go."""
        return Throttle(
            transactions=self.transaction,
            rates=Rates(self.settings.broker_url, processes=self.settings.sender_processes, clock=self.clock),
            relays=self.relays,
            settings=self.settings,
            clock=self.clock,
            holder=self.holder,
        )

    def drain(self, *, should_stop: Callable[[], bool]) -> DrainReport:
        """Send what is due for at most 45 seconds."""
        return draining.drain(
            transactions=self.transaction,
            open_sender=self.open_sender,
            throttle=self.throttle,
            settings=self.settings,
            clock=self.clock,
            holder=self.holder,
            should_stop=should_stop,
        )

    def open_sender(self, source: Source) -> Engine:
        """Return an engine that sends what a source has."""
        return Engine(self.relays, source)

    def pace(self) -> Pace:
        """Return what lets single messages go in the time between others."""
        return Pace(self.throttle, [relay.name for relay in self.relays], self.clock)

    def receiver(self) -> Server:
        """Return what receives mail that comes back; raise Conflict when there are no keys yet."""
        settings = self.settings
        certificate = settings.receive_certificate
        door = Door(
            self.transaction,
            self.reading,
            inbound_domain=settings.inbound_domain,
            message_domain=settings.message_domain,
            roles=settings.receive_roles,
            ring=lambda: self.bell.ring("newsletter.feedback"),
            clock=self.clock,
        )
        return Server(
            door,
            name=settings.ehlo_name or settings.message_domain,
            certificate=Certificate(certificate, settings.receive_key) if certificate else None,
        )

    @cached_property
    def mailboxes(self) -> Sequence[Mailbox]:
        """Return where mail that comes back is collected from."""
        settings, found = self.settings, []
        if settings.imap_host:
            found.append(
                ImapFolder(
                    host=settings.imap_host,
                    port=settings.imap_port,
                    tls=settings.imap_tls,
                    username=settings.imap_username,
                    password=settings.imap_password.get_secret_value(),
                    token_file=settings.imap_token_file,
                    ca_file=settings.imap_ca_file,
                    folder=settings.imap_folder,
                    done_folder=settings.imap_done_folder,
                )
            )
        return [*found, *([Maildir(settings.maildir)] if settings.maildir else [])]

    def open_transport(self) -> Transport:
        """Return a transport to the relays, for one message at a time; the caller closes it."""
        return Several([SmtpTransport(relay) for relay in self.relays])


def build(settings: Settings, *, clock: Clock | None = None) -> App:
    """Put the service together."""
    return App(settings, clock=clock)
