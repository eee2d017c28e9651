"""Find whom a notice is about, and what it says of each, in the words of servers that follow no standard.

Most write blocks: the address at the start of a line or behind a label, and below it what went wrong. Families of
servers with a layout of their own come first; what anybody would see comes last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.mime.inbound import addresses
from newsletter.mime.inbound.addresses import ADDRESS
from newsletter.mime.inbound.dsn import Delivery, status_in
from newsletter.mime.inbound.families import FAMILIES
from newsletter.mime.inbound.notice import Notice

# An address that begins a line, behind nothing but what decorates it; a name may stand before it.
_BLOCK = re.compile(
    rf"^[ \t]*(?:[-*•>]{{1,4}}[ \t]+)?[<\"'(]{{0,3}}(?:mailto:"
    rf"|smtp:)?(?P<address>{ADDRESS})(?:[ \t]+<(?P<angled>{ADDRESS})>)?",
    re.MULTILINE | re.IGNORECASE,
)
# A label, or the end of a sentence that says so, before the address.
_LABEL = re.compile(
    r"\b(?:recipients?|undeliverable(?: mail)?(?: to)?|delivered to"
    r"|deliver(?:ing)?(?: your)?(?: mail| message)? to|addressed to|rcpt to"
    r"|error-for|unknown user|address|user|failed|attempts|size|errors|mailbox|account|an"
    r"|destinataire|destinatario|宛先)\b"
    rf"[^\n@<]{{0,40}}?[:\s]\s*[<\"'(]{{0,3}}(?P<address>{ADDRESS})",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    rf"\((?:ultimately )?(?:generated|expanded) from:? <?(?P<angled>{ADDRESS})>?\)"
    rf"|^[ \t]*Original address:[ \t]*<?({ADDRESS})",
    re.IGNORECASE | re.MULTILINE,
)
# Lines about our own side, or that tell whom to ask.
_ASIDE = re.compile(
    r"\b(?:contact|help|support|questions?|assistance|mail from|from:|sender|reply|kontakt|wenden)\b",
    re.IGNORECASE,
)
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")
_AFTER_MAX = 3000  # characters of what stands below an address
_HEADING_FIELDS = ("from", "subject", "x-mailer")


@dataclass(frozen=True, slots=True)
class Place:
    """Hold where a notice names a recipient, and where what it says of them begins."""

    address: str
    start: int
    said_at: int


@dataclass(frozen=True, slots=True)
class Found:
    """Hold whom a notice names as not reached, and the family of rules that saw it."""

    deliveries: list[Delivery]
    family: str


def read(notice: Notice, *, without: frozenset[str]) -> Found:
    """Return whom a notice names as not reached; nobody when it names none."""
    places, family = _places(notice, without)
    failed = addresses.in_fields(notice.mail.fields, "x-failed-recipients")
    if failed:
        wanted = addresses.folded(failed)
        places = [place for place in places if place.address.lower() in wanted]
    named = list(_blocks(places, notice))
    known = addresses.folded(each.recipient for each in named)
    unplaced = [each for each in failed if each.lower() not in known]
    return Found([*named, *(Delivery(each, texts=[notice.text]) for each in unplaced)], family)


def about(recipient: str, notice: Notice) -> list[str]:
    """Return what the readable text says of a recipient that a report has named."""
    wanted = recipient.lower()
    places = [place for place in _found(_BLOCK, notice.text) if place.address.lower() == wanted]
    return [text for each in _blocks(places, notice) for text in each.texts]


def mailed(notice: Notice) -> list[str]:
    """Return the one address that our message was addressed to, when its header came back and says so."""
    named = addresses.in_fields(notice.returned, "to")
    lists = addresses.in_fields(notice.returned, "list-post", "x-beenthere")
    return (
        named if len(named) == 1 and named[0].lower() not in addresses.folded(lists) | notice.senders else []
    )


def _places(notice: Notice, without: frozenset[str]) -> tuple[list[Place], str]:
    """Return where recipients stand, and which family of rules saw them.

    Our own addresses and those of machines are passed over as long as others are named: tests go to oneself.
    """
    text = notice.text
    heading = "\n".join(notice.mail.fields.text(name) for name in _HEADING_FIELDS)
    patterns = [
        (family.recipient, family.name)
        for family in FAMILIES
        if family.name not in without and (family.marks.search(text) or family.marks.search(heading))
    ]
    if "generic" not in without:
        patterns += [(_BLOCK, "generic"), (_LABEL, "generic"), (addresses.PATTERN, "generic")]
    for passed_over in (notice.addressed | notice.senders, notice.addressed):
        for pattern, name in patterns:
            found = [place for place in _found(pattern, text) if place.address.lower() not in passed_over]
            theirs = [
                each
                for each in found
                if passed_over is notice.addressed or not addresses.is_of_machine(each.address)
            ]
            if theirs:
                return theirs, name
    return [], ""


def _found(pattern: re.Pattern[str], text: str) -> Iterator[Place]:
    for place in pattern.finditer(text):
        if _ASIDE.search(_line(text, place.start())):
            continue
        groups = place.groupdict()
        said_at = place.start("said") if groups.pop("said", None) else 0
        group = next((name for name in reversed(groups) if groups[name]), 0)
        yield Place(addresses.tidy(place.group(group)), place.start(), said_at or place.end(group))


def _line(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return text[start : end if end >= 0 else len(text)]


def _blocks(places: list[Place], notice: Notice) -> Iterator[Delivery]:
    """Give each address its paragraph, then all down to the next address, then the whole text."""
    text = notice.text
    ends = [place.start for place in places[1:]] + [len(text)]
    for place, end in zip(places, ends, strict=False):
        below = text[place.said_at : min(end, place.said_at + _AFTER_MAX)].lstrip(">:;\"')] \t\n")
        paragraph = _PARAGRAPH_END.split(below, 1)[0]
        origin = _FORWARDED.search(below)
        yield Delivery(
            place.address,
            original=origin.group(origin.lastindex or 0) if origin else "",
            status=status_in(below),
            texts=[paragraph.strip(), below.strip(), text],
        )
