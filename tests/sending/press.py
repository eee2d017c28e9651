"""Take an issue from its articles to an SMTP server, with the real use cases."""

from __future__ import annotations

import email
import email.policy
import quopri
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage

from newsletter.broker.rates import Rates
from newsletter.digest import build as building
from newsletter.digest import desk
from newsletter.digest import plan as planning
from newsletter.domain.issues import IssueStatus
from newsletter.domain.mailings import Receipt
from newsletter.rendering.environment import Environment
from newsletter.reporting import receipts
from newsletter.runtime.settings import Settings
from newsletter.sending import drain as draining
from newsletter.sending import expand as expanding
from newsletter.sending.drain import DrainReport
from newsletter.sending.throttle import Throttle
from newsletter.store import Database, Transactions, newsletters
from newsletter.transports.base import Source
from newsletter.transports.smtp import Engine, Relay
from tests.builders import EDITOR, add_article
from tests.clocks import FixedClock
from tests.services.sink import Received, Sink

ENVIRONMENT = Environment()


@dataclass
class Press:
    """Hold what the tests of sending work with."""

    database: Database
    clock: FixedClock
    sink: Sink
    settings: Settings
    connections: int = 4

    def add_articles(self, newsletter_id: int, *titles: str, topics: int = 0) -> None:
        """Add articles a minute from now, and let another minute pass."""
        self.clock.advance(timedelta(minutes=1))
        with self.database.transaction() as session:
            newsletter = newsletters.get(session, newsletter_id)
            for title in titles:
                add_article(session, newsletter, title=title, seen_at=self.clock.now(), topics=topics)
        self.clock.advance(timedelta(minutes=1))

    def expand(self, newsletter_id: int) -> int:
        """Plan, build and expand an issue of what is new; return its mailing."""
        now = self.clock.now()
        with self.database.transaction() as session:
            issue_id = planning.plan_now(session, newsletter_id, now=now).id
            desk.approve(session, issue_id, actor=EDITOR, now=now)
        status = building.build(self.database.transaction, issue_id, environment=ENVIRONMENT, now=now)
        assert status is IssueStatus.BUILT
        mailing_id = expanding.expand(self.database.transaction, issue_id, now=now)
        assert mailing_id is not None
        return mailing_id

    def drain(
        self,
        *,
        holder: str = "worker",
        watch: Callable[[Source], Source] = lambda source: source,
        transactions: Transactions | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> DrainReport:
        """Send what is due; ``watch`` may put something between the engine and what feeds it."""
        transactions = transactions or self.database.transaction
        return draining.drain(
            transactions=transactions,
            open_sender=lambda source: Engine([self.relay], watch(source)),
            throttle=self.throttle(transactions, holder=holder),
            settings=self.settings,
            clock=self.clock,
            holder=holder,
            should_stop=should_stop,
        )

    @property
    def relay(self) -> Relay:
        """Return the relay of the test."""
        return Relay(
            host="127.0.0.1", port=self.sink.port, tls="off", timeout=5, connections=self.connections
        )

    def throttle(self, transactions: Transactions, *, holder: str = "worker") -> Throttle:
        """Return a throttle of a process of its own."""
        return Throttle(
            transactions=transactions,
            rates=Rates(""),
            relays=[self.relay],
            settings=self.settings,
            clock=self.clock,
            holder=holder,
        )

    def receipt(self, mailing_id: int) -> Receipt:
        """Return the receipt, which must add up at any time."""
        with self.database.reading() as session:
            found = receipts.receipt(session, mailing_id)
        assert found.adds_up, found
        return found

    def titles_to(self, address: str) -> list[list[str]]:
        """Return the headlines of each mail that an address got, in the order of the mail."""
        return [headlines(received) for received in self.sink.to(address)]


def parsed(received: Received) -> EmailMessage:
    """Read a message as a mail client does."""
    return email.message_from_bytes(received.message, policy=email.policy.default)


def headlines(received: Received) -> list[str]:
    """Return the headlines that a mail links to."""
    found = re.findall(
        r'<a[^>]*href="https://(?:post\.example\.com/\d+|[^"/]+/r/[^"]+)"[^>]*>\s*([^<]+?)\s*</a>',
        quopri.decodestring(received.message).decode(),  # both parts: hundreds of mails are read by each test
    )
    return list(dict.fromkeys(found))
