"""Mailgun: a signature in the body, over timestamp and token alone."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime

import pytest

from newsletter.providers.base import Call, EventFeed, ProviderEvent, Unreadable, digest
from newsletter.providers.mailgun.events import Mailgun
from tests.clocks import NOON
from tests.providers.contract import SUPPRESSED, EventFeedContract, events, load, verdict

KEYS = ["key-of-the-first-signing", "key-of-the-second-signing"]
TOKEN = "f" * 50


def signature(secret: str, *, at: datetime = NOON, token: str = TOKEN) -> dict[str, str]:
    """Sign as Mailgun does."""
    timestamp = str(int(at.timestamp()))
    mac = hmac.new(secret.encode(), f"{timestamp}{token}".encode(), hashlib.sha256)
    return {"timestamp": timestamp, "token": token, "signature": mac.hexdigest()}


class TestMailgun(EventFeedContract):
    """The contract, and Mailgun's own words."""

    provider = "mailgun"
    signs_body = False
    takes_many = False

    @pytest.fixture
    def feed(self) -> EventFeed:
        return Mailgun()

    @pytest.fixture
    def secrets(self) -> list[str]:
        return KEYS

    def call(self, found: object, secret: str, *, at: datetime = NOON) -> Call:
        token = digest(json.dumps(found).encode())[:50]
        signed = signature(secret, at=at, token=token)
        return Call({}, json.dumps({"signature": signed, "event-data": found}).encode())

    def test_a_call_is_named_by_its_token_whatever_stands_beside_it(
        self, feed: EventFeed, secrets: list[str]
    ) -> None:
        call = self.call(load("mailgun")["no mailbox"], secrets[0])

        names = {feed.authenticate(one, secrets, now=NOON) for one in (call, self.tampered(call))}

        assert len(names) == 1

    def test_the_main_account_signs_for_its_subaccounts(self, feed: EventFeed) -> None:
        signed = signature("the-subaccounts-own-key")
        signed["parent-signature"] = signature(KEYS[0])["signature"]
        call = Call({}, json.dumps({"signature": signed, "event-data": {}}).encode())

        assert feed.authenticate(call, KEYS, now=NOON) == TOKEN

    def test_the_same_event_told_by_two_webhooks_is_one(self, feed: EventFeed) -> None:
        found = load("mailgun")["no mailbox"]
        bodies = [
            json.dumps({"signature": signature(KEYS[0], token=token * 50), "event-data": found}).encode()
            for token in "ab"
        ]

        assert len({event.event_key for body in bodies for event in events(list(feed.events(body, {})))}) == 1

    def test_a_call_without_an_event_is_said_to_have_none(self, feed: EventFeed) -> None:
        [found] = feed.events(json.dumps({"signature": signature(KEYS[0])}).encode(), {})

        assert found == Unreadable(0, "The call has no event-data.")

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("no mailbox", ("bounced", "userunknown", "invalid_recipient", True, True)),
            ("provider suppressed", SUPPRESSED),
            ("given up", ("bounced", "expired", "transit", False, True)),
            ("our reputation", ("bounced", "blocked", "reputation", False, True)),
            ("rejected", ("bounced", "policyviolation", "policy", False, True)),
            ("delivered", ("delivered", "delivered", "delivered", False, True)),
            ("submitted", ("submitted", "", "", False, False)),
            ("complaint", ("complained", "abuse", "complaint", False, True)),
            ("unsubscribed", ("unsubscribed", "provider", "", False, False)),
            ("opened", ("opened", "", "", False, False)),
            ("clicked", ("clicked", "", "", False, False)),
        ],
    )
    def test_what_its_events_mean(
        self, feed: EventFeed, secrets: list[str], name: str, expected: tuple[str, str, str, bool, bool]
    ) -> None:
        [event] = self.read(feed, self.call(load("mailgun")[name], secrets[0]))

        assert verdict(event) == expected

    def test_a_temporary_failure_is_a_delay(self, feed: EventFeed, secrets: list[str]) -> None:
        [event] = self.read(feed, self.call(load("mailgun")["delayed"], secrets[0]))

        assert isinstance(event, ProviderEvent)
        assert (event.kind, event.is_hard, event.is_final) == ("delayed", False, False)

    def test_all_that_it_tells_is_kept(self, feed: EventFeed, secrets: list[str]) -> None:
        [event] = self.read(feed, self.call(load("mailgun")["no mailbox"], secrets[0]))

        assert isinstance(event, ProviderEvent)
        assert event.name == "failed permanent bounce"
        assert event.message_id == "m-0000000000@news.example.com"
        assert (event.status, event.reply_code) == ("5.1.1", 550)
        assert event.text.startswith("5.1.1 <ada@example.com>")
