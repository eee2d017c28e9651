"""Understand the events of SparkPost: an array of objects, each two levels down (README.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from newsletter.providers import fields, verdicts
from newsletter.providers.base import Found, Unreadable, event_key
from newsletter.providers.fields import Fields
from newsletter.providers.logins import LoginFeed
from newsletter.providers.verdicts import Verdict

_PLAIN = {
    "injection": verdicts.SUBMITTED,
    "delivery": verdicts.DELIVERED,
    "open": verdicts.OPENED,
    "initial_open": verdicts.OPENED,
    "amp_open": verdicts.OPENED,
    "amp_initial_open": verdicts.OPENED,
    "click": verdicts.CLICKED,
    "amp_click": verdicts.CLICKED,
    "list_unsubscribe": verdicts.UNSUBSCRIBED,
    "link_unsubscribe": verdicts.UNSUBSCRIBED,
}
# "Bounce Classification Codes": what means one thing, and what stands in where the text decides nothing.
_CLASSES = {
    "10": verdicts.bounced("userunknown"),
    "22": verdicts.bounced("mailboxfull"),
    "23": verdicts.bounced("mesgtoobig"),
    "25": verdicts.bounced("policyviolation"),
    "26": verdicts.SUPPRESSED,
    "50": verdicts.bounced("blocked"),
    "51": verdicts.bounced("blocked"),
    "52": verdicts.bounced("spamdetected"),
    "53": verdicts.bounced("contenterror"),
    "54": verdicts.bounced("norelaying"),
    "60": verdicts.auto_replied("vacation"),
    "80": verdicts.UNKNOWN,
    "90": verdicts.UNSUBSCRIBED,
    "100": verdicts.auto_replied("challenge"),
}
_BY_TEXT = {"21": "hostunknown", "24": "expired", "30": "userunknown"}
_SOFT = frozenset({"20", "21", "24", "40", "70"})


class SparkPost(LoginFeed):
    """The event webhooks."""

    def events(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Found]:  # noqa: ARG002
        """Yield one event for each object; an empty one is how SparkPost tries a new webhook."""
        for entry in fields.entries(body):
            if isinstance(entry, Unreadable):
                yield entry
                continue
            position, found = entry
            if not found.has("msys"):
                yield Unreadable(position, "The event has no msys.")
            yield from (_read(told) for told in found.inner("msys").objects() if told.text("type"))


def _read(told: Fields) -> Found:
    name = told.text("type")
    recipient = told.address("raw_rcpt_to", "rcpt_to")
    at = told.instant("timestamp")
    own_id = told.text("event_id") or f"{told.text('message_id')} {name} {recipient} {at}"
    text = told.text("raw_reason", "reason")
    return verdicts.event(
        _verdict(name, told, text),
        event_key=event_key("sparkpost", own_id),
        at=at,
        name=" ".join(filter(None, (name, told.text("bounce_class")))),
        recipient=recipient,
        delivery=told.inner("rcpt_meta").delivery("delivery"),
        provider_message_id=told.text("message_id"),
        code=fields.reply_code(told.text("error_code")),
        text=text,
    )


def _verdict(name: str, told: Fields, text: str) -> Verdict:
    match name:
        case "bounce" | "out_of_band":
            return _bounce(told.text("bounce_class"), text)
        case "delay":
            return verdicts.delayed(text)
        case "spam_complaint":
            return verdicts.complained(told.text("fbtype"))
        case "policy_rejection" if "suppress" in text.lower():
            return verdicts.SUPPRESSED
        case "policy_rejection" | "generation_rejection" | "generation_failure":
            return verdicts.bounced("policyviolation")
        case _:
            return _PLAIN.get(name, verdicts.UNKNOWN)


def _bounce(bounce_class: str, text: str) -> Verdict:
    if bounce_class in _CLASSES:
        return _CLASSES[bounce_class]
    verdict = verdicts.judged(text, otherwise=_BY_TEXT.get(bounce_class, "undefined"))
    return verdicts.uncertain(verdict) if bounce_class in _SOFT else verdict
