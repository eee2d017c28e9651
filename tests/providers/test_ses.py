"""Amazon SES over SNS: signatures, certificates, topics, and what its events mean."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from newsletter.domain.errors import FetchError, InvalidInput
from newsletter.domain.tokens import Delivery
from newsletter.providers.base import Call, EventFeed, FeedNotice, ProviderEvent, Unreadable
from newsletter.providers.ses.events import Ses
from tests.clocks import NOON
from tests.providers import sns
from tests.providers.contract import SUPPRESSED, EventFeedContract, events, load, verdict
from tests.providers.sns import HOST, OTHER_TOPIC, TOPIC, Amazon


class TestSes(EventFeedContract):
    """The contract, and Amazon's own words; a secret of SES is a topic."""

    provider = "ses"
    takes_many = False

    @pytest.fixture
    def amazon(self) -> Amazon:
        return Amazon()

    @pytest.fixture
    def feed(self, amazon: Amazon) -> EventFeed:
        return Ses(amazon.fetch)

    @pytest.fixture
    def secrets(self) -> list[str]:
        return [TOPIC, OTHER_TOPIC]

    def call(self, found: object, secret: str, *, at: datetime = NOON) -> Call:
        return Call({}, sns.signed(sns.notification(found, at=at, topic=secret)))

    @pytest.mark.parametrize("version", ["1", "2"])
    @pytest.mark.parametrize("subject", ["Hello", None])
    def test_both_versions_of_the_signature_are_good(
        self, feed: EventFeed, version: str, subject: str | None
    ) -> None:
        message = sns.notification({"eventType": "Open"}, SignatureVersion=version, Subject=subject)

        name = feed.authenticate(Call({}, sns.signed(message)), [TOPIC], now=NOON)

        assert name == message["MessageId"]

    @pytest.mark.parametrize("name", ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"])
    def test_no_signed_field_can_be_changed(self, feed: EventFeed, name: str) -> None:
        message = json.loads(sns.signed(sns.notification({"eventType": "Open"})))
        other = {"TopicArn": OTHER_TOPIC, "Type": "UnsubscribeConfirmation"}
        changed = message | {name: other.get(name, message[name].replace("0", "1") + " ")}

        assert not self.refused(feed, Call({}, json.dumps(message).encode()), [TOPIC, OTHER_TOPIC])
        assert self.refused(feed, Call({}, json.dumps(changed).encode()), [TOPIC, OTHER_TOPIC])

    def test_a_version_cannot_be_made_up(self, feed: EventFeed) -> None:
        message = sns.notification({"eventType": "Open"}, SignatureVersion="3")

        assert self.refused(feed, Call({}, sns.signed(message)), [TOPIC])

    def test_what_another_key_signed_is_refused(self, feed: EventFeed) -> None:
        body = sns.signed(sns.notification({"eventType": "Open"}), sns.FOREIGN_KEY)

        assert self.refused(feed, Call({}, body), [TOPIC])

    def test_a_foreign_topic_is_refused_before_anything_is_fetched(
        self, feed: EventFeed, amazon: Amazon
    ) -> None:
        body = sns.signed(sns.notification({"eventType": "Open"}, topic=TOPIC + "s"))

        assert self.refused(feed, Call({}, body), [TOPIC])
        assert amazon.asked == []

    @pytest.mark.parametrize(
        "url",
        [
            "",
            f"http://{HOST}/SimpleNotificationService-0.pem",
            f"HTTPS://{HOST}/SimpleNotificationService-0.pem",
            f"https://{HOST}:443/SimpleNotificationService-0.pem",
            f"https://{HOST}:8443/SimpleNotificationService-0.pem",
            f"https://{HOST}@evil.example/SimpleNotificationService-0.pem",
            f"https://a@{HOST}/SimpleNotificationService-0.pem",
            f"https://{HOST}.evil.example/SimpleNotificationService-0.pem",
            f"https://evil.example/{HOST}/SimpleNotificationService-0.pem",
            f"https://evil.example?https://{HOST}/SimpleNotificationService-0.pem",
            f"https://evil-{HOST}/SimpleNotificationService-0.pem",
            "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0.pem",
            "https://sns.eu-west-1.amazonaws.com.cn/SimpleNotificationService-0.pem",
            "https://sns.amazonaws.com/SimpleNotificationService-0.pem",
            "https://bucket.s3.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem",
            f"https://{HOST}/SimpleNotificationService-0.pem?x",
            f"https://{HOST}/SimpleNotificationService-0.pem#x",
            f"https://{HOST}/SimpleNotificationService-0.pem\n",
            f"https://{HOST}/SimpleNotificationService-/../x.pem",
            f"https://{HOST}/x/SimpleNotificationService-0.pem",
            f"https://{HOST}/other.pem",
            f"https://{HOST}\\@evil.example/SimpleNotificationService-0.pem",
            f" https://{HOST}/SimpleNotificationService-0.pem",
        ],
    )
    def test_certificates_come_from_the_topics_own_region_only(
        self, feed: EventFeed, amazon: Amazon, url: str
    ) -> None:
        amazon.documents[url] = sns.certificate()
        body = sns.signed(sns.notification({"eventType": "Open"}, SigningCertURL=url))

        assert self.refused(feed, Call({}, body), [TOPIC])
        assert amazon.asked == []

    @pytest.mark.parametrize(
        ("arn", "host"),
        [
            ("arn:aws-cn:sns:cn-north-1:123456789012:t", "sns.cn-north-1.amazonaws.com.cn"),
            ("arn:aws-us-gov:sns:us-gov-west-1:123456789012:t", "sns.us-gov-west-1.amazonaws.com"),
        ],
    )
    def test_other_partitions_have_hosts_of_their_own(
        self, feed: EventFeed, amazon: Amazon, arn: str, host: str
    ) -> None:
        url = f"https://{host}/SimpleNotificationService-0.pem"
        amazon.documents[url] = sns.certificate(alternative=host)
        body = sns.signed(sns.notification({"eventType": "Open"}, topic=arn, SigningCertURL=url))

        assert feed.authenticate(Call({}, body), [arn], now=NOON)

    @pytest.mark.parametrize(
        ("pem", "is_good"),
        [
            (sns.certificate(alternative=HOST), True),
            (sns.certificate(alternative=None), True),
            (sns.certificate(alternative="sns.us-east-1.amazonaws.com"), False),
            (sns.certificate(alternative="ses.amazonaws.com"), False),
            (sns.certificate(name="evil.example", alternative=None), False),
            (sns.certificate(until=NOON - timedelta(seconds=1)), False),
            (sns.certificate(since=NOON + timedelta(seconds=1)), False),
            (b"no certificate", False),
            (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", False),
            (b"", False),
        ],
        ids=range(10),
    )
    def test_a_certificate_is_sns_own_and_valid_now(
        self, feed: EventFeed, amazon: Amazon, pem: bytes, *, is_good: bool
    ) -> None:
        amazon.documents[sns.CERTIFICATE_URL] = pem
        body = sns.signed(sns.notification({"eventType": "Open"}))

        assert self.refused(feed, Call({}, body), [TOPIC]) is not is_good

    def test_a_certificate_with_a_weak_key_is_refused(self, feed: EventFeed, amazon: Amazon) -> None:
        weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        amazon.documents[sns.CERTIFICATE_URL] = sns.certificate(weak)
        body = sns.signed(sns.notification({"eventType": "Open"}), weak)

        assert self.refused(feed, Call({}, body), [TOPIC])

    def test_a_certificate_is_fetched_once(self, feed: EventFeed, amazon: Amazon) -> None:
        for _ in range(3):
            feed.authenticate(self.call({"eventType": "Open"}, TOPIC), [TOPIC], now=NOON)

        assert amazon.asked == [sns.CERTIFICATE_URL]

    def test_a_certificate_that_was_kept_ends_too(self, feed: EventFeed) -> None:
        feed.authenticate(self.call({"eventType": "Open"}, TOPIC), [TOPIC], now=NOON)
        later = NOON + timedelta(days=301)

        assert self.refused(feed, self.call({"eventType": "Open"}, TOPIC, at=later), [TOPIC], now=later)

    def test_when_amazon_is_away_nothing_is_decided(self, feed: EventFeed, amazon: Amazon) -> None:
        amazon.documents.clear()

        with pytest.raises(FetchError):
            feed.authenticate(self.call({"eventType": "Open"}, TOPIC), [TOPIC], now=NOON)

    def test_made_up_addresses_cost_ten_fetches_a_minute(self, feed: EventFeed, amazon: Amazon) -> None:
        def ask(number: int, *, now: datetime = NOON) -> None:
            url = f"https://{HOST}/SimpleNotificationService-{number}.pem"
            body = sns.signed(sns.notification({"eventType": "Open"}, SigningCertURL=url))
            with pytest.raises(FetchError):
                feed.authenticate(Call({}, body), [TOPIC], now=now)

        for number in range(30):
            ask(number)
        assert len(amazon.asked) == 10

        ask(31, now=NOON + timedelta(minutes=1))
        assert len(amazon.asked) == 11

    def test_a_subscription_is_confirmed_at_the_region_by_an_address_of_our_own(
        self, feed: EventFeed, amazon: Amazon
    ) -> None:
        message = sns.confirmation()
        call = Call({}, sns.signed(message))

        feed.authenticate(call, [TOPIC], now=NOON)
        [notice] = self.read(feed, call)

        assert isinstance(notice, FeedNotice)
        parts = urlsplit(notice.confirm_url)
        assert (parts.scheme, parts.netloc, parts.path) == ("https", HOST, "/")
        assert parse_qs(parts.query) == {
            "Action": ["ConfirmSubscription"],
            "Token": [message["Token"]],
            "TopicArn": [TOPIC],
            "Version": ["2010-03-31"],
        }
        assert notice.confirm_url not in amazon.asked  # that is work for later, and not ours

    @pytest.mark.parametrize(
        "url", [f"https://{HOST}.evil.example/?Action=x", "https://evil.example/?Action=x", "", None]
    )
    def test_a_subscription_elsewhere_is_never_confirmed(self, feed: EventFeed, url: str | None) -> None:
        [found] = feed.events(sns.signed(sns.confirmation(SubscribeURL=url)), {})

        assert isinstance(found, Unreadable)

    def test_a_subscription_to_a_foreign_topic_is_refused(self, feed: EventFeed) -> None:
        body = sns.signed(sns.confirmation(TopicArn=OTHER_TOPIC))

        assert self.refused(feed, Call({}, body), [TOPIC])

    def test_the_end_of_a_subscription_is_shown_and_not_undone(self, feed: EventFeed) -> None:
        call = Call({}, sns.signed(sns.confirmation("UnsubscribeConfirmation")))

        feed.authenticate(call, [TOPIC], now=NOON)
        [notice] = self.read(feed, call)

        assert notice == FeedNotice(text=f"SNS ended the subscription to {TOPIC}.")

    def test_a_sentence_of_sns_is_shown(self, feed: EventFeed) -> None:
        told = "Successfully validated SNS topic for Amazon SES event publishing."

        [notice] = self.read(feed, self.call(told, TOPIC))

        assert isinstance(notice, FeedNotice)
        assert told in notice.text
        assert notice.confirm_url == ""

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("no mailbox", ("bounced", "userunknown", "invalid_recipient", True, True)),
            ("our reputation", ("bounced", "blocked", "reputation", False, True)),
            ("nothing said", ("bounced", "userunknown", "invalid_recipient", True, True)),
            ("provider suppressed", SUPPRESSED),
            ("mailbox full", ("bounced", "mailboxfull", "mailbox_full", False, True)),
            ("complaint", ("complained", "abuse", "complaint", False, True)),
            ("complaint taken back", ("unknown", "not-spam", "complaint", False, True)),
            ("complaint of long ago", SUPPRESSED),
            ("delivered", ("delivered", "delivered", "delivered", False, True)),
            ("delayed", ("delayed", "networkerror", "transit", False, False)),
            ("rejected", ("bounced", "virusdetected", "content", False, True)),
            ("opened", ("opened", "", "", False, False)),
            ("clicked", ("clicked", "", "", False, False)),
            ("submitted", ("submitted", "", "", False, False)),
            ("unsubscribed", ("unsubscribed", "provider", "", False, False)),
        ],
    )
    def test_what_its_events_mean(
        self, feed: EventFeed, name: str, expected: tuple[str, str, str, bool, bool]
    ) -> None:
        [event] = self.read(feed, self.call(load("ses")[name], TOPIC))

        assert verdict(event) == expected
        assert isinstance(event, ProviderEvent)
        assert event.delivery == Delivery(7, 4711)

    @pytest.mark.parametrize(
        ("kind", "subtype", "reason"),
        [
            ("Permanent", "NoEmail", "userunknown"),
            ("Permanent", "Suppressed", "provider_suppressed"),
            ("Transient", "MessageTooLarge", "mesgtoobig"),
            ("Transient", "ContentRejected", "contenterror"),
            ("Transient", "AttachmentRejected", "contenterror"),
            ("Transient", "General", "undefined"),
            ("Undetermined", "Undetermined", "undefined"),
            ("Brandnew", "Entirely", "undefined"),
        ],
    )
    def test_a_type_without_words_stands_for_a_reason(
        self, feed: EventFeed, kind: str, subtype: str, reason: str
    ) -> None:
        found = _bounce(bounceType=kind, bounceSubType=subtype)

        [event] = self.read(feed, self.call(found, TOPIC))

        assert isinstance(event, ProviderEvent)
        assert event.reason == reason

    def test_what_amazon_calls_passing_is_never_hard(self, feed: EventFeed) -> None:
        found = _bounce(bounceType="Transient", bounceSubType="General")
        found["bounce"]["bouncedRecipients"][0]["diagnosticCode"] = "smtp; 550 5.1.1 User unknown"

        [event] = self.read(feed, self.call(found, TOPIC))

        assert verdict(event) == ("bounced", "userunknown", "invalid_recipient", False, True)

    def test_each_reader_of_one_notification_is_an_event(self, feed: EventFeed) -> None:
        found = _bounce()
        found["bounce"]["bouncedRecipients"].append(
            {
                "emailAddress": "bob@example.com",
                "status": "5.2.2",
                "diagnosticCode": "smtp; 552 5.2.2 mailbox full",
            }
        )
        found["bounce"]["bouncedRecipients"].insert(1, "no object")

        told = list(events(self.read(feed, self.call(found, TOPIC))))

        assert {event.recipient: event.reason for event in told if event.recipient} == {
            "ada@example.com": "userunknown",
            "bob@example.com": "mailboxfull",
        }
        assert len({event.event_key for event in told}) == len(told)

    def test_all_that_it_tells_is_kept(self, feed: EventFeed) -> None:
        [event] = self.read(feed, self.call(load("ses")["no mailbox"], TOPIC))

        assert isinstance(event, ProviderEvent)
        assert event.name == "Bounce Permanent General"
        assert event.message_id == "m-0000000000@news.example.com"
        assert event.provider_message_id.startswith("0102019a1b2c2f10-")
        assert (event.status, event.reply_code) == ("5.1.1", 550)
        assert "User unknown" in event.text

    @pytest.mark.parametrize(
        "arn",
        [
            "newsletter",
            "arn:aws:sqs:eu-west-1:123456789012:newsletter",
            "arn:aws:sns:eu-west-1.evil.example/:123456789012:x",
            "arn:aws:sns:eu-west-1:123456789012:x\n",
            "arn:aws:sns:eu-west-1:12345:x",
            "arn:aws:sns:" + "a" * 5000,
        ],
    )
    def test_a_topic_is_named_by_its_arn(self, feed: EventFeed, arn: str) -> None:
        with pytest.raises(InvalidInput, match="ARNs of SNS topics"):
            feed.check(arn)

    def test_a_verification_takes_no_time(self, feed: EventFeed) -> None:
        call = self.call(load("ses")["no mailbox"], TOPIC)
        feed.authenticate(call, [TOPIC], now=NOON)

        start = time.perf_counter()
        feed.authenticate(call, [TOPIC], now=NOON)

        assert time.perf_counter() - start < 0.1


def _bounce(**changes: str) -> dict[str, Any]:
    """Return a bounce in which the receiver says nothing, of a type."""
    found: dict[str, Any] = load("ses")["nothing said"]
    found["bounce"] |= changes
    return found
