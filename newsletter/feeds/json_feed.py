"""Read JSON Feed 1.0 and 1.1 (jsonfeed.org/version/1.1)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any  # what strangers put into JSON has any type

from newsletter.domain.errors import FeedError
from newsletter.feeds.head import Head
from newsletter.feeds.item import Item, Picture, Text

_VERSION = "jsonfeed.org/version/"


def read(text: str, url: str) -> tuple[Head, list[Item]]:
    """Return the head and the items of a feed; raise FeedError when it is none."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_feed("The document is no valid JSON.", reason="bad_json") from error
    if not isinstance(document, dict) or _VERSION not in _text(document.get("version")):
        raise _no_feed("The document is JSON, but no JSON Feed.", reason="not_a_feed")
    items = document.get("items")
    if not isinstance(items, list):
        raise _no_feed("The JSON Feed has no list of items.", reason="not_a_feed")
    base = _text(document.get("home_page_url")) or url
    hubs = [_text(hub.get("url")) for hub in _list(document.get("hubs")) if isinstance(hub, dict)]
    head = Head(
        title=_text(document.get("title")),
        hub=next(iter(hubs), ""),
        self_url=_text(document.get("feed_url")),
    )
    return head, [_item(entry, base) for entry in items if isinstance(entry, dict)]


def _item(entry: dict[str, Any], base: str) -> Item:
    return Item(
        base=base,
        link=_text(entry.get("url")) or _text(entry.get("external_url")),
        guid=_text(entry.get("id")) or None,
        title=Text(_text(entry.get("title"))),
        summary=Text(_text(entry.get("summary")) or _text(entry.get("content_text"))),
        content=Text(_text(entry.get("content_html")), is_markup=True),
        author=_author(entry),
        pictures=tuple(
            Picture(url=_text(entry.get(name)))
            for name in ("image", "banner_image")
            if _text(entry.get(name))
        ),
        categories=tuple(_text(tag) for tag in _list(entry.get("tags"))),
        published_at=instant(_text(entry.get("date_published")) or _text(entry.get("date_modified"))),
    )


def instant(text: str) -> datetime | None:
    """Return an instant of RFC 3339; without a zone it is UTC; None when it is none."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _author(entry: dict[str, Any]) -> str:
    authors = [*_list(entry.get("authors")), entry.get("author")]
    return ", ".join(_text(author.get("name")) for author in authors if isinstance(author, dict))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    """Return a text; numbers are met as ids, although the specification wants texts."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _no_feed(message: str, *, reason: str) -> FeedError:
    return FeedError(message, hint="Give the address of an RSS, Atom or JSON feed.", reason=reason)
