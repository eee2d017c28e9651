"""Let each provider's call go the whole way: taken, kept, read, identified, and acted upon for the right reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from newsletter.domain.relays import RelayKind
from newsletter.domain.suppressions import SuppressionReason
from newsletter.feedback import read
from newsletter.feedback.means import Means
from newsletter.feedback.suppress import suppress
from newsletter.providers.base import Call
from newsletter.store import suppressions
from newsletter.web.app import create_app
from newsletter.wiring import App
from tests.clocks import FixedClock
from tests.feedback.post import ADA, BOB, Post
from tests.feeds.http_server import Website
from tests.providers import sns
from tests.providers.contract import load
from tests.web.test_provider_hooks import PROVIDERS, amazon, near
from tests.web.test_provider_hooks import post as send

__all__ = ["amazon"]  # a fixture


@dataclass
class Chain:
    """Hold everything from the web route to the policy, and a newsletter that mailed Ada and Bob."""

    app: App
    web: TestClient
    post: Post

    def tell(self, kind: RelayKind, *names: str) -> None:
        """Let a provider call about the message to Ada, and do all that follows."""
        caller, secrets = PROVIDERS[kind]
        named = f"{self.post.mailings[0]}-{self.post.readers[ADA]}"
        for name in names:
            found = json.loads(json.dumps(load(kind)[name]).replace("7-4711", named))
            self.bring(kind, caller.call(found, secrets[0]))
        self.work()

    def bring(self, kind: RelayKind, call: Call) -> None:
        """Let a provider call."""
        assert send(self.web, kind, call).status_code == 200

    def work(self) -> None:
        """Do what workers do."""
        means = Means(paths=self.post.paths, feeds=self.app.event_feeds)
        read.read_due(self.app.transaction, means, fetch=self.app.ask_provider, clock=self.app.clock)
        suppress(self.app.transaction, now=self.app.clock.now(), ask_dns=lambda _domain: None)

    def reasons(self, address: str) -> list[str]:
        """Return why an address is suppressed."""
        with self.app.reading() as session:
            return [found.reason for found in suppressions.of_address(session, address)]


@pytest.fixture
def chain(amazon: Website, sqlite_url: str, tmp_path: Path, clock: FixedClock) -> Iterator[Chain]:
    """Mail Ada and Bob at noon."""
    app = near(amazon, sqlite_url, tmp_path, clock)
    with TestClient(create_app(app)) as web:
        yield Chain(app, web, Post.begin(app.database))
    app.database.dispose()


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_mailbox_that_does_not_exist_is_suppressed(chain: Chain, kind: RelayKind) -> None:
    chain.tell(kind, "no mailbox")

    assert chain.reasons(ADA) == [SuppressionReason.HARD_BOUNCE]
    assert chain.reasons(BOB) == []


@pytest.mark.parametrize("kind", PROVIDERS)
def test_a_complaint_suppresses_and_what_is_no_failure_does_not(chain: Chain, kind: RelayKind) -> None:
    chain.tell(kind, "delayed", "delivered", "never heard of")
    assert chain.reasons(ADA) == []
    assert {outcome.kind.value for outcome in chain.post.outcomes()} == {"delayed", "delivered"}

    chain.tell(kind, "complaint")
    assert chain.reasons(ADA) == [SuppressionReason.COMPLAINT]
    assert chain.reasons(BOB) == []


@pytest.mark.parametrize("kind", [RelayKind.SES, RelayKind.MAILGUN])
def test_whom_the_provider_suppresses_we_suppress_and_our_own_fault_is_nobodys(
    chain: Chain, kind: RelayKind
) -> None:
    chain.tell(kind, "our reputation")
    assert chain.reasons(ADA) == []
    assert [outcome.category for outcome in chain.post.outcomes()] == ["reputation"]

    chain.tell(kind, "provider suppressed")
    assert len(chain.reasons(ADA)) == 1


def test_an_event_about_a_stranger_does_nothing(chain: Chain) -> None:
    caller, secrets = PROVIDERS[RelayKind.SENDGRID]
    found = load(RelayKind.SENDGRID)["no mailbox"] | {"email": "eve@example.org"}

    chain.bring(RelayKind.SENDGRID, caller.call(found, secrets[0]))
    chain.work()

    assert chain.reasons("eve@example.org") == []
    assert chain.post.outcomes() == []


def test_a_subscription_is_confirmed_once_by_the_worker_that_reads_it(chain: Chain, amazon: Website) -> None:
    message = sns.confirmation()
    arn = sns.TOPIC.replace(":", "%3A")
    path = f"/?Action=ConfirmSubscription&Token={message['Token']}&TopicArn={arn}&Version=2010-03-31"
    amazon.put(path, b"<ConfirmSubscriptionResponse/>")

    for _ in range(2):
        chain.bring(RelayKind.SES, Call({}, sns.signed(message)))
        chain.work()

    assert [asked for asked, _ in amazon.requests if "Action" in asked] == [path]
