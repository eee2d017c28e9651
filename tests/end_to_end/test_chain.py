"""From a signed signup to a one-click unsubscribe, through real processes."""

from __future__ import annotations

import email
import email.policy
import signal
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.installation import Installation
from tests.services.ports import wait_until
from tests.services.sink import Received

pytestmark = pytest.mark.end_to_end
SLOT = 90.0  # seconds until the next slot of a schedule of minutes, and what follows it


def set_up(installation: Installation, *, cron: str = "* * * * *") -> None:
    """Add a newsletter, due every minute unless told, and one feed, whose present articles are not mailed."""
    installation.command(
        *("newsletters", "add", "daily", "--name", "The Daily", "--from-address", "news@post.example.com"),
        *("--postal-address", "The Harbour Post, 1 Quay Street, Porttown", "--zone", "Europe/Berlin"),
    )
    installation.command("topics", "add", "daily", "sport", "--name", "Sport")
    installation.command("sources", "add", "daily", installation.feeds.feed_urls[0], "--minutes", "1")
    if cron:
        installation.command("schedules", "add", "daily", cron)


def publish(installation: Installation, slug: str, title: str) -> None:
    """Let the website publish an article, and the service notice."""
    installation.feeds.add(
        slug=slug,
        title=title,
        summary=f"All about it: {title}.",
        now=datetime.now(UTC),  # noqa: TID251 - the processes read the machine's clock
    )


def digests(installation: Installation, address: str) -> list[Received]:
    """Return the digests among an address's mails."""
    return [
        received
        for received in installation.sink.to(address)
        if b"List-Unsubscribe-Post:" in received.message
    ]


def await_digests(installation: Installation, address: str, *, count: int) -> None:
    """Wait until an address has got so many digests: a poll within a minute, then the next slot."""
    wait_until(
        lambda: len(digests(installation, address)) >= count,
        seconds=2 * SLOT,
        what=f"digest {count} to {address}",
    )


def test_the_chain_from_a_signup_to_a_reader_who_has_left(installation: Installation) -> None:
    set_up(installation)
    installation.start_all()

    for address in ("ana@reader.example", "ben@reader.example"):
        answer = installation.sign_up(
            address, newsletter="daily", consent={"form_text": "Yes", "form_version": "1"}
        )
        assert answer.status_code == 202
        installation.confirm(address)
    publish(installation, "ferry", "The ferry returns")
    wait_until(
        lambda: len(digests(installation, "ben@reader.example")) == 1,
        seconds=2 * SLOT,
        what="the first digest",
    )
    (first,) = digests(installation, "ana@reader.example")
    leave_with_one_click(installation, first)
    publish(installation, "council", "The council votes")
    installation.command("sources", "poll", "1")
    wait_until(
        lambda: len(digests(installation, "ben@reader.example")) == 2,
        seconds=2 * SLOT,
        what="the second digest",
    )

    assert len(digests(installation, "ana@reader.example")) == 1
    bodies = [received.message for received in digests(installation, "ben@reader.example")]
    assert [b"The ferry returns" in body for body in bodies] == [True, False]
    assert [b"The council votes" in body for body in bodies] == [False, True]
    mailed = [issue for issue in installation.told("issues", "list") if issue["status"] == "mailed"]
    newest = installation.await_receipt(max(issue["id"] for issue in mailed))
    assert (newest["planned"], newest["submitted"]) == (1, 1)
    codes = installation.stop_all()
    assert -signal.SIGKILL not in codes.values(), f"a process did not stop when asked: {codes}"


def leave_with_one_click(installation: Installation, received: Received) -> None:
    """Do what a mailbox provider does when its reader clicks "unsubscribe" (RFC 8058 §3.2)."""
    message = email.message_from_bytes(received.message, policy=email.policy.default)
    uri = message["List-Unsubscribe"].split(",")[0].strip("<> ")
    answer = installation.post(urlsplit(uri).path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert "location" not in answer.headers
    assert "set-cookie" not in answer.headers
