"""Read feeds that are no well-formed XML with feedparser, which takes some forty times as long as a strict parser."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime
from time import struct_time
from typing import Any  # feedparser is untyped

import feedparser

from newsletter.domain.errors import FeedError
from newsletter.feeds import dates
from newsletter.feeds.head import Head
from newsletter.feeds.item import Item, Picture, Text, pixels

# feedparser takes the description of a picture for that of the item when it comes first.
_CAPTION = re.compile(r"(</?)media:description\b")
_BASES_MAX = 5_000  # nested, these take a second; 20,000 take sixteen


def read(body: str, url: str) -> tuple[Head, list[Item]]:
    """Return the head and the items of a document without declaration; raise FeedError for no feed."""
    _refuse_many_bases(body)
    marked = _CAPTION.sub(r"\1media:caption", body)
    parsed = _parsed(f'<?xml version="1.0" encoding="utf-8"?>{marked}', url)
    if not parsed.version and not parsed.entries:
        raise FeedError(
            "The document is neither RSS nor Atom.",
            hint="Give the address of an RSS, Atom or JSON feed.",
            reason="not_a_feed",
        )
    is_atom = parsed.version.startswith("atom")
    base = parsed.feed.get("link") or url
    items = [_item(entry, base, url, is_atom=is_atom) for entry in parsed.entries]
    return _head(parsed.feed), items


def _head(feed: Any) -> Head:
    links = {link.get("rel"): link.get("href", "") for link in feed.get("links") or []}
    return Head(title=feed.get("title", ""), hub=links.get("hub", ""), self_url=links.get("self", ""))


def _parsed(document: str, url: str) -> Any:
    """Let feedparser read a document; what it stumbles over is no feed."""
    try:
        return feedparser.parse(
            document.encode("utf-8", "replace"),
            response_headers={"content-type": "application/xml; charset=utf-8", "content-location": url},
            resolve_relative_uris=False,  # texts become plain; addresses are resolved one by one
            sanitize_html=False,
        )
    except (
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise FeedError(
            "The feed cannot be read.", hint="Check it with a feed validator.", reason="unreadable"
        ) from error


def _refuse_many_bases(text: str) -> None:
    """Refuse what no feed needs: each ``xml:base`` is resolved against all around it."""
    if text.count("xml:base") > _BASES_MAX:
        raise FeedError(
            "The feed changes the base of its addresses too often.",
            hint="Let the feed give absolute addresses.",
            reason="too_complex",
        )


def _item(entry: Any, base: str, url: str, *, is_atom: bool) -> Item:
    title = entry.get("title_detail") or {}
    summary = entry.get("summary_detail") or {}
    content: Any = next(iter(entry.get("content") or []), {})
    caption = entry.get("media_caption", "")
    return Item(
        base=next((d["base"] for d in (content, title) if d.get("base") not in (None, "", url)), base),
        link=entry.get("feedburner_origlink") or entry.get("link") or "",
        guid=entry.get("id") or None,
        title=Text(entry.get("title", ""), is_markup=_is_markup(title, is_atom=is_atom)),
        summary=Text(entry.get("summary") or caption, is_markup=_is_markup(summary, is_atom=is_atom)),
        content=Text(content.get("value", ""), is_markup=_is_markup(content, is_atom=is_atom)),
        author=(entry.get("author_detail") or {}).get("name") or entry.get("author", ""),
        pictures=tuple(_pictures(entry, caption)),
        categories=tuple(tag.get("label") or tag.get("term") or "" for tag in entry.get("tags") or []),
        published_at=_published(entry),
    )


def _is_markup(detail: Any, *, is_atom: bool) -> bool:
    """Say whether a text is HTML: RSS does not tell, so only Atom's word for plain text is taken."""
    return not is_atom or detail.get("type") != "text/plain"


def _pictures(entry: Any, caption: str) -> Iterator[Picture]:
    """Yield the pictures that an item names: Media RSS (the widest first), enclosures, thumbnails.

    ``caption`` says what the only picture of Media RSS shows; of several it is not known which it means.
    """
    media = [found for found in entry.get("media_content") or [] if _is_picture(found)]
    media.sort(key=lambda found: pixels(found.get("width")) or 0, reverse=True)
    enclosures = [found for found in entry.get("enclosures") or [] if _is_picture(found)]
    for found in [*media, *enclosures, *(entry.get("media_thumbnail") or [])]:
        yield Picture(
            url=found.get("url") or found.get("href") or "",
            width=pixels(found.get("width")),
            height=pixels(found.get("height")),
            alt=caption if media == [found] else "",
        )


def _is_picture(found: Any) -> bool:
    return found.get("medium") == "image" or str(found.get("type", "")).startswith("image/")


def _published(entry: Any) -> datetime | None:
    """Return the date of an item; ours is tried first, because it knows more zones and months."""
    text = entry.get("published") or dict.get(entry, "updated") or ""
    return dates.instant(text) or _instant(entry.get("published_parsed") or dict.get(entry, "updated_parsed"))


def _instant(parsed: struct_time | None) -> datetime | None:
    """Return feedparser's UTC date; None for one that cannot be meant."""
    if parsed is None:
        return None
    try:
        found = datetime.fromtimestamp(timegm(parsed), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found >= dates.EARLIEST else None
