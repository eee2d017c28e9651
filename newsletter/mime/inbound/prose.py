"""Find whom a notice is about, and what it says of each, in the words of servers that follow no standard.

Most write blocks: the address at the start of a line or behind a label, and below it what went wrong. Families of
servers with a layout of their own come first; what anybody would see comes last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from newsletter.mime.inbound import addresses
from newsletter.mime.inbound.addresses import ADDRESS
from newsletter.mime.inbound.deliveries import Delivery, Found, status_in
from newsletter.mime.inbound.families import FAMILIES
from newsletter.mime.inbound.notice import Notice
from newsletter.mime.inbound.report import ROWS_MAX

# An address that begins a line, behind nothing but what decorates it; a name may stand before it.
_BLOCK = re.compile(
    rf"^[ \t]*(?:[-*•>]{{1,4}}[ \t]+)?[<\"'(\[]{{0,3}}(?:mailto:|smtp:)?"
    rf"(?P<address>{ADDRESS})(?:[ \t]+<(?P<angled>{ADDRESS})>)?",
    re.MULTILINE | re.IGNORECASE,
)
_LABELS = (
    "recipients?|address|user|unknown user|mailbox|account|error-for|an|destinataire|destinatario|宛先",
    "delivered to|deliver(?:ing)?(?: your)?(?: mail| message)? to|addressed(?: to)?|rcpt to",
    "undeliverable(?: mail)?(?: to)?|failed|attempts|size|errors",
)
# A label, or the end of a sentence that says so, before the address.
_LABEL = re.compile(
    rf"\b(?:{'|'.join(_LABELS)})\b[^\n@<]{{0,40}}?[:\s]\s*[<\"'(]{{0,3}}(?P<address>{ADDRESS})", re.IGNORECASE
)
_LOOSE = (_LABEL, addresses.PATTERN)
_FORWARDED = re.compile(
    rf"\((?:ultimately )?(?:generated|expanded) from:? <?(?P<angled>{ADDRESS})>?\)"
    rf"|^[ \t]*Original address:[ \t]*<?({ADDRESS})",
    re.IGNORECASE | re.MULTILINE,
)
# A mailbox without its domain, which some name to their own users' writers.
_BARE = re.compile(
    r"(?:recipient|address|user)s?\b[^\n]{0,200}:[ \t]*\n\s{0,4}[ \t]+(?P<local>[\w.+-]{2,64})[ \t]*(?:$|\()",
    re.IGNORECASE | re.MULTILINE,
)
# Lines about our own side, or that tell whom to ask.
_ASIDE = re.compile(
    r"\b(?:contact|help|support|questions?|assistance|mail from|from:|sender|reply|kontakt|wenden)\b",
    re.IGNORECASE,
)
_PARAGRAPH_END = re.compile(r"\n[ \t]*\n")
_REPLY = re.compile(r"(?<![\d.])(?:[45]\d\d[- :][ \t]*(?:\D|[45]\.\d)|[45]\.\d{1,3}\.\d{1,3}(?![\d.]))")
_WORDED = re.compile(r"[^\W\d_]{2}.*[^\W\d_]{2}[^:]*\Z", re.DOTALL)
_AFTER_MAX = 3000  # characters of what stands below an address
_TEXTS_MAX = 6  # paragraphs about one recipient
_HEADING_FIELDS = ("from", "subject", "x-mailer")


@dataclass(frozen=True, slots=True)
class Place:
    """Hold where a notice names a recipient, where what it says of them begins, and the line that says it."""

    address: str
    start: int
    said_at: int
    said: str = ""


def read(notice: Notice, *, without: frozenset[str]) -> Found:
    """Return whom a notice names as not reached; nobody when it names none."""
    places, family = _places(notice, without)
    failed = addresses.in_fields(notice.mail.fields, "x-failed-recipients")
    if failed:
        wanted = addresses.folded(failed)
        places = [place for place in places if place.address.lower() in wanted]
    named = _merged(_blocks(places, notice)) or ([] if failed else _bare(notice))
    known = addresses.folded(each.recipient for each in named)
    unplaced = [Delivery(each) for each in failed if each.lower() not in known]
    found = [*named, *unplaced]
    return Found(found[:ROWS_MAX], family, max(0, len(found) - ROWS_MAX))


def said_of_each(notice: Notice) -> Mapping[str, list[str]]:
    """Return what the readable text says of recipients, by their address in lower case."""
    blocks = _merged(_blocks(list(_found(_BLOCK, notice.text)), notice))
    return {each.recipient.lower(): each.texts for each in blocks}


def mailed(notice: Notice) -> list[str]:
    """Return the one address that our message was addressed to, when its header came back and says so."""
    named = addresses.in_fields(notice.returned, "to")
    lists = [
        address
        for fields in (notice.returned, notice.mail.fields)
        for address in addresses.in_fields(fields, "list-post", "x-beenthere")
    ]
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
        patterns += [(pattern, "generic") for pattern in (_BLOCK, *_LOOSE)]
    for passed_over in (notice.addressed | notice.senders, notice.addressed):
        for pattern, name in patterns:
            found = [place for place in _found(pattern, text) if place.address.lower() not in passed_over]
            theirs = [
                each
                for each in found
                if passed_over is notice.addressed or not addresses.is_of_machine(each.address)
            ]
            if theirs:
                return (_likely(theirs, notice) if pattern in _LOOSE else theirs), name
    return [], ""


def _likely(places: list[Place], notice: Notice) -> list[Place]:
    """Return those of several places that our message was addressed to, if any of them was."""
    hinted = notice.addressees
    likely = [place for place in places if place.address.lower() in hinted]
    return likely or places


def _found(pattern: re.Pattern[str], text: str) -> Iterator[Place]:
    for place in pattern.finditer(text):
        groups = place.groupdict()
        is_said = bool(groups.pop("said", None))
        group = next((name for name in reversed(groups) if groups[name]), 0)
        address, line = place.group(group), _line(text, place.start())
        if not _ASIDE.search(line.replace(address, "")):
            said_at = place.start("said") if is_said else place.end(group)
            yield Place(addresses.tidy(address), place.start(), said_at, line if is_said else "")


def _merged(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Return one delivery for each recipient, with all that is said of it."""
    merged: dict[str, Delivery] = {}
    for each in deliveries:
        known = merged.setdefault(each.recipient.lower(), each)
        if known is not each and len(known.texts) < _TEXTS_MAX:
            known.texts += each.texts
    return list(merged.values())


