"""Tell a web page from a feed, and find the feed that the page names."""

from __future__ import annotations

import re

from newsletter.domain import articles
from newsletter.domain.errors import FeedError, InvalidInput
from newsletter.domain.markup import MarkupReader

_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL
)
_LOOKED_AT = 100_000  # characters: the head of a page
_FEED_TYPES = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"}
)


def is_page(text: str) -> bool:
    """Say whether a text is HTML."""
    return _START.match(text[:_LOOKED_AT]) is not None


def fault(text: str, url: str) -> FeedError:
    """Return the error for a page that was given as a feed; its hint names the feed that the page names."""
    reader = _LinkReader()
    reader.read(text[:_LOOKED_AT])
    hint = "Give the address of the feed itself."
    for href in reader.feeds:
        try:
            hint = f"The page names a feed: {articles.absolute_url(href, base=url)}"
        except InvalidInput:
            continue
        break
    return FeedError("The address leads to a web page, not to a feed.", hint=hint, reason="not_a_feed")


class _LinkReader(MarkupReader):
    """Collect the feeds that a page names in its head."""

    def __init__(self) -> None:
        super().__init__()
        self.feeds: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        is_alternate = tag == "link" and "alternate" in values.get("rel", "").lower().split()
        if is_alternate and values.get("type", "").lower() in _FEED_TYPES and values.get("href"):
            self.feeds.append(values["href"])
