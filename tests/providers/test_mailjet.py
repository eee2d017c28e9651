"""Mailjet: a login, and words for errors."""

from __future__ import annotations

import pytest

from newsletter.providers.base import EventFeed, ProviderEvent
from newsletter.providers.mailjet.events import Mailjet
from tests.providers.contract import SUPPRESSED, load, verdict
from tests.providers.login_contract import LoginFeedContract


class TestMailjet(LoginFeedContract):
    """The contract, and Mailjet's own words."""

    provider = "mailjet"

    @pytest.fixture
    def feed(self) -> EventFeed:
        return Mailjet()

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("no mailbox", ("bounced", "userunknown", "invalid_recipient", True, True)),
            ("perhaps no mailbox", ("bounced", "userunknown", "invalid_recipient", False, True)),
            ("mailbox full", ("bounced", "mailboxfull", "mailbox_full", False, True)),
            ("words alone", ("bounced", "mailboxfull", "mailbox_full", False, True)),
            ("provider suppressed", SUPPRESSED),
            ("told twice", ("unknown", "", "", False, False)),
            ("delivered", ("delivered", "delivered", "delivered", False, True)),
            ("complaint", ("complained", "abuse", "complaint", False, True)),
            ("unsubscribed", ("unsubscribed", "provider", "", False, False)),
            ("opened", ("opened", "", "", False, False)),
        ],
    )
    def test_what_its_events_mean(
        self, feed: EventFeed, secrets: list[str], name: str, expected: tuple[str, str, str, bool, bool]
    ) -> None:
        [event] = self.read(feed, self.call(load("mailjet")[name], secrets[0]))

        assert verdict(event) == expected

    def test_what_is_tried_again_is_a_delay(self, feed: EventFeed, secrets: list[str]) -> None:
        [event] = self.read(feed, self.call(load("mailjet")["delayed"], secrets[0]))

        assert isinstance(event, ProviderEvent)
        assert (event.kind, event.is_hard, event.is_final) == ("delayed", False, False)

    @pytest.mark.parametrize(
        ("error", "reason"),
        [
            ("mailbox inactive", "suspend"),
            ("invalid domain", "hostunknown"),
            ("relay/access denied", "norelaying"),
            ("sender blocked", "blocked"),
            ("content blocked", "spamdetected"),
            ("policy issue", "policyviolation"),
            ("system issue", "systemerror"),
            ("never heard of", "undefined"),
        ],
    )
    def test_an_error_stands_for_a_reason(
        self, feed: EventFeed, secrets: list[str], error: str, reason: str
    ) -> None:
        found = load("mailjet")["perhaps no mailbox"] | {"error": error}

        [event] = self.read(feed, self.call(found, secrets[0]))

        assert isinstance(event, ProviderEvent)
        assert event.reason == reason
