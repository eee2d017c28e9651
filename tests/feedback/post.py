"""A newsletter that mailed two readers, and the mails that come back to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.domain.arrivals import MailWay
from newsletter.domain.mailings import MessageStatus
from newsletter.domain.return_paths import ReturnPaths
from newsletter.domain.tokens import Delivery, LocalPartKind, sign_local_part
from newsletter.feedback import read
from newsletter.feedback.means import Means
from newsletter.providers import registry
from newsletter.providers.base import Fetch
from newsletter.store import Database, Session, arrivals, keys, messages, outcomes
from newsletter.store.tables import Arrival, Newsletter, Outcome
from tests.builders import add_newsletter, add_reader
from tests.clocks import NOON, FixedClock
from tests.store.plans import add_mailing

DOMAIN, MESSAGES = "b.post.example", "news.post.example"
ADA, BOB = "ada@example.com", "bob@example.com"


def no_fetch(url: str) -> bytes:
    """Refuse to ask for anything."""
    raise AssertionError(url)


@dataclass
class Post:
    """Hold an installation whose first mailing went to Ada and Bob at noon."""

    database: Database
    newsletter: Newsletter
    readers: dict[str, int]
    mailings: list[int]
    paths: ReturnPaths
    clock: FixedClock = field(default_factory=FixedClock)

    @classmethod
    def begin(cls, database: Database) -> Post:
        """Make it."""
        with database.transaction() as session:
            newsletter = add_newsletter(session)
            readers = {address: add_reader(session, newsletter, address).id for address in (ADA, BOB)}
            paths = keys.return_paths(session, inbound_domain=DOMAIN, message_domain=MESSAGES)
        post = cls(database, newsletter, readers, [], paths)
        post.mail(at=NOON)
        return post

    def mail(self, *, at: datetime, status: MessageStatus = MessageStatus.SUBMITTED) -> int:
        """Send an issue to everybody; return the mailing."""
        with self.database.transaction() as session:
            mailing = add_mailing(session, self.newsletter, at=at)
            rows = [(mailing, reader, 0, 250, status, b"\1") for reader in self.readers.values()]
            messages.append(session, rows)
        self.mailings.append(mailing)
        return mailing

    def token(
        self, kind: LocalPartKind = "b", address: str = ADA, *, mailing: int | None = None, days: int = 0
    ) -> str:
        """Return the address, or Message-ID without brackets, that a message to a reader bears."""
        ring = self.paths.return_path if kind == "b" else self.paths.links
        domain = MESSAGES if kind == "m" else DOMAIN
        delivery = Delivery(mailing or self.mailings[0], self.readers[address])
        day = (self.clock.now() - timedelta(days=days)).date()
        return f"{sign_local_part(kind, delivery, ring, domain=domain, day=day)}@{domain}"

    def come(
        self, raw: bytes, *, recipient: str | None = None, sender: str | None = "", way: str = MailWay.LMTP
    ) -> Arrival:
        """Let a mail or body come in and be read; return the arrival."""
        with self.database.transaction() as session:
            arrivals.keep(session, way=way, raw=raw, now=self.clock.now(), recipient=recipient, sender=sender)
        self.read()
        with self.database.reading() as session:
            return session.query(Arrival).order_by(Arrival.id.desc()).limit(1).one()

    def read(
        self,
        *,
        fetch: Fetch = no_fetch,
        complaint_senders: frozenset[str] = frozenset(),
        authentication_server: str = "",
    ) -> int:
        """Read what waits."""
        means = Means(
            paths=self.paths,
            feeds=registry.feeds(no_fetch),
            complaint_senders=complaint_senders,
            authentication_server=authentication_server,
        )
        return read.read_due(self.database.transaction, means, fetch=fetch, clock=self.clock).count

    def outcomes(self, address: str = ADA) -> list[Outcome]:
        """Return what is known of a reader's messages, newest first."""
        with self.database.reading() as session:
            return outcomes.of_subscriber(session, self.readers[address])

    def reading(self) -> Session:
        """Return a session that the test closes."""
        return Session(self.database.engine)


def bounce(
    recipient: str = ADA,
    *,
    status: str = "5.1.1",
    action: str = "failed",
    text: str = "550 5.1.1 User unknown",
    returned: str = "",
    envelope_id: str = "",
    to: str = "",
    sender: str = "MAILER-DAEMON@mx.example.net",
) -> bytes:
    """Return a report of RFC 3464 about one recipient."""
    lines = [
        f"From: Mail Delivery System <{sender}>",
        f"To: {to or 'news@post.example.com'}",
        "Subject: Undelivered Mail Returned to Sender",
        "MIME-Version: 1.0",
        "Auto-Submitted: auto-replied",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="cut"',
        "",
        "--cut",
        "Content-Type: text/plain",
        "",
        "Your message could not be delivered.",
        "--cut",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.example.net",
        *([f"Original-Envelope-Id: {envelope_id}"] if envelope_id else []),
        "",
        f"Final-Recipient: rfc822; {recipient}",
        f"Action: {action}",
        f"Status: {status}",
        f"Diagnostic-Code: smtp; {text}",
        "--cut",
        "Content-Type: text/rfc822-headers",
        "",
        returned or "Subject: The Daily",
        "",
        "--cut--",
        "",
    ]
    return "\r\n".join(lines).encode()


def complaint(kind: str = "abuse", *, recipient: str = "", returned: str = "", sign: str = "") -> bytes:
    """Return a report of RFC 5965."""
    lines = [
        *([f"Authentication-Results: {sign}"] if sign else []),
        "From: <fbl@provider.example>",
        "To: abuse@post.example.com",
        "Subject: complaint about message from 192.0.2.1",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=feedback-report; boundary="cut"',
        "",
        "--cut",
        "Content-Type: text/plain",
        "",
        "This is an email abuse report.",
        "--cut",
        "Content-Type: message/feedback-report",
        "",
        f"Feedback-Type: {kind}",
        "User-Agent: Loop/1.0",
        "Version: 1",
        *([f"Original-Rcpt-To: <{recipient}>"] if recipient else []),
        "",
        "--cut",
        "Content-Type: message/rfc822",
        "",
        returned or "Subject: The Daily",
        "",
        "Hello",
        "--cut--",
        "",
    ]
    return "\r\n".join(lines).encode()


def letter(
    *fields: str, body: str = "Hello there.", sender: str = ADA, subject: str = "Re: The Daily"
) -> bytes:
    """Return a mail that a person wrote."""
    lines = [
        f"From: {sender}",
        f"Subject: {subject}",
        "Message-ID: <one@reader.example>",
        *fields,
        "",
        body,
        "",
    ]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")
