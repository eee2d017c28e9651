"""Answer HTTP requests on a free port, as a test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl


@dataclass
class Answer:
    """Hold what to send back; ``write`` replaces the body by whatever it writes."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    write: Callable[[BaseHTTPRequestHandler], None] | None = None


class Website:
    """Keep answers by path, and the requests and forms received."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.forms: list[tuple[str, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def pair(self) -> tuple[str, int]:
        """Return the host and port."""
        return ("127.0.0.1", self.port)

    def url(self, path: str) -> str:
        """Return the address of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    def put(self, path: str, body: bytes = b"", *, status: int = 200, **headers: str) -> str:
        """Answer a path with a body and return its address; ``_`` in names of headers is ``-``."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = Answer(status=status, body=body, headers=fields)
        return self.url(path)

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        website = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                website.requests.append((self.path, dict(self.headers.items())))
                answer = website.answers.get(self.path, Answer(status=404))
                etag = answer.headers.get("ETag")
                status = 304 if etag and etag == self.headers.get("If-None-Match") else answer.status
                self.send_response(status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.write is None:
                    self.send_header("Content-Length", "0" if status == 304 else str(len(answer.body)))
                self.end_headers()
                self._body(answer, status)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                website.forms.append((self.path, dict(parse_qsl(body.decode()))))
                self.send_response(website.answers.get(self.path, Answer(status=404)).status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _body(self, answer: Answer, status: int) -> None:
                try:
                    if answer.write is not None:
                        answer.write(self)
                    elif status != 304:
                        self.wfile.write(answer.body)
                except ConnectionError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@contextmanager
def website() -> Iterator[Website]:
    """Run a website for one test."""
    running = Website()
    try:
        yield running
    finally:
        running.close()
