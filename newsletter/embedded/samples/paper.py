"""Write The Harbour Post: its articles as RSS, Atom and JSON Feed, and as pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from html import escape
from pathlib import Path
from xml.etree import ElementTree as ET

NAME = "The Harbour Post"

_FOLDER = Path(__file__).parent
_ATOM = "http://www.w3.org/2005/Atom"
_MEDIA = "http://search.yahoo.com/mrss/"
_DC = "http://purl.org/dc/elements/1.1/"
_IMAGE_SIZE = (1120, 630)  # pixels; all pictures of the paper have it

ET.register_namespace("", _ATOM)
ET.register_namespace("media", _MEDIA)
ET.register_namespace("dc", _DC)


@dataclass(frozen=True, kw_only=True)
class Story:
    """Hold one article of the paper; ``image`` is a file of the samples, "" for none."""

    slug: str
    feed: str
    topic: str
    title: str
    summary: str
    author: str
    body: tuple[str, ...]
    published_at: datetime
    image: str = ""
    alt: str = ""

    @property
    def path(self) -> str:
        """Return where its page is."""
        return f"/stories/{self.slug}"


def stories(now: datetime) -> list[Story]:
    """Return the articles of the paper, all of them published in the 26 hours before ``now``."""
    now = now.replace(microsecond=0)
    entries = json.loads((_FOLDER / "articles.json").read_text(encoding="utf-8"))["articles"]
    return [
        Story(
            slug=entry["slug"],
            feed=entry["feed"],
            topic=entry["topic"],
            title=entry["title"],
            summary=entry["summary"],
            author=entry["author"],
            body=tuple(entry["body"]),
            published_at=now - timedelta(minutes=entry["minutes_ago"]),
            image=entry.get("image", ""),
            alt=entry.get("alt", ""),
        )
        for entry in entries
    ]


def picture(name: str) -> bytes | None:
    """Return a picture of the samples; None when there is none of that name."""
    known = {path.name: path for path in (_FOLDER / "images").iterdir()}
    return known[name].read_bytes() if name in known else None


def rss(found: Sequence[Story], *, title: str, base: str) -> bytes:
    """Return RSS 2.0 with pictures as Media RSS and summaries as HTML."""
    root = ET.Element("rss", version="2.0")
    channel = ET.SubElement(root, "channel")
    _add(channel, "title", title)
    _add(channel, "link", f"{base}/")
    _add(channel, "description", f"What is new in {NAME}")
    for story in found:
        item = ET.SubElement(channel, "item")
        _add(item, "title", story.title)
        _add(item, "link", f"{base}{story.path}?utm_source=rss")
        _add(item, "guid", f"harbour-post:{story.slug}", isPermaLink="false")
        _add(item, "pubDate", format_datetime(story.published_at))
        _add(item, "category", story.topic)
        _add(item, f"{{{_DC}}}creator", story.author)
        _add(item, "description", f"<p>{escape(story.summary)}</p>")
        if story.image:
            width, height = _IMAGE_SIZE
            url = f"{base}/images/{story.image}"
            attributes = {"medium": "image", "type": "image/jpeg", "width": str(width), "height": str(height)}
            content = _add(item, f"{{{_MEDIA}}}content", "", url=url, **attributes)
            _add(content, f"{{{_MEDIA}}}description", story.alt)
    return _document(root)


def atom(found: Sequence[Story], *, title: str, base: str) -> bytes:
    """Return Atom with relative links, and pictures in the body."""
    root = ET.Element(f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}base": f"{base}/"})
    _add(root, f"{{{_ATOM}}}title", title)
    _add(root, f"{{{_ATOM}}}id", f"{base}/science.atom")
    _add(root, f"{{{_ATOM}}}updated", _latest(found))
    for story in found:
        entry = ET.SubElement(root, f"{{{_ATOM}}}entry")
        _add(entry, f"{{{_ATOM}}}title", story.title, type="text")
        _add(entry, f"{{{_ATOM}}}id", f"tag:harbourpost.example,2026:{story.slug}")
        _add(entry, f"{{{_ATOM}}}link", "", rel="alternate", href=story.path.removeprefix("/"))
        _add(entry, f"{{{_ATOM}}}published", story.published_at.isoformat(timespec="seconds"))
        _add(entry, f"{{{_ATOM}}}updated", story.published_at.isoformat(timespec="seconds"))
        _add(entry, f"{{{_ATOM}}}category", "", term=story.topic.lower(), label=story.topic)
        author = ET.SubElement(entry, f"{{{_ATOM}}}author")
        _add(author, f"{{{_ATOM}}}name", story.author)
        _add(entry, f"{{{_ATOM}}}summary", story.summary, type="text")
        _add(entry, f"{{{_ATOM}}}content", _picture_markup(story, base="") + _paragraphs(story), type="html")
    return _document(root)


def json_feed(found: Sequence[Story], *, title: str, base: str) -> bytes:
    """Return JSON Feed 1.1."""
    items = [
        {
            "id": story.slug,
            "url": f"{base}{story.path}",
            "title": story.title,
            "summary": story.summary,
            "content_html": _picture_markup(story, base=base) + _paragraphs(story),
            "image": f"{base}/images/{story.image}" if story.image else None,
            "date_published": story.published_at.isoformat(timespec="seconds"),
            "authors": [{"name": story.author}],
            "tags": [story.topic],
        }
        for story in found
    ]
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "home_page_url": f"{base}/",
        "items": [{name: value for name, value in item.items() if value is not None} for item in items],
    }
    return json.dumps(feed, ensure_ascii=False, indent=2).encode()


def story_page(story: Story) -> bytes:
    """Return the page of one article."""
    figure = _picture_markup(story, base="")
    return _page(
        story.title,
        f"<article><p class=topic>{escape(story.topic)}</p><h1>{escape(story.title)}</h1>"
        f"<p class=summary>{escape(story.summary)}</p>{figure}"
        f"<p class=by>By {escape(story.author)}</p>{_paragraphs(story)}</article>"
        '<p><a href="/">All articles</a></p>',
    )


def front_page(found: Iterable[Story]) -> bytes:
    """Return the page that lists the articles, and names the feeds as websites do."""
    links = "".join(
        f'<li><a href="{escape(story.path)}">{escape(story.title)}</a><br>{escape(story.summary)}</li>'
        for story in found
    )
    return _page(NAME, f"<h1>Today</h1><ul>{links}</ul>")


def _page(title: str, content: str) -> bytes:
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        '<link rel=alternate type="application/rss+xml" href="/news.rss">'
        '<link rel=alternate type="application/atom+xml" href="/science.atom">'
        '<link rel=alternate type="application/feed+json" href="/culture.json">'
        f"<style>{_STYLE}</style></head><body>"
        f'<header><a href="/"><img src="/images/logo.png" width=280 height=56 alt="{NAME}"></a></header>'
        f"<main>{content}</main>"
        "<footer>The Harbour Post does not exist. Its articles are samples.</footer></body></html>"
    ).encode()


_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--paper:#fbfaf7;--soft:#5c6675}
@media(prefers-color-scheme:dark){:root{--ink:#e8e6e1;--paper:#15181d;--soft:#a3adba}a{color:#8fc1ea}}
body{margin:0;background:var(--paper);color:var(--ink);font:18px/1.6 Georgia,serif}
header,main,footer{max-width:42rem;margin:0 auto;padding:1rem 1.25rem}
h1{font-size:2rem;line-height:1.2;margin:.2em 0 .4em;text-wrap:balance}
img{max-width:100%;height:auto;border-radius:4px}
.topic{margin:1rem 0 0;font:600 .8rem/1 Arial,sans-serif;letter-spacing:.06em;text-transform:uppercase}
.topic,.by,footer{color:var(--soft)}.summary{font-size:1.2rem}.by,footer{font:.85rem/1.5 Arial,sans-serif}
li{margin:0 0 1rem}
"""


def _picture_markup(story: Story, *, base: str) -> str:
    if not story.image:
        return ""
    width, height = _IMAGE_SIZE
    source = escape(f"{base}/images/{story.image}")
    return f'<p><img src="{source}" width="{width}" height="{height}" alt="{escape(story.alt)}"></p>'


def _paragraphs(story: Story) -> str:
    return "".join(f"<p>{escape(paragraph)}</p>" for paragraph in story.body)


def _latest(found: Sequence[Story]) -> str:
    return max(story.published_at for story in found).isoformat(timespec="seconds")


def _add(parent: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, tag, attributes)
    element.text = text or None
    return element


def _document(root: ET.Element) -> bytes:
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document
