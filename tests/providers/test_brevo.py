"""Brevo: a login, and flat objects without an id."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.providers.base import EventFeed, ProviderEvent
from newsletter.providers.brevo.events import Brevo
from tests.clocks import NOON
from tests.providers.contract import SUPPRESSED, load, verdict
from tests.providers.login_contract import LoginFeedContract


class TestBrevo(LoginFeedContract):
    """The contract, and Brevo's own words."""

    provider = "brevo"

    @pytest.fixture
    def feed(self) -> EventFeed:
        return Brevo()

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("no mailbox", ("bounced", "userunknown", "invalid_recipient", True, True)),
            ("mailbox full", ("bounced", "mailboxfull", "mailbox_full", False, True)),
            ("passing", ("bounced", "userunknown", "invalid_recipient", False, True)),
            ("no address at all", ("bounced", "syntaxerror", "policy", False, True)),
            ("provider suppressed", SUPPRESSED),
            ("delivered", ("delivered", "delivered", "delivered", False, True)),
            ("complaint", ("complained", "abuse", "complaint", False, True)),
            ("unsubscribed", ("unsubscribed", "provider", "", False, False)),
            ("our own trouble", ("bounced", "systemerror", "system", False, True)),
        ],
    )
    def test_what_its_events_mean(
        self, feed: EventFeed, secrets: list[str], name: str, expected: tuple[str, str, str, bool, bool]
    ) -> None:
        [event] = self.read(feed, self.call(load("brevo")[name], secrets[0]))

        assert verdict(event) == expected

    def test_what_is_tried_again_is_a_delay(self, feed: EventFeed, secrets: list[str]) -> None:
        [event] = self.read(feed, self.call(load("brevo")["delayed"], secrets[0]))

        assert isinstance(event, ProviderEvent)
        assert (event.kind, event.is_hard, event.is_final) == ("delayed", False, False)

    def test_the_time_is_read_in_seconds_and_in_milliseconds(
        self, feed: EventFeed, secrets: list[str]
    ) -> None:
        found = load("brevo")["no mailbox"]
        del found["ts_event"], found["ts"]

        [event] = self.read(feed, self.call(found, secrets[0]))

        assert isinstance(event, ProviderEvent)
        assert event.at == NOON - timedelta(seconds=108)