def _bare(notice: Notice) -> list[Delivery]:
    """Return the mailbox that a server names without its domain, at the domain of that server."""
    found = _BARE.search(notice.text)
    sender = addresses.in_fields(notice.mail.fields, "from")
    if not found or not sender:
        return []
    domain = sender[0].rpartition("@")[2]
    return [Delivery(f"{found.group('local')}@{domain}")]


def _line(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return text[start : end if end >= 0 else len(text)]


def _blocks(places: list[Place], notice: Notice) -> Iterator[Delivery]:
    """Give each address what is said of it: its best paragraph, then all that stands down to the next address."""
    text = notice.text
    has_known_original = bool(mailed(notice))
    ends = [place.start for place in places[1:]] + [len(text)]
    for place, end in zip(places, ends, strict=False):
        below = text[place.said_at : min(end, place.said_at + _AFTER_MAX)].lstrip(">:;.\"')] \t\n")
        origin = None if has_known_original else _FORWARDED.search(below)
        yield Delivery(
            place.address,
            original=origin.group(origin.lastindex or 0) if origin else "",
            status=status_in(below),
            texts=[text for text in (place.said.strip(), _best(below), below.strip()) if text],
        )


def _best(below: str) -> str:
    """Return the first paragraph with a server's reply in it, or else the first that has words."""
    paragraphs = [each.strip() for each in _PARAGRAPH_END.split(below)]
    with_reply = next(filter(_REPLY.search, paragraphs), None)
    return with_reply or next(filter(_WORDED.search, paragraphs), "")
