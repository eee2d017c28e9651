"""Understand the events of Amazon SES, which come over an SNS topic (README.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from newsletter.domain.errors import InvalidInput
from newsletter.domain.tokens import Delivery
from newsletter.providers import fields, verdicts
from newsletter.providers.base import (
    Call,
    FeedNotice,
    Fetch,
    Found,
    Unreadable,
    check_age,
    event_key,
    refused,
)
from newsletter.providers.fields import Fields
from newsletter.providers.ses import signature
from newsletter.providers.ses.signature import Certificates
from newsletter.providers.verdicts import Verdict

_TAGS = "x-ses-message-tags"
_API_VERSION = "2010-03-31"

_PLAIN = {
    "Send": verdicts.SUBMITTED,
    "Delivery": verdicts.DELIVERED,
    "Open": verdicts.OPENED,
    "Click": verdicts.CLICKED,
    "Reject": verdicts.bounced("virusdetected"),  # the only reason for which SES rejects what it had taken
}
# Where the readers of an event are listed.
_READERS = {
    "Bounce": "bouncedRecipients",
    "Complaint": "complainedRecipients",
    "DeliveryDelay": "delayedRecipients",
}


class Ses:
    """The events of a configuration set, or the feedback notifications of an identity."""

    def __init__(self, fetch: Fetch) -> None:
        """``fetch`` asks for certificates."""
        self._certificates = Certificates(fetch)

    def check(self, secret: str) -> None:
        """Take the ARN of a topic: SNS signs for every customer of Amazon, so the topic is what tells ours."""
        signature.read_topic(secret)

    def authenticate(self, call: Call, secrets: Sequence[str], *, now: datetime) -> str:
        """Return the MessageId when SNS signed the message for one of the topics."""
        message = fields.parse(call.body)
        arn = message.exact("TopicArn")
        if arn is None or arn not in secrets:
            raise refused("foreign_topic")
        if message.exact("Type") not in signature.TYPES:
            raise refused("unknown_type")
        check_age(message.instant("Timestamp"), now=now)
        key = self._certificates.key(
            message.exact("SigningCertURL") or "", signature.read_topic(arn), now=now
        )
        signature.verify(message, key)
        return message.text("MessageId")

    def events(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Found]:  # noqa: ARG002
        """Yield one event for each reader of a notification, or what SNS says about the subscription."""
        message = fields.parse(body)
        match message.exact("Type"):
            case "Notification":
                yield from _notification(message)
            case "SubscriptionConfirmation":
                yield _confirmation(message)
            case "UnsubscribeConfirmation":
                yield FeedNotice(text=f"SNS ended the subscription to {message.text('TopicArn')}.")
            case _:
                yield Unreadable(0, "The body is no message of SNS.")


def _notification(message: Fields) -> Iterator[Found]:
    told = fields.parse(message.exact("Message") or "")
    name = told.text("eventType", "notificationType")
    if not name:
        # SNS carries whatever is published; SES itself writes a sentence when a topic is connected.
        yield FeedNotice(
            text=f"SNS brought no event of SES: {fields.plain(message.exact('Message') or '', 200)}"
        )
        return
    about = told.inner(name[:1].lower() + name[1:])
    mail = told.inner("mail")
    for reader in _readers(name, about, mail):
        recipient = reader.address("emailAddress")
        text = reader.text("diagnosticCode")
        status = reader.text("status")
        verdict = _verdict(name, about, text, status)
        yield verdicts.event(
            verdict,
            event_key=event_key("ses", message.text("MessageId"), recipient),
            at=about.instant("timestamp") or mail.instant("timestamp"),
            name=" ".join(filter(None, (name, *_words(about)))),
            recipient=recipient,
            delivery=_delivery(mail),
            message_id=_header(mail, "message-id").strip("<> "),
            provider_message_id=mail.text("messageId"),
            status=status,
            text=text or about.text("reason", "smtpResponse"),
        )


def _readers(name: str, about: Fields, mail: Fields) -> Iterable[Fields]:
    """Return who an event is about, with what was said of each; those that list nobody are about all."""
    listed = about.each(_READERS.get(name, ""))
    return listed or [Fields({"emailAddress": address}) for address in mail.texts("destination")]


def _verdict(name: str, about: Fields, text: str, status: str) -> Verdict:
    match name:
        case "Bounce":
            return verdicts.amazon(about.text("bounceType"), about.text("bounceSubType"), text, status=status)
        case "Complaint" if about.text("complaintSubType") == "OnAccountSuppressionList":
            return verdicts.SUPPRESSED  # no person complained of this message
        case "Complaint":
            return verdicts.complained(about.text("complaintFeedbackType"))
        case "DeliveryDelay":
            return verdicts.delayed(text, status=status)
        case "Subscription" if about.inner("newTopicPreferences").is_true("unsubscribeAll"):
            return verdicts.UNSUBSCRIBED
        case _:
            return _PLAIN.get(name, verdicts.UNKNOWN)


def _words(about: Fields) -> list[str]:
    names = ("bounceType", "bounceSubType", "complaintFeedbackType", "complaintSubType", "delayType")
    return [about.text(name) for name in names]


def _delivery(mail: Fields) -> Delivery | None:
    """Return our message by its tag; feedback notifications have no tags, but the header fields if asked to."""
    for text in mail.inner("tags").texts("delivery"):
        return fields.read_delivery(text)
    for tag in _header(mail, _TAGS).split(","):
        name, _, value = tag.partition("=")
        if name.strip() == "delivery":
            return fields.read_delivery(value)
    return None


def _header(mail: Fields, name: str) -> str:
    return next(
        (field.text("value") for field in mail.each("headers") if field.text("name").lower() == name), ""
    )


def _confirmation(message: Fields) -> Found:
    """Return what confirms the subscription: a question to the topic's own region that we write ourselves."""
    arn = message.text("TopicArn")
    try:
        topic = signature.read_topic(arn)
    except InvalidInput:
        return Unreadable(0, "The subscription is to no topic.")
    if not (message.exact("SubscribeURL") or "").startswith(f"https://{topic.host}/?"):
        return Unreadable(0, "The subscription is not confirmed at the region of its topic.")
    query = urlencode(
        {
            "Action": "ConfirmSubscription",
            "Token": message.exact("Token") or "",
            "TopicArn": arn,
            "Version": _API_VERSION,
        }
    )
    return FeedNotice(
        text=f"SNS asks to confirm the subscription to {arn}.", confirm_url=f"https://{topic.host}/?{query}"
    )
