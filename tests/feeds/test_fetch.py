"""Check that documents are read within limits, and only from where they may be."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
import zlib
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from threading import Thread

import pytest
import trustme

from newsletter.domain.errors import FetchError
from newsletter.feeds import fetch
from newsletter.feeds.fetch import Fetcher
from newsletter.feeds.guard import is_public
from tests.feeds.http_server import Answer, Website

AGENT = "newsletter-tests"


def reason(call: Callable[[], object]) -> str:
    with pytest.raises(FetchError) as caught:
        call()
    assert caught.value.hint
    return caught.value.reason


def test_a_document_comes_with_what_the_next_request_needs(site: Website, fetcher: Fetcher) -> None:
    url = site.put("/feed", b"<rss/>", ETag='W/"a,b"', Last_Modified="yesterday-ish", Content_Type="text/xml")

    answer = fetcher.fetch(url)

    assert (answer.status, answer.body, answer.content_type) == (200, b"<rss/>", "text/xml")
    assert (answer.etag, answer.last_modified, answer.final_url) == ('W/"a,b"', "yesterday-ish", url)


def test_validators_go_back_word_for_word_and_304_has_no_body(site: Website, fetcher: Fetcher) -> None:
    url = site.put("/feed", b"<rss/>", ETag='"a"')

    answer = fetcher.fetch(url, etag='"a"', last_modified="Mon")

    assert (answer.status, answer.body) == (304, b"")
    _, asked = site.requests[0]
    assert (asked["If-None-Match"], asked["If-Modified-Since"]) == ('"a"', "Mon")


def test_the_request_is_honest_and_carries_no_more_than_it_must(site: Website, fetcher: Fetcher) -> None:
    fetcher.fetch(site.put("/feed"))

    _, asked = site.requests[0]
    assert set(asked) == {"User-Agent", "Accept", "Accept-Encoding", "Host"}
    assert asked["User-Agent"] == "newsletter-tests (+https://post.example.com/)"


@pytest.mark.parametrize("status", [404, 410, 429, 500, 503])
def test_a_refusal_is_an_answer(site: Website, fetcher: Fetcher, status: int) -> None:
    answer = fetcher.fetch(site.put("/feed", b"no", status=status, Retry_After="120"))

    assert (answer.status, answer.body, answer.retry_after) == (status, b"", "120")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(site: Website, fetcher: Fetcher, status: int) -> None:
    site.put("/b", b"here")

    answer = fetcher.fetch(site.put("/a", status=status, Location="/b"))

    assert (answer.body, answer.final_url) == (b"here", site.url("/b"))


def test_a_redirect_loop_ends(site: Website, fetcher: Fetcher) -> None:
    site.put("/b", status=302, Location="/a")
    url = site.put("/a", status=302, Location="/b")

    assert reason(lambda: fetcher.fetch(url)) == "too_many_redirects"
    assert len(site.requests) == fetch.REDIRECTS_MAX + 1


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("http://169.254.169.254/latest/meta-data/", "private_address"),
        ("http://127.0.0.1:1/", "port_refused"),
        ("file:///etc/passwd", "url_scheme"),
        ("//[::1]/", "private_address"),
    ],
)
def test_each_redirect_is_checked(site: Website, fetcher: Fetcher, target: str, why: str) -> None:
    url = site.put("/a", status=302, Location=target)

    assert reason(lambda: fetcher.fetch(url)) == why


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://localhost/", "private_address"),
        ("http://127.0.0.1/", "private_address"),
        ("http://0x7f000001/", "private_address"),
        ("http://2130706433/", "private_address"),
        ("http://127.1/", "private_address"),
        ("http://10.1.2.3/", "private_address"),
        ("http://100.64.1.1/", "private_address"),
        ("http://[::ffff:10.0.0.1]/", "private_address"),
        ("http://[64:ff9b::7f00:1]/", "private_address"),
        ("http://10.0.0.1:22/", "port_refused"),
        ("http://user:secret@example.com/", "url_userinfo"),
        ("ftp://example.com/feed", "url_scheme"),
        ("http://no-such-host.invalid/", "unknown_host"),
        ("http://exa mple/", "url_host"),
    ],
)
def test_only_public_addresses_on_the_ports_of_the_web_are_asked(url: str, why: str) -> None:
    assert reason(lambda: Fetcher(frozenset(), AGENT).fetch(url)) == why


def test_an_exception_holds_for_one_pair_of_host_and_port(site: Website) -> None:
    other = Fetcher(frozenset({("127.0.0.1", site.port + 1), ("localhost", site.port)}), AGENT)

    assert reason(lambda: other.fetch(site.put("/"))) == "port_refused"


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("93.184.216.34", True),
        ("2606:4700::1111", True),
        ("64:ff9b::5db8:d822", True),
        ("::ffff:93.184.216.34", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("192.168.1.1", False),
        ("172.16.0.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("::7f00:1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("2002:7f00:1::", False),
        ("2001:0:7f00:1::", False),
        ("64:ff9b:1::7f00:1", False),
    ],
)
def test_public_addresses_are_told_from_all_others(address: str, answer: bool) -> None:
    assert is_public(address) is answer


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, lambda b: zlib.compress(b)[2:-4]])
def test_packed_answers_are_unpacked(site: Website, fetcher: Fetcher, pack: Callable[[bytes], bytes]) -> None:
    coding = "gzip" if pack is gzip.compress else "deflate"
    text = b"<rss>" + b"words and words " * 9000

    answer = fetcher.fetch(site.put("/feed", pack(text), Content_Encoding=coding))

    assert answer.body == text


@pytest.mark.parametrize(
    "body", [b"plain after all", gzip.compress(b"x" * 999)[:-9]], ids=["not packed", "cut off"]
)
def test_a_broken_packing_is_reported(site: Website, fetcher: Fetcher, body: bytes) -> None:
    url = site.put("/feed", body, Content_Encoding="gzip")

    assert reason(lambda: fetcher.fetch(url)) == "bad_encoding"


def test_a_packing_that_was_not_asked_for_is_refused(site: Website, fetcher: Fetcher) -> None:
    url = site.put("/feed", b"x", Content_Encoding="br")

    assert reason(lambda: fetcher.fetch(url)) == "unknown_encoding"


def test_a_gzip_bomb_is_stopped_early(site: Website, fetcher: Fetcher) -> None:
    url = site.put("/feed", gzip.compress(b"\0" * 60_000_000), Content_Encoding="gzip")

    assert reason(lambda: fetcher.fetch(url)) == "too_large"


def test_more_than_ten_megabytes_are_refused_when_announced(site: Website, fetcher: Fetcher) -> None:
    url = site.put("/feed", b"x" * (fetch.WIRE_MAX + 1))

    assert reason(lambda: fetcher.fetch(url)) == "too_large"


def test_more_than_ten_megabytes_are_refused_when_they_just_come(site: Website, fetcher: Fetcher) -> None:
    def pour(handler: BaseHTTPRequestHandler) -> None:
        for _ in range(200):
            handler.wfile.write(b"x" * 100_000)

    site.answers["/feed"] = Answer(write=pour)

    assert reason(lambda: fetcher.fetch(site.url("/feed"))) == "too_large"


def test_a_feed_of_nearly_ten_megabytes_is_read(site: Website, fetcher: Fetcher) -> None:
    answer = fetcher.fetch(site.put("/feed", b"x" * fetch.WIRE_MAX))

    assert len(answer.body) == fetch.WIRE_MAX


def test_a_server_that_drips_is_left_at_the_deadline(site: Website) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        for _ in range(100):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    site.answers["/feed"] = Answer(write=drip)
    impatient = Fetcher(frozenset({site.pair}), AGENT, seconds=0.4)
    started = time.monotonic()

    assert reason(lambda: impatient.fetch(site.url("/feed"))) == "timeout"
    assert time.monotonic() - started < 2


def test_a_server_that_says_nothing_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        pair = ("127.0.0.1", silent.getsockname()[1])
        impatient = Fetcher(frozenset({pair}), AGENT, seconds=0.3)

        assert reason(lambda: impatient.fetch(f"http://127.0.0.1:{pair[1]}/")) == "timeout"


def test_a_server_that_is_down_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closing:
        pair = ("127.0.0.1", closing.getsockname()[1])

    assert reason(lambda: Fetcher(frozenset({pair}), AGENT).fetch(f"http://127.0.0.1:{pair[1]}/")) == (
        "no_connection"
    )


def test_an_answer_that_is_no_http_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        pair = ("127.0.0.1", listening.getsockname()[1])

        def answer() -> None:
            connection, _ = listening.accept()
            connection.recv(4096)
            connection.sendall(b"220 mail.example.com ESMTP\r\n\r\n")
            connection.close()

        Thread(target=answer, daemon=True).start()

        assert reason(lambda: Fetcher(frozenset({pair}), AGENT).fetch(f"http://127.0.0.1:{pair[1]}/")) == (
            "bad_answer"
        )


def test_a_certificate_of_nobody_known_is_refused() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        pair = ("127.0.0.1", listening.getsockname()[1])

        def answer() -> None:
            connection, _ = listening.accept()
            try:
                context.wrap_socket(connection, server_side=True)
            except OSError:
                connection.close()

        Thread(target=answer, daemon=True).start()

        assert reason(lambda: Fetcher(frozenset({pair}), AGENT).fetch(f"https://127.0.0.1:{pair[1]}/")) == (
            "bad_certificate"
        )


def test_a_redirect_from_https_to_http_is_refused() -> None:
    with pytest.raises(FetchError) as caught:
        fetch._next("https://www.example.com/feed", "http://www.example.com/feed")

    assert caught.value.reason == "insecure_redirect"
