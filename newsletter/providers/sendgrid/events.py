"""Understand the events of SendGrid: an array of flat objects, signed with an ECDSA key (README.md)."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from newsletter.providers import fields, verdicts
from newsletter.providers.base import Call, Found, bad_secret, check_age, digest, event_key, refused
from newsletter.providers.fields import Fields
from newsletter.providers.verdicts import Verdict

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_TIMESTAMP = "x-twilio-email-event-webhook-timestamp"

_PLAIN = {
    "processed": verdicts.SUBMITTED,
    "delivered": verdicts.DELIVERED,
    "click": verdicts.CLICKED,
    "spamreport": verdicts.complained(),
    "unsubscribe": verdicts.UNSUBSCRIBED,
    "group_unsubscribe": verdicts.UNSUBSCRIBED,
}
# What SendGrid takes a bounce for, where the text decides nothing ("bounce_classification").
_CLASSES = {
    "invalid address": "userunknown",
    "technical failure": "networkerror",
    "content": "contenterror",
    "reputation": "badreputation",
    "frequency or volume too high": "speeding",
}
_DROPPED = {
    "bounced address": verdicts.SUPPRESSED,
    "unsubscribed address": verdicts.SUPPRESSED,
    "spam reporting address": verdicts.SUPPRESSED,
    "invalid": verdicts.bounced("syntaxerror"),
    "spam content (if spam checker app enabled)": verdicts.bounced("spamdetected"),
}


class SendGrid:
    """The signed Event Webhook."""

    def check(self, secret: str) -> None:
        """Take the verification key as the console shows it."""
        _key(secret)

    def authenticate(self, call: Call, secrets: Sequence[str], *, now: datetime) -> str:
        """Return the digest of the body when one of the keys signed it with its timestamp."""
        timestamp = call.headers.get(_TIMESTAMP, "")
        check_age(fields.read_instant(timestamp), now=now)
        signed = timestamp.encode("utf-8", "replace") + call.body
        try:
            signature = b64decode(call.headers.get(_SIGNATURE, ""), validate=True)
        except ValueError as error:
            raise refused("bad_signature") from error
        if not any(_is_signed(_key(secret), signature, signed) for secret in secrets):
            raise refused("bad_signature")
        return digest(call.body)

    def events(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Found]:  # noqa: ARG002
        """Yield one event for each object."""
        for entry in fields.entries(body):
            yield _read(entry[1]) if isinstance(entry, tuple) else entry


def _read(found: Fields) -> Found:
    name = found.text("event")
    text = found.text("reason", "response")
    recipient = found.address("email")
    at = found.instant("timestamp")
    own_id = found.text("sg_event_id") or f"{found.text('sg_message_id')} {name} {recipient} {at}"
    return verdicts.event(
        _verdict(name, found, text),
        event_key=event_key("sendgrid", own_id),
        at=at,
        name=" ".join(filter(None, (name, found.text("type"), found.text("bounce_classification")))),
        recipient=recipient,
        delivery=found.delivery("delivery"),
        message_id=found.message_id("smtp-id"),
        provider_message_id=found.text("sg_message_id"),
        status=found.text("status"),
        text=text,
    )


def _verdict(name: str, found: Fields, text: str) -> Verdict:
    match name:
        case "bounce":
            word = _CLASSES.get(found.text("bounce_classification").lower(), "undefined")
            verdict = verdicts.judged(text, status=found.text("status"), otherwise=word)
            # A block is the receiver's "not from you, or not now": SendGrid itself goes on writing to the address.
            return verdicts.blameless(verdict) if found.text("type") == "blocked" else verdict
        case "blocked":
            return verdicts.blameless(verdicts.judged(text, status=found.text("status")))
        case "deferred":
            return verdicts.delayed(text, status=found.text("status"))
        case "dropped":
            return _DROPPED.get(text.lower()) or verdicts.blameless(verdicts.judged(text))
        case "open":
            is_machine = found.is_true("sg_machine_open")
            return verdicts.OPENED_BY_MACHINE if is_machine else verdicts.OPENED
        case _:
            return _PLAIN.get(name, verdicts.UNKNOWN)


def _key(secret: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(b64decode(secret, validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise bad_secret("A key of SendGrid must be the Verification Key of its console.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise bad_secret("A key of SendGrid must be an ECDSA key on the curve P-256.")
    return key


def _is_signed(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
