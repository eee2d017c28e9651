"""Find the image that an article's page names for those who link to it (the Open Graph protocol, ogp.me)."""

from __future__ import annotations

from dataclasses import dataclass

from newsletter.domain import articles
from newsletter.domain.errors import FetchError, InvalidInput
from newsletter.domain.markup import MarkupReader
from newsletter.feeds import decode
from newsletter.feeds.fetch import Fetcher
from newsletter.feeds.images import ImageFault, fault_of, refusal

HEAD_MAX = 262_144  # octets read: some pages have their styles before their names
_NAMES = ("og:image:secure_url", "og:image", "og:image:url")  # the best first
_ALT_MAX = 300


@dataclass(frozen=True, kw_only=True)
class Named:
    """Hold the image that a page names; ``fault`` says why there is none."""

    url: str = ""
    alt: str = ""
    fault: ImageFault | None = None


def look(fetcher: Fetcher, page_url: str) -> Named:
    """Read the head of a page."""
    try:
        found = fetcher.peek(page_url, limit=HEAD_MAX, accept="text/html")
    except FetchError as error:
        return Named(fault=fault_of(error.reason))
    if found.status != 200:
        return Named(fault=refusal(found.status))
    return named_in(decode.text_of(found.head, found.content_type), page_url)


def named_in(markup: str, page_url: str) -> Named:
    """Return the first image that the markup of a page names, with its own description."""
    reader = _MetaReader()
    reader.read(markup)
    alt = articles.text_of_markup(reader.first.get("og:image:alt", ""), limit=_ALT_MAX)
    for given in filter(None, map(reader.first.get, _NAMES)):
        try:
            return Named(url=articles.absolute_url(given, base=page_url), alt=alt)
        except InvalidInput:
            continue
    return Named(fault=ImageFault.UNNAMED)


class _MetaReader(MarkupReader):
    """Keep the first content of each property."""

    def __init__(self) -> None:
        super().__init__()
        self.first: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        name = (values.get("property") or values.get("name", "")).strip().lower()
        if tag == "meta" and name.startswith("og:image") and values.get("content", "").strip():
            self.first.setdefault(name, values["content"].strip())
