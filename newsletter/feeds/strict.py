"""Read feeds that are well-formed XML, with the parser of the standard library.

Nothing is fetched and no entity is expanded: documents that declare any are refused before (feeds/xml_feed.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from urllib.parse import urljoin
from xml.etree.ElementTree import Element, XMLParser, tostring

from newsletter.domain.errors import FeedError
from newsletter.feeds import dates
from newsletter.feeds.head import Head, floor_of, hours_of
from newsletter.feeds.item import Item, Picture, Text, pixels

_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_PREFIXES = {
    "http://www.w3.org/2005/atom": "atom",
    "http://purl.org/atom/ns#": "atom",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://search.yahoo.com/mrss/": "media",
    "http://search.yahoo.com/mrss": "media",
    "http://rssnamespace.org/feedburner/ext/1.0": "feedburner",
    "http://purl.org/rss/1.0/modules/syndication/": "sy",
    "http://www.itunes.com/dtds/podcast-1.0.dtd": "itunes",
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://www.w3.org/1999/xhtml": "xhtml",
}
_PLAIN = frozenset(  # namespaces in which RSS itself has been met
    {
        "http://purl.org/rss/1.0/",
        "http://my.netscape.com/rdf/simple/0.9/",
        "http://channel.netscape.com/rdf/simple/0.9/",
        "http://backend.userland.com/rss2",
        "http://blogs.law.harvard.edu/tech/rss",
        "http://purl.org/net/rss1.1#",
    }
)
_ADDRESS = re.compile(
    r"[^\s@<>()]{1,200}@[^\s@<>()]{1,200}\s{0,3}\((?P<after>[^()]{1,200})\)"
    r"|(?P<before>[^<>@]{1,200})<[^<>]{1,300}>"
)
_PICTURES_MAX = 50  # of one item
_MARKUP_TYPES = frozenset({"html", "text/html", "xhtml", "application/xhtml+xml"})


def read(body: str, url: str) -> tuple[Head, list[Item]]:
    """Return the head and the items of a document; raise ParseError for no XML, FeedError for no feed."""
    parser = XMLParser()  # noqa: S314 - documents with declarations of entities do not come here
    parser.feed(body)
    root = parser.close()
    try:
        _rename(root)
        return _feed(root, url)
    except RecursionError as error:
        raise FeedError(
            "The feed cannot be read.", hint="Check it with a feed validator.", reason="unreadable"
        ) from error


def _feed(root: Element, url: str) -> tuple[Head, list[Item]]:
    is_atom = root.tag == "atom:feed"
    channel = root if is_atom else root.find("channel")
    if channel is None and root.tag.lower() not in {"rss", "rdf:rdf"}:
        raise FeedError(
            "The document is neither RSS nor Atom.",
            hint="Give the address of an RSS, Atom or JSON feed.",
            reason="not_a_feed",
        )
    head = root if channel is None else channel
    bases = [node.get(_BASE, "") for node in ([root] if head is root else [root, head])]
    base = _joined(url, *bases)
    page = _link(head) if is_atom else _text(head, "link") or _link(head)
    start = _Start(base=base, is_named=any(bases), page=_joined(base, page) if page else url)
    reader = _atom_item if is_atom else _rss_item
    return _head(head), [reader(entry, start) for entry in root.iter("atom:entry" if is_atom else "item")]


@dataclass(frozen=True)
class _Start:
    """Hold what relative addresses of a feed start from: its xml:base when it names one, else its page."""

    base: str
    is_named: bool
    page: str

    def of(self, *nodes: Element | None) -> str:
        names = [node.get(_BASE, "") for node in nodes if node is not None]
        if any(names):
            return _joined(self.base, *names)
        return self.base if self.is_named else self.page


def _head(channel: Element) -> Head:
    links = {link.get("rel", "alternate"): link.get("href", "") for link in channel.findall("atom:link")}
    skipped = channel.find("skipHours")
    return Head(
        title=_text(channel, "title") or _inner(channel.find("atom:title")),
        hub=links.get("hub", ""),
        self_url=links.get("self", ""),
        floor=floor_of(
            _text(channel, "ttl"), _text(channel, "sy:updatePeriod"), _text(channel, "sy:updateFrequency")
        ),
        skip_hours=hours_of(hour.text or "" for hour in (() if skipped is None else skipped.findall("hour"))),
    )


def _rss_item(entry: Element, start: _Start) -> Item:
    content = entry.find("content:encoded")
    body = content if content is not None else entry.find("xhtml:body")
    guid = entry.find("guid")
    caption = _caption(entry)
    return Item(
        base=start.of(entry, body),
        link=_rss_link(entry, guid),
        guid=_text(entry, "guid") or entry.get("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}about") or None,
        title=Text(_inner(entry.find("title")), is_markup=True),
        summary=Text(_inner(entry.find("description")) or caption, is_markup=True),
        content=Text(_inner(body), is_markup=True),
        author=_name(_text(entry, "dc:creator") or _text(entry, "author") or _text(entry, "itunes:author")),
        pictures=tuple(_pictures(entry, caption)),
        categories=tuple(_inner(node) for node in entry if node.tag in {"category", "dc:subject"}),
        published_at=_date(entry, "pubDate", "dc:date", "atom:published", "atom:updated", "dcterms:modified"),
    )


def _rss_link(entry: Element, guid: Element | None) -> str:
    named = _text(entry, "feedburner:origLink") or _text(entry, "link") or _link(entry)
    if named:
        return named
    is_link = guid is not None and guid.get("isPermaLink", "true").lower() != "false"
    return _text(entry, "guid") if is_link else ""


def _atom_item(entry: Element, start: _Start) -> Item:
    title, content = entry.find("atom:title"), entry.find("atom:content")
    caption = _caption(entry)
    summary = _atom_text(entry.find("atom:summary"))
    dated = ("atom:published", "atom:issued", "atom:created", "atom:updated", "atom:modified", "dc:date")
    return Item(
        base=start.of(entry, content if content is not None and content.get(_BASE) else title),
        link=_text(entry, "feedburner:origLink") or _link(entry),
        guid=_text(entry, "atom:id") or None,
        title=_atom_text(title),
        summary=summary if summary.value else Text(caption, is_markup=True),
        content=_atom_text(content),
        author=", ".join(dict.fromkeys(filter(None, map(_person, entry.findall("atom:author"))))),
        pictures=tuple(_pictures(entry, caption)),
        categories=tuple(
            node.get("label") or node.get("term") or "" for node in entry.findall("atom:category")
        ),
        published_at=_date(entry, *dated),
    )


def _atom_text(node: Element | None) -> Text:
    """Return a text of Atom: what it is stands in its type (RFC 4287 §3.1)."""
    if node is None:
        return Text()
    kind = node.get("type", "text").lower().strip()
    return Text(_inner(node), is_markup=kind in _MARKUP_TYPES or len(node) > 0)


def _person(node: Element) -> str:
    return _name(_text(node, "atom:name"))


def _name(text: str) -> str:
    """Return the name of "name <address>" and "address (name)"."""
    match = _ADDRESS.fullmatch(text)
    return (match["after"] or match["before"] or "").strip() if match else text


def _link(node: Element) -> str:
    """Return the page that an element of Atom leads to."""
    links = [link for link in node.findall("atom:link") if link.get("rel", "alternate") == "alternate"]
    pages = [link for link in links if "html" in link.get("type", "text/html")]
    return next((link.get("href", "") for link in pages or links), "")


def _pictures(entry: Element, caption: str) -> Iterator[Picture]:
    """Yield the pictures that an item names: Media RSS (the widest first), enclosures, thumbnails.

    ``caption`` says what the only picture of Media RSS shows; of several it is not known which it means.
    """
    named = islice(entry.iter("media:content"), _PICTURES_MAX)
    media = [node for node in named if _is_picture(node)]
    media.sort(key=lambda node: pixels(node.get("width")) or 0, reverse=True)
    enclosures = [node for node in entry.findall("enclosure") if _is_picture(node)]
    enclosures += [
        node for node in entry.findall("atom:link") if node.get("rel") == "enclosure" and _is_picture(node)
    ]
    thumbnails = islice(entry.iter("media:thumbnail"), _PICTURES_MAX)
    for node in [*media, *enclosures[:_PICTURES_MAX], *thumbnails]:
        yield Picture(
            url=node.get("url") or node.get("href") or "",
            width=pixels(node.get("width")),
            height=pixels(node.get("height")),
            alt=caption if media == [node] else "",
        )


def _is_picture(node: Element) -> bool:
    return node.get("medium") == "image" or node.get("type", "").startswith("image/")


def _caption(entry: Element) -> str:
    return next((text for node in entry.iter("media:description") if (text := _inner(node))), "")


def _date(entry: Element, *names: str) -> datetime | None:
    for name in names:
        found = dates.instant(_text(entry, name))
        if found is not None:
            return found
    return None


def _text(node: Element, name: str) -> str:
    found = node.find(name)
    return "" if found is None or found.text is None else found.text.strip()


def _inner(node: Element | None) -> str:
    """Return what an element holds; elements in it as HTML."""
    if node is None:
        return ""
    if not len(node):
        return (node.text or "").strip()
    inner = "".join(tostring(child, encoding="unicode", method="html") for child in node)
    return f"{_escaped(node.text or '')}{inner}".strip()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _joined(base: str, *addresses: str) -> str:
    for address in addresses:
        with suppress(ValueError):
            base = urljoin(base, address) if address else base
    return base


def _rename(root: Element) -> None:
    """Give elements the prefixes that this module knows them by, whatever the document calls them."""
    known: dict[str, str] = {}
    for node in root.iter():
        name = known.get(node.tag)
        if name is None:
            name = known[node.tag] = _short(node.tag)
        node.tag = name
    for node in root.iter():
        if node.tag.startswith("xhtml:") and node.tag != "xhtml:body":
            node.tag = node.tag.removeprefix("xhtml:")


def _short(tag: str) -> str:
    namespace, closed, name = tag.removeprefix("{").rpartition("}")
    if not closed or namespace.lower() in _PLAIN:
        return name
    prefix = _PREFIXES.get(namespace.lower())
    return f"{prefix}:{name}" if prefix else tag
