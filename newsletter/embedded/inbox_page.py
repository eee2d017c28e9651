"""Show the inbox in a browser: a list with search, and each message as HTML, text, headers and source."""

from __future__ import annotations

import ipaddress
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import SplitResult, parse_qs, urlencode, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from newsletter.embedded import inbox
from newsletter.embedded.http_server import Server
from newsletter.embedded.inbox import Entry, Mailbox
from newsletter.runtime import paths
from newsletter.runtime.clock import Clock

_PER_PAGE = 50
_VIEWS = ("html", "text", "headers", "source")
_SCREENS = ("desktop", "phone")
_SCHEMES = ("light", "dark")
_PAGE_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A message may show pictures and styles; it may run nothing, send nothing and reach nothing of this page.
_MESSAGE_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src http: https: data:; "
    "style-src 'unsafe-inline'; frame-ancestors 'self'"
)
_MESSAGE_PATH = re.compile(r"/m/(\d{1,9})(/html|\.eml)?")
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_SCHEME_QUERY = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)


@dataclass(frozen=True)
class _Answer:
    body: bytes
    content_type: str = "text/html; charset=utf-8"
    policy: str = _PAGE_POLICY
    status: HTTPStatus = HTTPStatus.OK
    filename: str = ""


class Page:
    """Serve one mailbox on a port of this machine."""

    def __init__(self, mailbox: Mailbox, *, host: str, port: int, clock: Clock) -> None:
        """Take the port, or any other when somebody has it; nothing is answered before the start."""
        listener = inbox.listening(host, preferred=port)
        handler = _handler(_Site(mailbox, clock))
        self._server = Server(listener.getsockname(), handler, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listener
        self._server.server_port = listener.getsockname()[1]
        self.url = f"http://{host}:{self._server.server_port}"

    def start(self) -> None:
        """Answer, in a thread."""
        serve = partial(self._server.serve_forever, poll_interval=0.1)  # seconds: how long a stop may take
        threading.Thread(target=serve, name="inbox", daemon=True).start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


class _Site:
    def __init__(self, mailbox: Mailbox, clock: Clock) -> None:
        self._mailbox = mailbox
        self._clock = clock
        self._folder = paths.templates() / "inbox"
        self._environment = Environment(
            loader=FileSystemLoader(self._folder),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["when"] = self._when
        self._environment.filters["size"] = _size

    def answer(self, target: SplitResult) -> _Answer:
        """Return what stands at an address of the site."""
        asked = {name: values[-1] for name, values in parse_qs(target.query).items()}
        fixed: Mapping[str, Callable[[], _Answer]] = {
            "/": lambda: self._list(asked),
            "/messages.json": lambda: self._json(asked),
            "/style.css": lambda: self._file("style.css", "text/css; charset=utf-8"),
            "/inbox.js": lambda: self._file("inbox.js", "text/javascript; charset=utf-8"),
            "/icon.svg": lambda: self._file("icon.svg", "image/svg+xml"),
        }
        if target.path in fixed:
            return fixed[target.path]()
        match = _MESSAGE_PATH.fullmatch(target.path)
        entry = self._mailbox.entry(int(match[1])) if match else None
        if match is None or entry is None:
            return self._page("missing.html", asked, status=HTTPStatus.NOT_FOUND)
        if match[2] == "/html":
            return self._html(entry, _one_of(_SCHEMES, asked.get("scheme"), default="light"))
        if match[2] == ".eml":
            return _Answer(
                self._mailbox.raw(entry.number), "message/rfc822", filename=f"message-{entry.number}.eml"
            )
        return self._message(entry, asked)

    def _list(self, asked: Mapping[str, str]) -> _Answer:
        return self._page("list.html", asked)

    def _json(self, asked: Mapping[str, str]) -> _Answer:
        found = self._mailbox.entries(asked.get("q", ""))
        records = [asdict(entry) | {"received_at": entry.received_at.isoformat()} for entry in found]
        return _Answer(json.dumps(records, ensure_ascii=False).encode(), "application/json")

    def _file(self, name: str, content_type: str) -> _Answer:
        return _Answer((self._folder / name).read_bytes(), content_type)

    def _html(self, entry: Entry, scheme: str) -> _Answer:
        html = inbox.html_of(self._mailbox.parsed(entry.number))
        return _Answer(_for_frame(html, scheme).encode("utf-8", "replace"), policy=_MESSAGE_POLICY)

    def _message(self, entry: Entry, asked: Mapping[str, str]) -> _Answer:
        parsed = self._mailbox.parsed(entry.number)
        has_html = bool(inbox.html_of(parsed))
        view = _one_of(_VIEWS, asked.get("view"), default="html" if has_html else "text")
        return self._page(
            "message.html",
            asked,
            entry=entry,
            view=view,
            views=_VIEWS if has_html else _VIEWS[1:],
            screen=_one_of(_SCREENS, asked.get("screen"), default="desktop"),
            scheme=_one_of(_SCHEMES, asked.get("scheme"), default="light"),
            text=inbox.text_of(parsed) if view == "text" else "",
            headers=inbox.headers_of(parsed) if view == "headers" else [],
            source=self._mailbox.raw(entry.number).decode("utf-8", "replace") if view == "source" else "",
        )

    def _page(
        self,
        template: str,
        asked: Mapping[str, str],
        *,
        status: HTTPStatus = HTTPStatus.OK,
        **values: object,
    ) -> _Answer:
        search = asked.get("q", "").strip()
        found = self._mailbox.entries(search)
        last_page = max(1, -(-len(found) // _PER_PAGE))
        wanted = asked.get("page", "")
        page = min(int(wanted) if wanted.isdecimal() and len(wanted) < 9 else 1, last_page) or 1
        html = self._environment.get_template(template).render(
            values,
            entries=found[(page - 1) * _PER_PAGE : page * _PER_PAGE],
            found_count=len(found),
            newest=found[0].number if found else 0,
            search=search,
            page=page,
            last_page=last_page,
            link=_linker(search, page),
        )
        return _Answer(html.encode(), status=status)

    def _when(self, entry: Entry) -> str:
        local = entry.received_at.astimezone()
        today = self._clock.now().astimezone().date()
        return f"{local:%H:%M}" if local.date() == today else f"{local.day} {local:%b}"


def _linker(search: str, page: int) -> Callable[..., str]:
    def link(path: str, **over: object) -> str:
        kept = {"q": search, "page": page if page > 1 else ""} | over
        query = urlencode({name: value for name, value in kept.items() if value})
        return f"{path}?{query}" if query else path

    return link


def _one_of(words: tuple[str, ...], word: str | None, *, default: str) -> str:
    return word if word in words else default


def _size(octets: int) -> str:
    return f"{octets / 1024:.0f} kB" if octets >= 1024 else f"{octets} B"


def _for_frame(html: str, scheme: str) -> str:
    """Open links outside the frame, and take the colours asked for instead of this machine's.

    Inside the frame, the sandbox would break the pages that links lead to; and browsers answer a message's
    ``prefers-color-scheme`` with the setting of the machine, whatever the frame around it says.
    """
    always, never = "(min-width: 0)", "(max-width: 0)"
    html = _SCHEME_QUERY.sub(lambda match: always if match[1].lower() == scheme else never, html)
    extra = f'<base target="_blank"><style>:root {{ color-scheme: {scheme} !important }}</style>'
    head = _HEAD.search(html)
    return html[: head.end()] + extra + html[head.end() :] if head else extra + html


def _is_this_machine(host: str) -> bool:
    """Refuse names that somebody else's DNS points here: a page of theirs would read the inbox."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost":
            return True
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _target(path: str) -> SplitResult:
    """Return the parts of what a client asks for; nothing is there where it is no address."""
    try:
        return urlsplit(path)
    except ValueError:
        return urlsplit("/none")


def _handler(site: _Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answer GET and HEAD."""

        protocol_version = "HTTP/1.1"
        server_version = "Inbox"
        sys_version = ""

        def do_GET(self) -> None:
            """Answer with the body."""
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            """Answer without the body."""
            self._answer(with_body=False)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has there
            """Write no access log: nobody else is here."""

        def _answer(self, *, with_body: bool) -> None:
            if _is_this_machine(self.headers.get("Host", "")):
                answer = site.answer(_target(self.path))
            else:
                answer = _Answer(b"Unknown host", "text/plain", status=HTTPStatus.MISDIRECTED_REQUEST)
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.send_header("Content-Security-Policy", answer.policy)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Cache-Control", "no-store")
            if answer.filename:
                self.send_header("Content-Disposition", f'attachment; filename="{answer.filename}"')
            self.end_headers()
            if with_body:
                self.wfile.write(answer.body)

    return Handler
