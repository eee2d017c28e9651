"""Read a document over HTTP: from public addresses only, within limits, and only when it has changed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import httpcore2

from newsletter.domain import articles
from newsletter.domain.errors import FetchError, InvalidInput
from newsletter.feeds.guard import Deadline, Guard
from newsletter.runtime.clock import Clock, SystemClock

T = TypeVar("T")
_Fields = list[tuple[bytes, bytes]]

WIRE_MAX = 10_000_000  # octets; the largest of 201 real feeds had 2.1 million
INFLATED_MAX = 50_000_000  # octets
RATIO_MAX = 100  # octets inflated for one on the wire; text reaches about 20
REDIRECTS_MAX = 5
SECONDS = 30.0  # for everything: names, connections, redirects, body

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LASTING = frozenset({301, 308})
_PIECE = 65_536  # octets unpacked before the limits are looked at again
_RATIO_FREE = 1_000_000  # octets that may come at any ratio
_ACCEPT = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml;q=0.9,"
    " application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, */*;q=0.1"
)


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """Hold an answer; headers as they stood, for the next conditional request.

    ``body`` is inflated, and empty unless ``status`` is 200. ``permanent_url``: where redirects lead that are all meant
    to last (301, 308), counted from the first; None without one. ``links`` are the Link headers, joined.
    """

    status: int
    final_url: str
    body: bytes = b""
    content_type: str = ""
    etag: str | None = None
    last_modified: str | None = None
    retry_after: str | None = None
    cache_control: str = ""
    permanent_url: str | None = None
    links: str = ""


@dataclass(frozen=True, kw_only=True)
class Peeked:
    """Hold how a document begins; ``length`` is what the server says of all of it, in octets."""

    status: int
    content_type: str
    length: int | None
    head: bytes


class Fetcher:
    """Ask for documents; one object serves a process, and threads."""

    def __init__(
        self,
        allow: frozenset[tuple[str, int]],
        user_agent: str,
        *,
        clock: Clock | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """``allow``: pairs of host and port that may be private; for tests and the demonstration only."""
        self._allow = allow
        self._user_agent = user_agent
        self._clock = clock or SystemClock()
        self._seconds = seconds
        self._tls = httpcore2.default_ssl_context()

    def fetch(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Fetched:
        """Return the answer to a conditional GET, whatever its status, after at most five redirects.

        Raise FetchError when no answer came, or one that may not be followed or read.
        """
        return self._get(url, self._headers(_ACCEPT, etag=etag, last_modified=last_modified), _read)

    def peek(self, url: str, *, limit: int, accept: str) -> Peeked:
        """Return the first octets of a document, at most ``limit``, however long it is; raise FetchError as above."""
        return self._get(
            url, self._headers(accept, coding="identity"), lambda answer, *_: _peek(answer, limit=limit)
        )

    def is_allowed(self, url: str) -> bool:
        """Say whether an address is one of those that may be private."""
        parts = urlsplit(url)
        return (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)) in self._allow

    def _get(self, url: str, headers: _Fields, read: Callable[[httpcore2.Response, str, str | None], T]) -> T:
        deadline = Deadline(self._clock, seconds=self._seconds)
        guard = Guard(self._allow, deadline)
        with httpcore2.ConnectionPool(network_backend=guard, ssl_context=self._tls) as pool:
            try:
                return _follow(pool, _checked(url), headers, deadline, read)
            except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
                raise _no_answer(error) from error

    def post(self, url: str, fields: Mapping[str, str]) -> int:
        """Return the status that a form gets; redirects are not followed. Raise FetchError when no answer came."""
        deadline = Deadline(self._clock, seconds=self._seconds)
        address = _checked(url)
        headers = [
            (b"Host", urlsplit(address).netloc.encode()),
            (b"User-Agent", self._user_agent.encode()),
            (b"Content-Type", b"application/x-www-form-urlencoded"),
        ]
        with httpcore2.ConnectionPool(
            network_backend=Guard(self._allow, deadline), ssl_context=self._tls
        ) as pool:
            try:
                with pool.stream(
                    "POST",
                    address,
                    headers=headers,
                    content=urlencode(fields).encode(),
                    extensions=_timeouts(deadline),
                ) as answer:
                    return answer.status
            except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
                raise _no_answer(error) from error

    def _headers(
        self,
        accept: str,
        *,
        coding: str = "gzip",
        etag: str | None = None,
        last_modified: str | None = None,
    ) -> _Fields:
        fields = {
            "User-Agent": self._user_agent,
            "Accept": accept,
            "Accept-Encoding": coding,
            "If-None-Match": etag,
            "If-Modified-Since": last_modified,
        }
        return [(name.encode(), value.encode("latin-1")) for name, value in fields.items() if value]


def _follow(
    pool: httpcore2.ConnectionPool,
    url: str,
    headers: _Fields,
    deadline: Deadline,
    read: Callable[[httpcore2.Response, str, str | None], T],
) -> T:
    permanent_url, is_lasting = None, True
    for _ in range(REDIRECTS_MAX + 1):
        fields = [*headers, (b"Host", urlsplit(url).netloc.encode())]
        with pool.stream(
            "GET", url.partition("#")[0], headers=fields, extensions=_timeouts(deadline)
        ) as answer:
            location = _header(answer, b"location")
            if answer.status not in _REDIRECTS or not location:
                return read(answer, url, permanent_url)
            is_lasting = is_lasting and answer.status in _LASTING
        url = _next(url, location)
        permanent_url = url if is_lasting else permanent_url
    raise FetchError(
        f"The address redirects more than {REDIRECTS_MAX} times.",
        hint="Give the address that the redirects should end at.",
        reason="too_many_redirects",
    )


def _next(url: str, location: str) -> str:
    target = _checked(urljoin(url, location))
    if url.startswith("https:") and target.startswith("http:"):
        raise FetchError(
            "The address redirects from https to http.",
            hint="Give an https address that stays on https.",
            reason="insecure_redirect",
        )
    return target


def _checked(url: str) -> str:
    try:
        return articles.absolute_url(url)
    except (InvalidInput, ValueError) as error:
        raise FetchError(
            "The address is no http or https address.",
            hint="Give one such as https://www.example.com/feed.xml.",
            reason=getattr(error, "reason", "url_malformed"),
        ) from error


def _timeouts(deadline: Deadline) -> dict[str, dict[str, float]]:
    left = deadline.left()
    return {"timeout": {"connect": min(left, 10.0), "read": left, "write": left, "pool": left}}


def _read(answer: httpcore2.Response, url: str, permanent_url: str | None) -> Fetched:
    return Fetched(
        status=answer.status,
        final_url=url,
        body=_body(answer) if answer.status == 200 else b"",
        content_type=_header(answer, b"content-type"),
        etag=_header(answer, b"etag") or None,
        last_modified=_header(answer, b"last-modified") or None,
        retry_after=_header(answer, b"retry-after") or None,
        cache_control=_header(answer, b"cache-control"),
        permanent_url=permanent_url,
        links=", ".join(_headers_of(answer, b"link")),
    )


def _peek(answer: httpcore2.Response, *, limit: int) -> Peeked:
    head = bytearray()
    for piece in answer.iter_stream() if answer.status == 200 else ():
        head += piece
        if len(head) >= limit:
            break
    announced = _header(answer, b"content-length")
    return Peeked(
        status=answer.status,
        content_type=_header(answer, b"content-type"),
        length=int(announced) if announced.isdigit() and len(announced) < 16 else None,
        head=bytes(head[:limit]),
    )


def _header(answer: httpcore2.Response, name: bytes) -> str:
    return next(iter(_headers_of(answer, name)), "")


def _headers_of(answer: httpcore2.Response, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for found, value in answer.headers if found.lower() == name]


def _body(answer: httpcore2.Response) -> bytes:
    coding = _header(answer, b"content-encoding").lower()
    if coding in {"", "identity"}:
        return b"".join(_limited(answer, limit=WIRE_MAX))
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise FetchError(
            f"The answer is packed with {coding}, which was not asked for.",
            hint="The server must answer gzip or unpacked text.",
            reason="unknown_encoding",
        )
    return _inflate(_limited(answer, limit=WIRE_MAX), is_gzip=coding != "deflate")


def _limited(answer: httpcore2.Response, *, limit: int) -> Iterator[bytes]:
    """Yield the body as it comes; stop one that is longer than ``limit`` octets, announced or not."""
    announced = _header(answer, b"content-length")
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    count = 0
    for piece in answer.iter_stream():
        count += len(piece)
        if count > limit:
            raise _too_large(limit)
        if piece:
            yield piece


def _inflate(pieces: Iterator[bytes], *, is_gzip: bool) -> bytes:
    """Unpack while reading, so that a bomb never fills the memory."""
    unpacked = bytearray()
    try:
        for piece, packed_count in _unpacked(pieces, is_gzip=is_gzip):
            unpacked += piece
            _check_size(len(unpacked), packed_count)
    except zlib.error as error:
        raise _unreadable() from error
    return bytes(unpacked)


def _unpacked(pieces: Iterator[bytes], *, is_gzip: bool) -> Iterator[tuple[bytes, int]]:
    """Yield what comes out, in small pieces, with the count of octets that have gone in."""
    head = next(pieces, b"")
    if not head:
        return
    inflater = zlib.decompressobj(_window_bits(head, is_gzip=is_gzip))
    packed_count = 0
    for piece in chain([head], pieces):
        packed_count += len(piece)
        while piece and not inflater.eof:
            yield inflater.decompress(piece, _PIECE), packed_count
            piece = inflater.unconsumed_tail
    yield inflater.flush(), packed_count
    if not inflater.eof:
        raise _unreadable()


def _window_bits(head: bytes, *, is_gzip: bool) -> int:
    """Return zlib's word for the format; "deflate" comes with and without its header."""
    if is_gzip:
        return 16 + zlib.MAX_WBITS
    return zlib.MAX_WBITS if head[0] & 0x0F == 8 else -zlib.MAX_WBITS


