"""Serve the sample paper on a local port: feeds, pages and pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from threading import Lock, Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from newsletter.embedded.http_server import Server
from newsletter.embedded.samples import paper
from newsletter.embedded.samples.paper import Story

HOST = "127.0.0.1"

Writer = Callable[..., bytes]

_FEEDS: dict[str, tuple[str, str, str, Writer]] = {  # path: name, title, content type, format
    "/news.rss": ("news", "The Harbour Post: News", "application/rss+xml; charset=utf-8", paper.rss),
    "/science.atom": (
        "science",
        "The Harbour Post: Science",
        "application/atom+xml; charset=utf-8",
        paper.atom,
    ),
    "/culture.json": ("culture", "The Harbour Post: Culture", "application/feed+json", paper.json_feed),
}


@dataclass(frozen=True)
class _Page:
    body: bytes
    content_type: str = "text/html; charset=utf-8"
    status: int = 200

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'


class FeedServer:
    """Run the website of an invented paper while a block lasts; its articles are new at ``now``."""

    def __init__(self, *, now: datetime, port: int = 0) -> None:
        """Open the port, 0 for a free one; nothing is answered before ``start``."""
        self._stories = paper.stories(now)
        self._lock = Lock()
        self._server = Server((HOST, port), _handler(self))
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    @property
    def port(self) -> int:
        """Return the port."""
        return self._server.server_port

    @property
    def base_url(self) -> str:
        """Return the address of the front page, without the slash."""
        return f"http://{HOST}:{self.port}"

    @property
    def logo_url(self) -> str:
        """Return the address of the paper's logo: 560 by 112 pixels, to be shown at half of that."""
        return f"{self.base_url}/images/logo.png"

    @property
    def feed_urls(self) -> list[str]:
        """Return the addresses of the feeds: RSS, Atom and JSON Feed."""
        return [self.base_url + path for path in _FEEDS]

    @property
    def stories(self) -> list[Story]:
        """Return the articles, newest first."""
        with self._lock:
            return sorted(self._stories, key=lambda story: story.published_at, reverse=True)

    def story_url(self, slug: str) -> str:
        """Return the address of an article."""
        return f"{self.base_url}/stories/{slug}"

    def add(
        self,
        *,
        slug: str,
        title: str,
        now: datetime,
        summary: str = "",
        topic: str = "Politics",
        feed: str = "news",
        author: str = "",
        body: Sequence[str] = (),
    ) -> Story:
        """Publish one more article in a feed (news, science or culture)."""
        story = Story(
            slug=slug,
            feed=feed,
            topic=topic,
            title=title,
            summary=summary,
            author=author,
            body=tuple(body) or (summary,),
            published_at=now,
        )
        with self._lock:
            self._stories = [known for known in self._stories if known.slug != slug] + [story]
        return story

    def start(self) -> None:
        """Answer requests from now on."""
        self._thread.start()

    def close(self) -> None:
        """Answer no more and give the port back."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def page(self, path: str) -> _Page:
        """Return what stands at a path."""
        if path in _FEEDS:
            name, title, content_type, write = _FEEDS[path]
            found = [story for story in self.stories if story.feed == name]
            return _Page(write(found, title=title, base=self.base_url), content_type)
        if path == "/":
            return _Page(paper.front_page(self.stories))
        if path.startswith("/images/"):
            return _picture(path.removeprefix("/images/"))
        story = next((story for story in self.stories if story.path == path), None)
        return _Page(paper.story_page(story)) if story else _missing()


def _picture(name: str) -> _Page:
    body = paper.picture(name)
    if body is None:
        return _missing()
    return _Page(body, "image/png" if name.endswith(".png") else "image/jpeg")


def _missing() -> _Page:
    return _Page(b"Not found", "text/plain; charset=utf-8", 404)


def _handler(server: FeedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = server.page(urlsplit(self.path).path)
            if page.status == 200 and page.etag == self.headers.get("If-None-Match"):
                page = _Page(b"", page.content_type, 304)
            self._head(page)
            self.wfile.write(page.body)

        def do_HEAD(self) -> None:
            self._head(server.page(urlsplit(self.path).path))

        def _head(self, page: _Page) -> None:
            self.send_response(page.status)
            self.send_header("Content-Type", page.content_type)
            self.send_header("Content-Length", str(len(page.body)))
            if page.status == 200:
                self.send_header("ETag", page.etag)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the demonstration's output is for its steps."""

    return Handler
