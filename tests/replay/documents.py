"""Write feeds: RSS, Atom and JSON Feed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from tests.replay.world import Piece

Kind = Literal["rss", "atom", "json"]
_CONTENT_TYPES: dict[Kind, str] = {
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
}


@dataclass
class Entry:
    """Hold an item as a feed shows it just now; empty texts are left out.

    ``page`` is the address that ``link`` leads to in the end; ``original_link`` stands behind a proxy.
    """

    piece: Piece
    page: str
    guid: str
    link: str
    title: str
    date: str
    original_link: str = ""
    has_image: bool = False
    is_escaped_twice: bool = False
    is_shown: bool = True


def content_type(kind: Kind) -> str:
    """Return what an honest server says of a document."""
    return _CONTENT_TYPES[kind]


def write(kind: Kind, title: str, home: str, entries: Sequence[Entry]) -> str:
    """Return a document."""
    if kind == "json":
        return _json(title, home, entries)
    return _atom(title, home, entries) if kind == "atom" else _rss(title, home, entries)


def _rss(title: str, home: str, entries: Sequence[Entry]) -> str:
    items = "".join(_rss_item(entry) for entry in entries)
    return (
        '<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:media="http://search.yahoo.com/mrss/"'
        ' xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0">'
        f"<channel><title>{escape(title)}</title><link>{home}</link>{items}</channel></rss>"
    )


def _rss_item(entry: Entry) -> str:
    piece, image = entry.piece, ""
    if entry.has_image:
        image = f'<media:content url="/img/{piece.number}.jpg" medium="image" width="1200" height="675"/>'
    body = f"<p>{escape(piece.lead)}</p><img src='https://pixel.wp.com/b.gif' width=1 height=1>"
    return (
        "<item>"
        + _tag("title", _title(entry))
        + _tag("link", escape(entry.link))
        + (f'<guid isPermaLink="false">{escape(entry.guid)}</guid>' if entry.guid else "")
        + _tag("pubDate", entry.date)
        + _tag("feedburner:origLink", escape(entry.original_link))
        + _tag("category", escape(piece.section))
        + _tag("dc:creator", escape(piece.author))
        + _tag("description", escape(body))
        + image
        + "</item>"
    )


def _atom(title: str, home: str, entries: Sequence[Entry]) -> str:
    items = "".join(
        "<entry>"
        + _tag("title", _title(entry))
        + (f'<link href="{escape(entry.link)}"/>' if entry.link else "")
        + _tag("id", escape(entry.guid))
        + _tag("updated", entry.date)
        + f'<category term="{escape(entry.piece.section.lower())}" label="{escape(entry.piece.section)}"/>'
        + f"<author><name>{escape(entry.piece.author)}</name></author>"
        + f'<content type="html">{escape(escape(entry.piece.lead, quote=False))}</content>'
        + "</entry>"
        for entry in entries
    )
    return (
        f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xml:base="{home}">'
        f'<title>{escape(title)}</title><link href="{home}"/><id>{home}</id>{items}</feed>'
    )


def _json(title: str, home: str, entries: Sequence[Entry]) -> str:
    items = [
        {
            name: value
            for name, value in {
                "id": entry.guid,
                "url": entry.link,
                "title": entry.title,
                "date_published": entry.date,
                "tags": [entry.piece.section],
                "authors": [{"name": entry.piece.author}],
                "content_html": f"<p>{escape(entry.piece.lead)}</p>",
            }.items()
            if value
        }
        for entry in entries
    ]
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "home_page_url": home,
        "items": items,
    }
    return json.dumps(document, ensure_ascii=False)


def _title(entry: Entry) -> str:
    once = escape(entry.title, quote=False)
    return escape(once, quote=False) if entry.is_escaped_twice else once


def _tag(name: str, text: str) -> str:
    return f"<{name}>{text}</{name}>" if text else ""