def _check_size(unpacked_count: int, packed_count: int) -> None:
    if unpacked_count > INFLATED_MAX:
        raise _too_large(INFLATED_MAX)
    if unpacked_count > _RATIO_FREE and unpacked_count > RATIO_MAX * packed_count:
        raise _too_large(INFLATED_MAX)


def _unreadable() -> FetchError:
    return FetchError(
        "The answer is packed and cannot be unpacked.",
        hint="It is asked for again later; check the server's compression.",
        reason="bad_encoding",
    )


def _too_large(limit: int) -> FetchError:
    return FetchError(
        f"The answer is longer than {limit // 1_000_000} MB.",
        hint="Let the feed carry fewer articles, or only their summaries.",
        reason="too_large",
    )


def _no_answer(error: Exception) -> FetchError:
    if isinstance(error, httpcore2.TimeoutException):
        reason, what = "timeout", "The server took too long to answer."
    elif "CERTIFICATE" in str(error).upper():
        reason, what = "bad_certificate", "The server's certificate is not valid."
    elif isinstance(error, httpcore2.ProtocolError):
        reason, what = "bad_answer", "The server's answer is no valid HTTP."
    else:
        reason, what = "no_connection", "The server cannot be reached."
    return FetchError(what, hint="It is asked again later; check the address in a browser.", reason=reason)
