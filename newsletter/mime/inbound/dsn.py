"""Read delivery status notifications: RFC 3464 and RFC 6533, also as servers write them that half follow them."""

from __future__ import annotations

import re

from newsletter.mime.inbound import addresses, failure
from newsletter.mime.inbound.deliveries import Delivery, Found, status_in
from newsletter.mime.inbound.fields import Fields, pairs
from newsletter.mime.inbound.notice import Notice
from newsletter.mime.inbound.report import ROWS_MAX

FAMILY = "rfc3464"
_TYPES = ("message/delivery-status", "message/global-delivery-status", "text/delivery-status")
_READABLE = ("text/", "message/", "multipart/")
_RECIPIENT = ("final-recipient", "original-recipient")
_BLOCK = re.compile(
    r"^(?:Reporting-MTA|Final-Recipient|Original-Recipient)[ \t]*:[^\n]*;", re.IGNORECASE | re.MULTILINE
)
_FATE = ("action", "status")
_FINAL = re.compile(r"^Final-Recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
_REMARKS = ("x400-supplementary-info", "x-supplementary-info", "x-notes", "x-display-name")
_WORDS = re.compile(r"[^\W\d_]{2}")
_BLANK = re.compile(r"\n[ \t]*\n")
_TYPE = re.compile(r"\A\s*[A-Za-z][\w-]{0,30}\s*;")
_SAID_MAX = 2000  # characters of a server's words: four full lines of RFC 5321 §4.5.3.1.5
_ENDED = frozenset({"failed", "failure", "fail", "error", "expired", "undeliverable", "rejected", "bounced"})
_UNDER_WAY = frozenset({"delayed", "deferred", "delay", "transient-failure"})
_ARRIVED = frozenset({"delivered", "relayed", "expanded", "success"})


def read(notice: Notice) -> Found:
    """Return what a status report says of each recipient, up to ROWS_MAX of them."""
    block = _block(notice)
    if block is None:
        return Found([], FAMILY)
    whole, *groups = _groups(block)
    mta = _after_type(whole.first("reporting-mta"))
    deliveries = [_delivery(group, mta) for group in groups[:ROWS_MAX]]
    return Found(deliveries, FAMILY, max(0, len(_FINAL.findall(block)) - len(deliveries)))


def envelope_id(notice: Notice) -> str:
    """Return the id that we gave with the envelope (RFC 3461 §4.4, RFC 3464 §2.2.1)."""
    block = _block(notice)
    return addresses.undo_xtext(Fields(block).first("original-envelope-id"))[:200] if block else ""


def _block(notice: Notice) -> str | None:
    """Return the text of the report: of its own part or, in a machine's notice, where it stands in another."""
    part = notice.mail.of_type(*_TYPES)
    if part and _BLOCK.search(part.text):
        return part.text
    for part in notice.own_parts:
        found = _BLOCK.search(part.text) if part.type.startswith(_READABLE) else None
        if found and failure.is_failure(notice):
            return part.text[found.start() :]
    return None


def _groups(block: str) -> list[Fields]:
    """Return the fields about the message, then those about each recipient.

    Blank lines should divide them (RFC 3464 §2.1); some servers leave them out or put more in.
    """
    groups: list[list[str]] = [[]]
    seen: set[str] = set()
    is_told = False  # a recipient, and then what became of the message
    for number, chunk in enumerate(_BLANK.split(block)):
        fields = pairs(chunk)
        starts = number > 0 and any(name in _RECIPIENT for name, _ in fields)
        for name, value in fields:
            if starts or (name in _RECIPIENT and (len(groups) == 1 or name in seen or is_told)):
                groups.append([])
                seen.clear()
                is_told = False
            if len(groups) > ROWS_MAX + 1:
                break
            starts = False
            is_told = is_told or (name in _FATE and not seen.isdisjoint(_RECIPIENT))
            seen.add(name)
            groups[-1].append(f"{name}: {value}")
    return [Fields("\n".join(group)) for group in groups]


def _delivery(group: Fields, mta: str) -> Delivery:
    final, original, actual = (
        addresses.of_field(group.first(name))
        for name in ("final-recipient", "original-recipient", "x-actual-recipient")
    )
    action = group.first("action").partition(" ")[0].strip(";,.").lower()
    said = _after_type(" ".join(group.all("diagnostic-code")))
    remarks = " ".join(group.all("status", *_REMARKS))
    status = _status(group.first("status"), said)
    return Delivery(
        recipient=final or original or actual,
        original=addresses.undo_xtext(original),
        status=status,
        is_final=action in _ENDED or (action not in _UNDER_WAY and "will-retry-until" not in group),
        has_arrived=action in _ARRIVED,
        texts=[text for text in (said, remarks) if _WORDS.search(text)],
        reporting_mta=mta,
        remote_mta=_after_type(group.first("remote-mta")),
    )


def _status(field_value: str, said: str) -> str:
    """Return the more exact of the status field and the code in the server's words."""
    stated, spoken = status_in(field_value), status_in(said)
    is_vague = stated.endswith(".0.0") or not stated
    return spoken if spoken and is_vague else stated


def _after_type(value: str) -> str:
    return _TYPE.sub("", value).strip()[:_SAID_MAX]
