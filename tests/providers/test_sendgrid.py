"""SendGrid: signatures of an ECDSA key over timestamp and body, and what its events mean."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newsletter.domain.errors import InvalidInput
from newsletter.providers.base import Call, EventFeed, ProviderEvent
from newsletter.providers.sendgrid.events import SendGrid
from tests.clocks import NOON
from tests.providers.contract import SUPPRESSED, EventFeedContract, load, verdict


def public(key: ec.EllipticCurvePrivateKey) -> str:
    """Return a key as the console shows it."""
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(der).decode()


KEYS = {public(key): key for key in (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))}


class TestSendGrid(EventFeedContract):
    """The contract, and SendGrid's own words."""

    provider = "sendgrid"

    @pytest.fixture
    def feed(self) -> EventFeed:
        return SendGrid()

    @pytest.fixture
    def secrets(self) -> list[str]:
        return list(KEYS)

    def call(self, found: object, secret: str, *, at: datetime = NOON) -> Call:
        body = json.dumps(found if isinstance(found, list) else [found]).encode()
        timestamp = str(int(at.timestamp()))
        signature = KEYS[secret].sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
        return Call(
            {
                "x-twilio-email-event-webhook-signature": b64encode(signature).decode(),
                "x-twilio-email-event-webhook-timestamp": timestamp,
            },
            body,
        )

    def test_a_signature_is_good_for_its_own_timestamp_only(
        self, feed: EventFeed, secrets: list[str]
    ) -> None:
        call = self.call(load("sendgrid")["no mailbox"], secrets[0])
        later = dict(call.headers) | {
            "x-twilio-email-event-webhook-timestamp": str(int(NOON.timestamp()) + 1)
        }

        assert self.refused(feed, Call(later, call.body), secrets)

    def test_a_key_on_another_curve_is_none_of_sendgrids(self, feed: EventFeed) -> None:
        with pytest.raises(InvalidInput, match="P-256"):
            feed.check(public(ec.generate_private_key(ec.SECP384R1())))

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("no mailbox", ("bounced", "userunknown", "invalid_recipient", True, True)),
            ("no mailbox and no words", ("bounced", "userunknown", "invalid_recipient", True, True)),
            ("mailbox full", ("bounced", "mailboxfull", "mailbox_full", False, True)),
            ("our reputation", ("bounced", "blocked", "reputation", False, True)),
            ("blocked in strange words", ("bounced", "rejected", "policy", False, True)),
            ("provider suppressed", SUPPRESSED),
            ("no address at all", ("bounced", "syntaxerror", "policy", False, True)),
            ("delayed", ("delayed", "speeding", "rate_limited", False, False)),
            ("delivered", ("delivered", "delivered", "delivered", False, True)),
            ("submitted", ("submitted", "", "", False, False)),
            ("opened", ("opened", "", "", False, False)),
            ("opened by a machine", ("opened", "machine", "", False, False)),
            ("clicked", ("clicked", "", "", False, False)),
            ("complaint", ("complained", "abuse", "complaint", False, True)),
            ("unsubscribed", ("unsubscribed", "provider", "", False, False)),
        ],
    )
    def test_what_its_events_mean(
        self, feed: EventFeed, secrets: list[str], name: str, expected: tuple[str, str, str, bool, bool]
    ) -> None:
        [event] = self.read(feed, self.call(load("sendgrid")[name], secrets[0]))

        assert verdict(event) == expected

    def test_all_that_it_tells_is_kept(self, feed: EventFeed, secrets: list[str]) -> None:
        [event] = self.read(feed, self.call(load("sendgrid")["no mailbox"], secrets[0]))

        assert isinstance(event, ProviderEvent)
        assert event.name == "bounce bounce Invalid Address"
        assert event.message_id == "m-0000000000@news.example.com"
        assert event.provider_message_id.startswith("tPq3f0ZkR6uXwYv1aBcDeF")
        assert (event.status, event.reply_code) == ("5.1.1", 550)
        assert event.text.startswith("550 5.1.1 <ada@example.com>")
