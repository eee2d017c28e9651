"""Understand the events of Brevo: one flat object a call, or an array of them (README.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from newsletter.providers import fields, verdicts
from newsletter.providers.base import Found, event_key
from newsletter.providers.fields import Fields
from newsletter.providers.logins import LoginFeed
from newsletter.providers.verdicts import Verdict

_PLAIN = {
    "request": verdicts.SUBMITTED,
    "delivered": verdicts.DELIVERED,
    "opened": verdicts.OPENED,
    "unique_opened": verdicts.OPENED,
    "proxy_open": verdicts.OPENED_BY_MACHINE,
    "unique_proxy_open": verdicts.OPENED_BY_MACHINE,
    "click": verdicts.CLICKED,
    "spam": verdicts.complained(),
    "complaint": verdicts.complained(),
    "unsubscribe": verdicts.UNSUBSCRIBED,
    "unsubscribed": verdicts.UNSUBSCRIBED,
    "invalid_email": verdicts.bounced("syntaxerror"),
    "blocked": verdicts.SUPPRESSED,
    "error": verdicts.bounced("systemerror"),
}


class Brevo(LoginFeed):
    """The transactional webhooks."""

    def events(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Found]:  # noqa: ARG002
        """Yield one event for each object."""
        for entry in fields.entries(body):
            yield _read(entry[1]) if isinstance(entry, tuple) else entry


def _read(found: Fields) -> Found:
    name = found.text("event")
    recipient = found.address("email")
    at = found.instant("ts_event", "ts", "ts_epoch")
    message_id = found.message_id("message-id")
    text = found.text("reason")
    return verdicts.event(
        _verdict(name, text),
        # There is no id of an event, and "id" is the webhook's.
        event_key=event_key("brevo", message_id, name, found.text("ts_epoch", "ts_event", "ts"), recipient),
        at=at,
        name=name,
        recipient=recipient,
        delivery=found.delivery("X-Mailin-custom"),
        message_id=message_id,
        text=text,
    )


def _verdict(name: str, text: str) -> Verdict:
    match name:
        case "hard_bounce":
            return verdicts.judged(text)
        case "soft_bounce":
            return verdicts.uncertain(verdicts.judged(text))
        case "deferred":
            return verdicts.delayed(text)
        case _:
            return _PLAIN.get(name, verdicts.UNKNOWN)
