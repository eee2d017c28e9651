"""Resend: calls that Svix signs, as Standard Webhooks has it, and Amazon's bounce types."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from standardwebhooks import Webhook

from newsletter.domain import webhooks
from newsletter.providers.base import Call, EventFeed, ProviderEvent, digest
from newsletter.providers.resend.events import Resend
from tests.clocks import NOON
from tests.providers.contract import SUPPRESSED, EventFeedContract, load, verdict

SECRETS = [webhooks.encode_secret(letter * 24) for letter in (b"o", b"n")]


class TestResend(EventFeedContract):
    """The contract, and Resend's own words; its SMTP gives nothing back that names our message."""

    provider = "resend"
    signs_time = timedelta(minutes=5)
    takes_many = False
    names_delivery = False

    @pytest.fixture
    def feed(self) -> EventFeed:
        return Resend()

    @pytest.fixture
    def secrets(self) -> list[str]:
        return SECRETS

    def call(self, found: object, secret: str, *, at: datetime = NOON) -> Call:
        body = json.dumps(found)
        call_id = f"msg_{digest(body.encode())[:16]}"
        headers = {
            "svix-id": call_id,
            "svix-timestamp": str(int(at.timestamp())),
            "svix-signature": Webhook(secret).sign(call_id, at, body),
        }
        return Call(headers, body.encode())

    @pytest.mark.parametrize("call_id", ["", "a.b", "x" * 300, "a\nb"])
    def test_a_call_without_a_name_is_refused(
        self, feed: EventFeed, secrets: list[str], call_id: str
    ) -> None:
        call = self.call(load("resend")["no mailbox"], secrets[0])

        assert self.refused(feed, Call(dict(call.headers) | {"svix-id": call_id}, call.body), secrets)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("no mailbox", ("bounced", "userunknown", "invalid_recipient", True, True)),
            ("provider suppressed", SUPPRESSED),
            ("mailbox full", ("bounced", "mailboxfull", "mailbox_full", False, True)),
            ("delayed", ("delayed", "undefined", "undetermined", False, False)),
            ("complaint", ("complained", "abuse", "complaint", False, True)),
            ("delivered", ("delivered", "delivered", "delivered", False, True)),
            ("opened", ("opened", "", "", False, False)),
            ("clicked", ("clicked", "", "", False, False)),
        ],
    )
    def test_what_its_events_mean(
        self, feed: EventFeed, secrets: list[str], name: str, expected: tuple[str, str, str, bool, bool]
    ) -> None:
        [event] = self.read(feed, self.call(load("resend")[name], secrets[0]))

        assert verdict(event) == expected

    def test_each_reader_of_a_call_is_an_event(self, feed: EventFeed, secrets: list[str]) -> None:
        found = load("resend")["no mailbox"]
        found["data"]["to"] = ["ada@example.com", "bob@example.com"]

        told = self.read(feed, self.call(found, secrets[0]))

        keys = {event.event_key: event.recipient for event in told if isinstance(event, ProviderEvent)}
        assert sorted(keys.values()) == ["ada@example.com", "bob@example.com"]
