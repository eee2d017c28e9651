"""Understand the events of Mailgun: one object a call, with a signature inside (README.md)."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from newsletter.providers import fields, verdicts
from newsletter.providers.base import Call, Found, Unreadable, bad_secret, check_age, event_key, refused
from newsletter.providers.fields import Fields
from newsletter.providers.verdicts import Verdict

_PLAIN = {
    "accepted": verdicts.SUBMITTED,
    "delivered": verdicts.DELIVERED,
    "opened": verdicts.OPENED,
    "clicked": verdicts.CLICKED,
    "complained": verdicts.complained(),
    "unsubscribed": verdicts.UNSUBSCRIBED,
}


class Mailgun:
    """The webhooks in JSON; the older ones, which are forms, are not taken."""

    def check(self, secret: str) -> None:
        """Take the HTTP webhook signing key."""
        if len(secret) < 16 or not secret.isascii() or not secret.isprintable():
            raise bad_secret("A key of Mailgun must be its HTTP webhook signing key.")

    def authenticate(self, call: Call, secrets: Sequence[str], *, now: datetime) -> str:
        """Return the token when it was signed by one of the keys.

        The body is not signed. Who has seen a signature could put another body beside it, so the token is what names
        the call: it is kept once, whatever comes with it.
        """
        signature = fields.parse(call.body).inner("signature")
        timestamp, token = signature.text("timestamp"), signature.text("token")
        check_age(fields.read_instant(timestamp), now=now)
        # The calls of a subaccount are signed with the key of the main account too.
        given = [signature.text("signature"), signature.text("parent-signature")]
        signed = (timestamp + token).encode("utf-8", "replace")
        matches = [
            hmac.compare_digest(hmac.new(secret.encode(), signed, sha256).hexdigest(), candidate.lower())
            for secret in secrets
            for candidate in given
            if candidate.isascii()
        ]
        if not token or not any(matches):
            raise refused("bad_signature")
        return token

    def events(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Found]:  # noqa: ARG002
        """Yield the event of a call."""
        for entry in fields.entries(body):
            if isinstance(entry, Unreadable):
                yield entry
                continue
            position, found = entry
            told = found.inner("event-data")
            if told:
                yield _read(told, token=found.inner("signature").text("token"))
            else:
                yield Unreadable(position, "The call has no event-data.")


def _read(told: Fields, *, token: str) -> Found:
    name = told.text("event")
    status = told.inner("delivery-status")
    # An id is Mailgun's own for a day only; with the time, the same event told by two webhooks is one.
    own_id = f"{told.text('id')} {told.instant('timestamp')}" if told.text("id") else token
    return verdicts.event(
        _verdict(name, told, status),
        event_key=event_key("mailgun", own_id, told.address("recipient")),
        at=told.instant("timestamp"),
        name=" ".join(filter(None, (name, told.text("severity"), told.text("reason")))),
        recipient=told.address("recipient"),
        delivery=told.inner("user-variables").delivery("delivery"),
        message_id=told.inner("message", "headers").message_id("message-id"),
        status=status.text("enhanced-code"),
        code=fields.reply_code(status.text("code")),
        text=_said(status),
    )


def _verdict(name: str, told: Fields, status: Fields) -> Verdict:
    text = " ".join(filter(None, (status.text("code"), _said(status))))
    enhanced = fields.status(status.text("enhanced-code"))
    match name:
        case "failed" if told.text("severity") == "temporary":
            return verdicts.delayed(text, status=enhanced)
        case "failed" if told.text("reason").startswith("suppress-"):
            return verdicts.SUPPRESSED
        case "failed":
            word = "expired" if told.text("reason") == "old" else "undefined"
            return verdicts.judged(text, status=enhanced, otherwise=word)
        case "rejected":  # by Mailgun itself, before anybody was asked
            why = told.inner("reject").text("reason")
            return verdicts.blameless(verdicts.judged(why, otherwise="policyviolation"))
        case _:
            return _PLAIN.get(name, verdicts.UNKNOWN)


def _said(status: Fields) -> str:
    """Return what the receiver said; Mailgun's own description stands where it said nothing."""
    return status.text("message") or status.text("description")
