"""Through a real Postfix and back: its own notices decide about readers; a mail in a Maildir lets one leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.domain import addresses
from newsletter.domain.outcomes import OutcomeKind
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.runtime.clock import SystemClock
from newsletter.store import Database, Session, outcomes, subscribers, subscriptions, suppressions
from newsletter.store.tables import Outcome, Subscriber
from tests.end_to_end.installation import PATIENCE, Installation
from tests.services.ports import free_port, wait_until
from tests.services.postfix import NoPostfix, Postfix

pytestmark = pytest.mark.end_to_end
ANA, UNKNOWN, FULL = "ana@reader.example", "nobody@reader.example", "full@reader.example"
DOMAIN = "b.post.example.com"


@pytest.fixture
def postfix(installation: Installation, tmp_path: Path) -> Iterator[Postfix]:
    """Run a Postfix between the installation's senders and its receiver; skip with the reason where that fails."""
    lmtp_port = free_port()
    try:
        server = Postfix(inbound_domain=DOMAIN, lmtp_port=lmtp_port)
    except NoPostfix as error:
        pytest.skip(str(error))
    for name in ("cur", "new", "tmp"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    installation.more |= {
        "NEWSLETTER_MAILDIR": str(tmp_path / "mail"),
        "NEWSLETTER_COLLECT_SECONDS": "1",
        "NEWSLETTER_INBOUND_DOMAIN": DOMAIN,
        "NEWSLETTER_RECEIVE_LMTP": f"127.0.0.1:{lmtp_port}",
        "NEWSLETTER_RELAY_PORT": str(server.port),
    }
    yield server
    print(server.log())
    server.close()


def mail_an_issue(installation: Installation, tmp_path: Path) -> int:
    """Send an issue to the three readers; return it."""
    readers = tmp_path / "readers.csv"
    rows = (f"{address},2026-01-01T00:00:00Z,paper form" for address in (ANA, UNKNOWN, FULL))
    readers.write_text("\n".join(["address,confirmed_at,consent", *rows]))
    installation.command(
        *("newsletters", "add", "daily", "--name", "The Daily", "--from-address", "news@post.example.com"),
        *("--postal-address", "The Harbour Post, 1 Quay Street, Porttown"),
    )
    installation.command("subscribers", "import", "daily", str(readers))
    installation.command("sources", "add", "daily", installation.feeds.feed_urls[0], "--include-existing")
    installation.start_all()
    issue_id: int = installation.told("issues", "plan", "daily")["id"]
    installation.command("issues", "send", str(issue_id))
    return issue_id


def bounces(database: Database, address: str) -> list[Outcome]:
    """Return what came back of a reader's messages and was worked off."""
    with database.reading() as session:
        found = outcomes.of_subscriber(session, reader(session, address).id)
    return [each for each in found if each.kind is OutcomeKind.BOUNCED and each.acted_at is not None]


def reader(session: Session, address: str) -> Subscriber:
    found = subscribers.find(session, addresses.parse(address))
    assert found is not None
    return found


def is_suppressed(database: Database, address: str) -> bool:
    with database.reading() as session:
        return address in suppressions.active_keys(session, [address], now=SystemClock().now())


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_right_readers_are_suppressed_counted_and_left_alone(
    installation: Installation, postfix: Postfix, database: Database, tmp_path: Path
) -> None:
    issue_id = mail_an_issue(installation, tmp_path)

    assert installation.await_receipt(issue_id)["submitted"] == 3
    for address in (UNKNOWN, FULL):
        wait_until(
            lambda: bounces(database, address) != [],  # noqa: B023 - called at once
            seconds=PATIENCE,
            what=f"the notice about {address} is worked off",
        )

    [unknown], [full] = (bounces(database, address) for address in (UNKNOWN, FULL))
    assert (unknown.category, unknown.identified_by) == ("invalid_recipient", "recipient")
    assert (full.category, full.identified_by) == ("mailbox_full", "recipient")
    assert bounces(database, ANA) == []
    assert [is_suppressed(database, address) for address in (UNKNOWN, FULL, ANA)] == [True, False, False]
    assert len(postfix.mails()) == 1

    leave_by_mail(installation, postfix)
    wait_until(lambda: has_left(database), seconds=PATIENCE, what="Ana has left")

    assert installation.stop("receiver") == 0


def leave_by_mail(installation: Installation, postfix: Postfix) -> None:
    """Deliver what Ana writes to the address that her issue offers for leaving."""
    [mail] = postfix.mails()
    offered = mail.replace(b"\n ", b" ").partition(b"<mailto:")[2].partition(b">")[0].decode()
    maildir = Path(installation.more["NEWSLETTER_MAILDIR"])
    letter = f"Delivered-To: {offered}\nFrom: {ANA}\nTo: {offered}\nSubject: Bye\n\n"
    (maildir / "new" / "1.mail").write_text(letter)


def has_left(database: Database) -> bool:
    with database.reading() as session:
        [subscription] = subscriptions.of_subscriber(session, reader(session, ANA).id)
        return subscription.status is SubscriptionStatus.ENDED
