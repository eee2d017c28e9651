"""Read articles out of a feed: RSS, Atom, RDF or JSON Feed."""

from __future__ import annotations

from dataclasses import dataclass, field

from newsletter.domain import articles
from newsletter.domain.articles import ArticleDraft
from newsletter.domain.errors import FeedError, InvalidInput
from newsletter.feeds import decode, json_feed, page, xml_feed
from newsletter.feeds.head import Head
from newsletter.feeds.item import Item

ITEMS_READ = 2_000  # of one document
ITEMS_KEPT = 200  # the newest of them; a poll every quarter of an hour meets far fewer


@dataclass(frozen=True, kw_only=True)
class ParsedFeed:
    """Hold a feed; ``skipped`` names, once for each item left out, the reason. ``head`` is as the feed wrote it."""

    title: str
    items: tuple[ArticleDraft, ...]
    skipped: tuple[str, ...] = ()
    head: Head = field(default_factory=Head, compare=False)


def parse(body: bytes, content_type: str, url: str) -> ParsedFeed:
    """Read a document that came from ``url``; raise FeedError with a reason when it is no feed.

    The content type only tells the character set: what it says of the format is too often wrong.
    """
    text = decode.text_of(body, content_type)
    mark = text.lstrip()[:1]
    if mark == "{":
        head, items = json_feed.read(text, url)
    elif mark == "<":
        if page.is_page(text):
            raise page.fault(text, url)
        head, items = xml_feed.read(text, url, limit=ITEMS_READ)
    else:
        raise _no_feed(is_empty=not mark)
    return _collect(head, items[:ITEMS_READ])


def _collect(head: Head, items: list[Item]) -> ParsedFeed:
    drafts: list[ArticleDraft] = []
    skipped: list[str] = []
    for item in items:
        try:
            drafts.append(item.draft())
        except InvalidInput as error:
            skipped.append(error.reason)
    kept = _newest(drafts)
    skipped += ["too_many"] * (len(drafts) - len(kept))
    return ParsedFeed(
        title=articles.text_of_markup(head.title, limit=articles.TITLE_MAX),
        items=kept,
        skipped=tuple(skipped),
        head=head,
    )


def _newest(drafts: list[ArticleDraft]) -> tuple[ArticleDraft, ...]:
    """Return the newest, in the order of the document; without dates the first are the newest."""
    if len(drafts) <= ITEMS_KEPT:
        return tuple(drafts)
    dated = [(draft.published_at, -place) for place, draft in enumerate(drafts) if draft.published_at]
    if len(dated) < len(drafts):
        return tuple(drafts[:ITEMS_KEPT])
    kept = {-place for _, place in sorted(dated, reverse=True)[:ITEMS_KEPT]}
    return tuple(draft for place, draft in enumerate(drafts) if place in kept)


def _no_feed(*, is_empty: bool) -> FeedError:
    return FeedError(
        "The document is empty." if is_empty else "The document is no feed.",
        hint="Give the address of an RSS, Atom or JSON feed.",
        reason="empty" if is_empty else "not_a_feed",
    )
