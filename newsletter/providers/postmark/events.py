"""Understand the events of Postmark: one object a call, told apart by RecordType (README.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from newsletter.providers import fields, verdicts
from newsletter.providers.base import Found, event_key
from newsletter.providers.fields import Fields
from newsletter.providers.logins import LoginFeed
from newsletter.providers.verdicts import Verdict

_PLAIN = {
    "Delivery": verdicts.DELIVERED,
    "Open": verdicts.OPENED,
    "Click": verdicts.CLICKED,
    "SpamComplaint": verdicts.complained(),
}
# Bounce types that mean one thing, whatever the text says.
_TYPES = {
    "Blocked": verdicts.bounced("blocked"),
    "DMARCPolicy": verdicts.bounced("authfailure"),
    "SpamNotification": verdicts.bounced("spamdetected"),
    "VirusNotification": verdicts.bounced("virusdetected"),
    "AutoResponder": verdicts.auto_replied("vacation"),
    "AddressChange": verdicts.auto_replied("moved"),
    "ChallengeVerification": verdicts.auto_replied("challenge"),
    "SpamComplaint": verdicts.complained(),
    "ManuallyDeactivated": verdicts.SUPPRESSED,
    "Unsubscribe": verdicts.UNSUBSCRIBED,
}
_BY_TEXT = {
    "HardBounce": "userunknown",
    "BadEmailAddress": "userunknown",
    "SoftBounce": "undefined",
    "SMTPApiError": "undefined",
    "Unknown": "undefined",
}
_SUPPRESSIONS = {"HardBounce": verdicts.SUPPRESSED, "SpamComplaint": verdicts.complained()}


class Postmark(LoginFeed):
    """The webhooks of a message stream."""

    def events(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Found]:  # noqa: ARG002
        """Yield the event of a call."""
        for entry in fields.entries(body):
            yield _read(entry[1]) if isinstance(entry, tuple) else entry


def _read(found: Fields) -> Found:
    record = found.text("RecordType")
    recipient = found.address("Email", "Recipient")
    at = found.instant("BouncedAt", "DeliveredAt", "ReceivedAt", "ChangedAt")
    # Only bounces and complaints have an id; it is theirs alone, and large.
    own_id = found.text("ID") or f"{found.text('MessageID')} {recipient} {at}"
    return verdicts.event(
        _verdict(record, found),
        event_key=event_key("postmark", record, own_id),
        at=at,
        name=" ".join(filter(None, (record, found.text("Type", "SuppressionReason")))),
        recipient=recipient,
        delivery=found.inner("Metadata").delivery("delivery"),
        provider_message_id=found.text("MessageID"),
        text=found.text("Details", "Description"),
    )


def _verdict(record: str, found: Fields) -> Verdict:
    match record:
        case "Bounce":
            return _bounce(found)
        case "SubscriptionChange" if found.is_true("SuppressSending"):
            by_reader = found.text("Origin") == "Recipient"
            otherwise = verdicts.UNSUBSCRIBED if by_reader else verdicts.SUPPRESSED
            return _SUPPRESSIONS.get(found.text("SuppressionReason"), otherwise)
        case _:
            return _PLAIN.get(record, verdicts.UNKNOWN)


def _bounce(found: Fields) -> Verdict:
    kind = found.text("Type")
    text = found.text("Details")  # never Description: it names all that such a bounce may be
    if kind in _TYPES:
        return _TYPES[kind]
    if kind in {"Transient", "DnsError"}:
        return verdicts.delayed(text)
    if kind in _BY_TEXT:
        return verdicts.judged(text, otherwise=_BY_TEXT[kind])
    return verdicts.UNKNOWN
