"""Make an article of an item, whatever the format of its feed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from newsletter.domain import articles
from newsletter.domain.articles import ArticleDraft
from newsletter.domain.errors import InvalidInput
from newsletter.domain.markup import MarkupReader

_WIDE = 600  # pixels: the width of a mail
_PIXEL = 2  # pixels: what is as small as this counts readers
_PICTURES_MAX = 50  # of a body looked at: the first is taken nearly always
_TAG_MAX = 4_000  # characters
_IMAGE = re.compile(r"<img[\s/]", re.IGNORECASE)
_TAG = re.compile(r"<img[\s/](?:[^>\"']|\"[^\"]*\"|'[^']*')*+>", re.IGNORECASE)
_HIDING = re.compile(
    r"<(?:!|script|style|template|iframe|textarea|title|xmp|noembed|noframes|plaintext)", re.IGNORECASE
)
_BODY_MAX = 100_000  # characters of a body looked at for a picture
_GUID_MAX = 2_000
_COUNTERS = (
    "feedburner.com",
    "feedsportal.com",
    "doubleclick.net",
    "pixel.wp.com",
    "stats.wordpress.com",
    "/pixel",
    "/tracking",
    "/beacon",
)


@dataclass(frozen=True)
class Text:
    """Hold a text and whether it is HTML."""

    value: str = ""
    is_markup: bool = False

    def plain(self, *, limit: int) -> str:
        """Return it in one line without markup."""
        if self.is_markup:
            return articles.text_of_markup(self.value, limit=limit)
        return articles.plain_text(self.value, limit=limit)

    def summary(self, *, title: str) -> str:
        """Return it as a summary, "" when it only repeats the title."""
        if self.is_markup:
            return articles.summary_text(self.value, title=title)
        text = articles.plain_text(self.value, limit=articles.SUMMARY_MAX)
        return "" if text == title else text


@dataclass(frozen=True, kw_only=True)
class Picture:
    """Hold what an item says of a picture; sizes in pixels, None when it does not say."""

    url: str
    width: int | None = None
    height: int | None = None
    alt: str = ""


@dataclass(frozen=True, kw_only=True)
class Item:
    """Hold an item as its feed gave it; ``base`` is what relative addresses start from."""

    base: str
    link: str = ""
    guid: str | None = None
    title: Text = Text()
    summary: Text = Text()
    content: Text = Text()
    author: str = ""
    pictures: tuple[Picture, ...] = ()
    categories: tuple[str, ...] = ()
    published_at: datetime | None = None

    def draft(self) -> ArticleDraft:
        """Return the cleaned article; raise InvalidInput with the reason when it cannot be one."""
        if not self.link.strip():
            raise _useless("no_link")
        url = articles.absolute_url(self.link, base=self.base)
        title = self.title.plain(limit=articles.TITLE_MAX)
        summary = self.summary.summary(title=title) or self.content.summary(title=title)
        if not title:
            title = articles.shorten(summary, limit=90)
        if not title:
            raise _useless("no_title")
        picture = self._picture()
        return ArticleDraft(
            url=url,
            title=title,
            guid=articles.plain_text(self.guid, limit=_GUID_MAX) if self.guid else None,
            summary=summary,
            author=self._author(),
            image_url=picture.url if picture else "",
            image_width=picture.width if picture else None,
            image_height=picture.height if picture else None,
            image_alt=articles.text_of_markup(picture.alt, limit=300) if picture else "",
            categories=articles.clean_categories(list(self.categories)),
            published_at=self.published_at,
        )

    def _author(self) -> str:
        """Return the author's name; many feeds put an address in its place, which is nobody's business."""
        name = articles.text_of_markup(self.author, limit=articles.AUTHOR_MAX)
        return "" if "@" in name else name

    def _picture(self) -> Picture | None:
        """Return the first picture that may be wide enough, else the widest; its text may stand in the body."""
        found: list[Picture] = []
        for picture in self._all_pictures():
            usable = self._usable(picture)
            if usable is not None:
                found.append(usable)
            if len(found) == 1 and _is_wide(found[0]) and found[0].alt:
                return found[0]
        best = next(filter(_is_wide, found), None) or max(
            found, key=lambda picture: picture.width or 0, default=None
        )
        if best is None or best.alt:
            return best
        alt = next((picture.alt for picture in found if picture.url == best.url and picture.alt), "")
        return replace(best, alt=alt)

    def _all_pictures(self) -> Iterator[Picture]:
        yield from self.pictures
        for body in (self.content, self.summary):
            if body.is_markup and "<img" in body.value.lower():
                yield from pictures_of(body.value)

    def _usable(self, picture: Picture) -> Picture | None:
        sizes = [size for size in (picture.width, picture.height) if size is not None]
        if not picture.url.strip() or any(size <= _PIXEL for size in sizes):
            return None
        try:
            url = articles.absolute_url(picture.url, base=self.base)
        except InvalidInput:
            return None
        if any(mark in url for mark in _COUNTERS):
            return None
        return replace(picture, url=url)


def _is_wide(picture: Picture) -> bool:
    return picture.width is None or picture.width >= _WIDE


def pictures_of(markup: str) -> Iterator[Picture]:
    """Yield the pictures of a body in order."""
    text = markup[:_BODY_MAX]
    reader = _PictureReader()
    if _HIDING.search(text):  # what stands in comments and scripts is no picture
        reader.read(text)
        yield from reader.pictures
        return
    for tag in islice(_IMAGE.finditer(text), _PICTURES_MAX):
        whole = _TAG.match(text, tag.start(), tag.start() + _TAG_MAX)
        if whole is not None:
            reader.read(whole[0])
            reader.reset()
            yield from reader.pictures[-1:]


def pixels(text: object) -> int | None:
    """Return a number of pixels; None when it is none."""
    digits = str(text).strip().removesuffix("px")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 5 else None


class _PictureReader(MarkupReader):
    """Collect the pictures of a document."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[Picture] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "img":
            return
        values = {name: value or "" for name, value in attrs}
        self.pictures.append(
            Picture(
                url=values.get("src", ""),
                width=pixels(values.get("width")),
                height=pixels(values.get("height")),
                alt=values.get("alt", ""),
            )
        )


def _useless(reason: str) -> InvalidInput:
    return InvalidInput(
        "An item has no title or no address.", hint="Let the feed give each item both.", reason=reason
    )
