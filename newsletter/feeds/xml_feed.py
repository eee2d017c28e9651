"""Read RSS 0.9x to 2.0, RDF and Atom: strictly and fast; what is no well-formed XML, leniently."""

from __future__ import annotations

import html
import re
from contextlib import suppress
from itertools import islice
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError, ParserCreate

from newsletter.domain.errors import FeedError
from newsletter.feeds import lenient, strict
from newsletter.feeds.head import Head
from newsletter.feeds.item import Item

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>", re.IGNORECASE)
_ROOT = re.compile(r"<([A-Za-z_][\w:.-]*)")
_ITEM = re.compile(r"<(?:\w+:)?(?:item|entry)[\s>]", re.IGNORECASE)
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_XML_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_PROLOG_MAX = 1_000_000  # characters before the first element
_TAGS_MAX = 1_000_000  # 2,000 items have some 50,000


def read(text: str, url: str, *, limit: int) -> tuple[Head, list[Item]]:
    """Return the head and the first ``limit`` items; raise FeedError for no feed and for one that is hostile."""
    _refuse_entities(text)
    body = _cut(_DECLARATION.sub("", text).lstrip(), limit)
    if body.count("<") > _TAGS_MAX:
        raise FeedError(
            "The feed has more tags than any feed needs.",
            hint="Let the feed carry fewer articles.",
            reason="too_complex",
        )
    with suppress(ParseError):
        return strict.read(body, url)
    with suppress(ParseError):
        return strict.read(_ENTITY.sub(_resolved, body), url)
    return lenient.read(body, url)


def _resolved(match: re.Match[str]) -> str:
    """Return the letter of an entity of HTML, which XML knows only when it is declared."""
    return match[0] if match[1] in _XML_ENTITIES else html.unescape(match[0]).replace("<", "&lt;")


def _refuse_entities(text: str) -> None:
    """Refuse documents that declare entities: a few lines of them can fill a memory, or name a file to read.

    Declarations stand before the first element, so a story about XML passes. What expat cannot read goes to
    feedparser's own parser, which expands nothing.
    """
    reader = ParserCreate("utf-8")
    reader.EntityDeclHandler = _refuse_declaration
    reader.StartElementHandler = _stop
    with suppress(ExpatError, _FirstElement):
        reader.Parse(text[:_PROLOG_MAX].encode("utf-8", "replace"))
        if len(text) > _PROLOG_MAX:
            _refuse_declaration()


class _FirstElement(Exception):
    """Say that the prolog is over."""


def _stop(_name: str, _attributes: dict[str, str]) -> None:
    raise _FirstElement


def _refuse_declaration(*_declared: object) -> None:
    raise FeedError(
        "The feed declares entities.",
        hint="Let the feed use characters or numeric references in their place.",
        reason="entities_refused",
    )


def _cut(text: str, limit: int) -> str:
    """Return a document that ends after ``limit`` items: each costs a fifth of a millisecond."""
    starts = list(islice(_ITEM.finditer(text), limit + 1))
    root = _ROOT.search(text)
    if len(starts) <= limit or root is None:
        return text
    channel = "</channel>" if root[1].lower() == "rss" else ""
    return text[: starts[-1].start()] + f"{channel}</{root[1]}>"
