"""By each way in, one report of a mail server ends in the same suppression, with real servers on the way."""

from __future__ import annotations

import io
import smtplib
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.cli import main
from newsletter.domain.arrivals import MailWay
from newsletter.feedback import suppress
from newsletter.feedback.collect import collect
from newsletter.feedback.receive import Door
from newsletter.inbound.imap import ImapFolder
from newsletter.inbound.mail import Mailbox
from newsletter.inbound.maildir import Maildir
from newsletter.store import Database, arrivals, suppressions
from tests.feedback.post import ADA, BOB, DOMAIN, MESSAGES, Post, bounce
from tests.services.dovecot import PASSWORD, Dovecot
from tests.services.receiving import receiving

Bring = Callable[[Post, bytes, str], None]


def by_socket(kind: type[smtplib.SMTP], post: Post, raw: bytes, recipient: str) -> None:
    """Hand a report to the receiver."""
    door = Door(
        post.database.transaction,
        post.database.reading,
        inbound_domain=DOMAIN,
        message_domain=MESSAGES,
        roles=(),
        ring=lambda: None,
        clock=post.clock,
    )
    with receiving(door) as receiver:
        port = receiver.lmtp if kind is smtplib.LMTP else receiver.smtp
        with kind("127.0.0.1", port) as client:
            client.sendmail("", [recipient], raw)


def from_mailbox(post: Post, mailbox: Mailbox) -> None:
    found = collect(
        post.database.transaction, mailbox, interval=timedelta(minutes=1), clock=post.clock, force=True
    )
    assert (found.new_count, found.fault) == (1, "")


@pytest.fixture
def ways(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[MailWay, Bring]:
    """Return what brings a report, by its way."""

    def by_maildir(post: Post, raw: bytes, recipient: str) -> None:
        for name in ("cur", "new", "tmp"):
            (tmp_path / "mail" / name).mkdir(parents=True)
        delivered = f"Delivered-To: {recipient}\r\n".encode() + raw
        (tmp_path / "mail" / "new" / "1").write_bytes(delivered)
        from_mailbox(post, Maildir(tmp_path / "mail"))

    def by_imap(post: Post, raw: bytes, recipient: str) -> None:
        server: Dovecot = request.getfixturevalue("dovecot")
        user = server.new_user()
        server.deliver(user, f"X-Original-To: {recipient}\r\n".encode() + raw)
        folder = ImapFolder(
            host="127.0.0.1",
            port=server.tls_port,
            username=user,
            password=PASSWORD,
            ca_file=server.ca_file,
        )
        from_mailbox(post, folder)

    def by_pipe(post: Post, raw: bytes, recipient: str) -> None:
        monkeypatch.setenv("DATABASE_URL", post.database.engine.url.render_as_string(hide_password=False))
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        with pytest.raises(SystemExit) as ended:
            main.run(["bounces", "ingest", f"--recipient={recipient}", "--sender=", "-"])
        assert ended.value.code == 0

    return {
        MailWay.LMTP: lambda post, raw, to: by_socket(smtplib.LMTP, post, raw, to),
        MailWay.SMTP: lambda post, raw, to: by_socket(smtplib.SMTP, post, raw, to),
        MailWay.MAILDIR: by_maildir,
        MailWay.IMAP: by_imap,
        MailWay.INGEST: by_pipe,
    }


def suppressed(database: Database, post: Post) -> set[str]:
    with database.reading() as session:
        return suppressions.active_keys(session, [ADA, BOB], now=post.clock.now())


@pytest.mark.parametrize("way", list(MailWay))
def test_a_report_by_each_way_suppresses_its_reader(
    post: Post, database: Database, ways: dict[MailWay, Bring], way: MailWay
) -> None:
    ways[way](post, bounce(), post.token("b"))

    post.read()
    suppress.suppress(database.transaction, now=post.clock.now())

    assert suppressed(database, post) == {ADA}
    with database.reading() as session:
        [arrival] = arrivals.listing(session, limit=10)
    assert (arrival.way, arrival.result) == (way, "recorded")
