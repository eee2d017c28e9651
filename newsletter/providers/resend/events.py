"""Understand the events of Resend: one object a call, signed as Standard Webhooks has it (README.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from newsletter.domain import webhooks
from newsletter.domain.errors import InvalidInput
from newsletter.providers import fields, verdicts
from newsletter.providers.base import Call, Found, bad_secret, event_key
from newsletter.providers.fields import Fields
from newsletter.providers.verdicts import Verdict

_PLAIN = {
    "email.sent": verdicts.SUBMITTED,
    "email.delivered": verdicts.DELIVERED,
    "email.opened": verdicts.OPENED,
    "email.clicked": verdicts.CLICKED,
    "email.complained": verdicts.complained(),
    "email.suppressed": verdicts.SUPPRESSED,
}


class Resend:
    """The webhooks, which Svix delivers."""

    def check(self, secret: str) -> None:
        """Take a signing secret as the console shows it."""
        try:
            key = webhooks.decode_secret(secret)
        except InvalidInput as error:
            raise bad_secret(
                "A secret of Resend must be its Signing Secret, which begins with whsec_."
            ) from error
        if len(key) < 16:
            raise bad_secret("A secret of Resend must have at least 16 octets.")

    def authenticate(self, call: Call, secrets: Sequence[str], *, now: datetime) -> str:
        """Return the call's id; Svix signs each attempt anew, so five minutes are enough."""
        signed = {
            f"webhook-{part}": call.headers.get(f"svix-{part}", "")
            for part in ("id", "timestamp", "signature")
        }
        return webhooks.verify(signed, call.body, [webhooks.decode_secret(text) for text in secrets], now=now)

    def events(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Found]:
        """Yield one event for each reader of a call."""
        for entry in fields.entries(body):
            if isinstance(entry, tuple):
                yield from _read(entry[1], call_id=headers.get("svix-id", ""))
            else:
                yield entry


def _read(found: Fields, *, call_id: str) -> Iterator[Found]:
    name = found.text("type")
    told = found.inner("data")
    bounce = told.inner("bounce")
    at = found.instant("created_at")
    text = bounce.text("message")
    own_id = call_id or f"{told.text('email_id')} {name} {at}"
    for recipient in told.texts("to") or [""]:
        yield verdicts.event(
            _verdict(name, bounce, text, told),
            event_key=event_key("resend", own_id, recipient),
            at=at,
            name=" ".join(filter(None, (name, bounce.text("type"), bounce.text("subType")))),
            recipient=recipient,
            message_id=told.message_id("message_id"),
            provider_message_id=told.text("email_id"),
            text=text,
        )


def _verdict(name: str, bounce: Fields, text: str, told: Fields) -> Verdict:
    match name:
        case "email.bounced":
            return verdicts.amazon(bounce.text("type"), bounce.text("subType"), text)
        case "email.delivery_delayed":
            return verdicts.delayed(text)
        case "email.failed":
            return verdicts.blameless(verdicts.judged(told.inner("failed").text("reason")))
        case _:
            return _PLAIN.get(name, verdicts.UNKNOWN)
