"""Postmark: a login in the webhook's address, and record types."""

from __future__ import annotations

import pytest

from newsletter.providers.base import EventFeed, ProviderEvent
from newsletter.providers.postmark.events import Postmark
from tests.providers.contract import SUPPRESSED, load, verdict
from tests.providers.login_contract import LoginFeedContract


class TestPostmark(LoginFeedContract):
    """The contract, and Postmark's own words."""

    provider = "postmark"

    @pytest.fixture
    def feed(self) -> EventFeed:
        return Postmark()

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("no mailbox", ("bounced", "userunknown", "invalid_recipient", True, True)),
            ("no mailbox and no words", ("bounced", "userunknown", "invalid_recipient", True, True)),
            ("our reputation", ("bounced", "blocked", "reputation", False, True)),
            ("soft", ("bounced", "undefined", "undetermined", False, True)),
            ("blocked", ("bounced", "blocked", "reputation", False, True)),
            ("our authentication", ("bounced", "authfailure", "authentication", False, True)),
            ("away", ("auto_replied", "vacation", "auto_reply", False, False)),
            ("moved", ("auto_replied", "moved", "auto_reply", False, False)),
            ("complaint", ("complained", "abuse", "complaint", False, True)),
            ("unsubscribed", ("unsubscribed", "provider", "", False, False)),
            ("provider suppressed", SUPPRESSED),
            ("put on the list by hand", SUPPRESSED),
            ("taken off the list", ("unknown", "", "", False, False)),
            ("delivered", ("delivered", "delivered", "delivered", False, True)),
            ("opened", ("opened", "", "", False, False)),
            ("clicked", ("clicked", "", "", False, False)),
        ],
    )
    def test_what_its_events_mean(
        self, feed: EventFeed, secrets: list[str], name: str, expected: tuple[str, str, str, bool, bool]
    ) -> None:
        [event] = self.read(feed, self.call(load("postmark")[name], secrets[0]))

        assert verdict(event) == expected

    def test_a_transient_failure_is_a_delay(self, feed: EventFeed, secrets: list[str]) -> None:
        [event] = self.read(feed, self.call(load("postmark")["delayed"], secrets[0]))

        assert isinstance(event, ProviderEvent)
        assert (event.kind, event.is_hard, event.is_final) == ("delayed", False, False)

    def test_all_that_it_tells_is_kept(self, feed: EventFeed, secrets: list[str]) -> None:
        [event] = self.read(feed, self.call(load("postmark")["no mailbox"], secrets[0]))

        assert isinstance(event, ProviderEvent)
        assert event.name == "Bounce HardBounce"
        assert event.provider_message_id == "883953f4-6105-42a2-a16a-77a8eac79483"
        assert (event.status, event.reply_code) == ("5.1.1", 550)
        assert event.text.startswith("smtp;550 5.1.1 The email account")
