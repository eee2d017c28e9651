"""SparkPost: a login, and objects two levels down."""

from __future__ import annotations

import pytest

from newsletter.providers.base import EventFeed, ProviderEvent, Unreadable
from newsletter.providers.sparkpost.events import SparkPost
from tests.providers.contract import SUPPRESSED, load, verdict
from tests.providers.login_contract import LoginFeedContract


class TestSparkPost(LoginFeedContract):
    """The contract, and SparkPost's own words."""

    provider = "sparkpost"

    @pytest.fixture
    def feed(self) -> EventFeed:
        return SparkPost()

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("no mailbox", ("bounced", "userunknown", "invalid_recipient", True, True)),
            ("domain of no use", ("bounced", "hostunknown", "invalid_domain", False, True)),
            ("found in a report", ("bounced", "mailboxfull", "mailbox_full", False, True)),
            ("our reputation", ("bounced", "blocked", "reputation", False, True)),
            ("away", ("auto_replied", "vacation", "auto_reply", False, False)),
            ("provider suppressed", SUPPRESSED),
            ("delivered", ("delivered", "delivered", "delivered", False, True)),
            ("complaint", ("complained", "abuse", "complaint", False, True)),
            ("opened", ("opened", "", "", False, False)),
            ("unsubscribed", ("unsubscribed", "provider", "", False, False)),
        ],
    )
    def test_what_its_events_mean(
        self, feed: EventFeed, secrets: list[str], name: str, expected: tuple[str, str, str, bool, bool]
    ) -> None:
        [event] = self.read(feed, self.call(load("sparkpost")[name], secrets[0]))

        assert verdict(event) == expected

    def test_what_is_tried_again_is_a_delay(self, feed: EventFeed, secrets: list[str]) -> None:
        [event] = self.read(feed, self.call(load("sparkpost")["delayed"], secrets[0]))

        assert isinstance(event, ProviderEvent)
        assert (event.kind, event.is_hard, event.is_final) == ("delayed", False, False)

    def test_an_empty_object_is_how_a_webhook_is_tried(self, feed: EventFeed) -> None:
        assert list(feed.events(b'[{"msys": {}}]', {})) == []

    def test_what_is_not_of_sparkpost_is_said_to_be_none(self, feed: EventFeed) -> None:
        [found] = feed.events(b'[{"type": "bounce"}]', {})

        assert found == Unreadable(0, "The event has no msys.")

    @pytest.mark.parametrize(
        ("bounce_class", "reason"),
        [
            ("1", "undefined"),
            ("20", "undefined"),
            ("23", "mesgtoobig"),
            ("24", "expired"),
            ("25", "policyviolation"),
            ("26", "provider_suppressed"),
            ("30", "userunknown"),
            ("50", "blocked"),
            ("52", "spamdetected"),
            ("53", "contenterror"),
            ("54", "norelaying"),
            ("90", "provider"),
            ("100", "challenge"),
            ("999", "undefined"),
        ],
    )
    def test_a_class_without_words_stands_for_a_reason(
        self, feed: EventFeed, secrets: list[str], bounce_class: str, reason: str
    ) -> None:
        found = load("sparkpost")["domain of no use"]
        found["msys"]["message_event"]["bounce_class"] = bounce_class

        [event] = self.read(feed, self.call(found, secrets[0]))

        assert isinstance(event, ProviderEvent)
        assert event.reason == reason
