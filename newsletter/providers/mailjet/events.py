"""Understand the events of Mailjet: one flat object a call, or an array of them (README.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from newsletter.providers import fields, verdicts
from newsletter.providers.base import Found, event_key
from newsletter.providers.fields import Fields
from newsletter.providers.logins import LoginFeed
from newsletter.providers.verdicts import Verdict

_PLAIN = {
    "sent": verdicts.DELIVERED,  # Mailjet's word for the receiver's 250
    "open": verdicts.OPENED,
    "click": verdicts.CLICKED,
    "unsub": verdicts.UNSUBSCRIBED,
}
_ERRORS = {
    "user unknown": verdicts.bounced("userunknown"),
    "mailbox inactive": verdicts.bounced("suspend"),
    "quota exceeded": verdicts.bounced("mailboxfull"),
    "invalid domain": verdicts.bounced("hostunknown"),
    "no mail host": verdicts.bounced("hostunknown"),
    "relay/access denied": verdicts.bounced("norelaying"),
    "typofix": verdicts.bounced("syntaxerror"),
    "sender blocked": verdicts.bounced("blocked"),
    "content blocked": verdicts.bounced("spamdetected"),
    "policy issue": verdicts.bounced("policyviolation"),
    "system issue": verdicts.bounced("systemerror"),
    "protocol issue": verdicts.bounced("systemerror"),
    "connection issue": verdicts.bounced("networkerror"),
    "preblocked": verdicts.SUPPRESSED,
    "blacklisted": verdicts.SUPPRESSED,
    "spam reporter": verdicts.SUPPRESSED,
    "duplicate in campaign": verdicts.UNKNOWN,  # not tried, because it was told to send the same twice
}


class Mailjet(LoginFeed):
    """The Event API, one event a call or grouped."""

    def events(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Found]:  # noqa: ARG002
        """Yield one event for each object."""
        for entry in fields.entries(body):
            yield _read(entry[1]) if isinstance(entry, tuple) else entry


def _read(found: Fields) -> Found:
    name = found.text("event")
    error = found.text("error")
    recipient = found.address("email")
    message_id = found.text("MessageID")
    text = found.text("comment", "smtp_reply")
    return verdicts.event(
        _verdict(name, error, found, text),
        # There is no id of an event.
        event_key=event_key("mailjet", message_id, name, found.text("time"), recipient, error),
        at=found.instant("time"),
        name=" ".join(filter(None, (name, found.text("error_related_to"), error))),
        recipient=recipient,
        delivery=found.delivery("CustomID"),
        provider_message_id=message_id,
        text=text,
    )


def _verdict(name: str, error: str, found: Fields, text: str) -> Verdict:
    match name:
        case "spam":
            return verdicts.complained()
        case "bounce" if error == "greylisted" and not found.is_true("hard_bounce"):
            return verdicts.delayed(text)
        case "bounce" if not found.is_true("hard_bounce"):
            return verdicts.uncertain(_ERRORS.get(error) or verdicts.judged(text))
        case "bounce" | "blocked":
            return _ERRORS.get(error) or verdicts.judged(text)
        case _:
            return _PLAIN.get(name, verdicts.UNKNOWN)
