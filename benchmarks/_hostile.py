"""Make hostile mail: each piece has made some parser slow, deep or wrong."""

from __future__ import annotations

from collections.abc import Iterator

SIZE = 10_000_000
HEAD = b"From: MAILER-DAEMON@mx.example\nTo: news@post.example.com\nSubject: Undelivered Mail\n"
TEXT = HEAD + b"Content-Type: text/plain\n\nYour mail could not be delivered\n"
REPORT = HEAD + b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"


def hostile(size: int = SIZE) -> Iterator[tuple[str, bytes]]:
    """Yield named messages of this size in octets, or what makes them hostile."""
    for name, head, unit in _REPEATED:
        yield name, head + unit * (size // len(unit))
    yield "nested multiparts", _nested(10_000)
    yield "nested messages", HEAD + b"Content-Type: message/rfc822\n\n" * 10_000
    yield "10,000 recipients", REPORT + b"".join(_recipient(number) for number in range(10_000))
    yield "10,000 addresses", TEXT + b"".join(b"<r%d@reader.example>: no\n" % n for n in range(10_000))


def _nested(depth: int) -> bytes:
    levels = (
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number)
        for number in range(depth)
    )
    return HEAD + b"".join(levels) + b"\nend\n"


def _recipient(number: int) -> bytes:
    return b"Final-Recipient: rfc822;r%d@reader.example\nAction: failed\nStatus: 5.1.1\n\n" % number


def _html(unit: bytes) -> tuple[bytes, bytes]:
    return HEAD + b"Content-Type: text/html\n\nnot delivered ", unit


_REPEATED: tuple[tuple[str, bytes, bytes], ...] = (
    ("one long field", b"Subject: ", b"a"),
    ("many fields", b"", b"X-A: b\n"),
    ("folds", b"Subject: a", b"\n a"),
    ("addresses without end", b"From: ", b"a@"),
    ("addressees", HEAD + b"Cc: ", b"a@b.example, "),
    ("encoded words", b"Subject: ", b"=?utf-8?q?a?= "),
    ("encoded words unclosed", b"Subject: ", b"=?utf-8?b?"),
    ("parameters", HEAD + b"Content-Type: multipart/report", b"; a*0*=x"),
    ("one word", TEXT, b"a"),
    ("spaces", TEXT, b" "),
    ("blank lines", TEXT, b" \n"),
    ("dashes", TEXT, b"-"),
    ("quotation marks", TEXT, b">"),
    ("quotes", TEXT, b'"a'),
    ("at signs", TEXT, b"@"),
    ("dots", TEXT, b"a."),
    ("codes", TEXT, b"5.1.1 "),
    ("words of failure", TEXT, b"could not be "),
    ("lines of header", TEXT, b"X-A: b\n"),
    ("JSON", TEXT + b'{"notificationType":', b"["),
    ("tags", *_html(b"<")),
    ("styles", *_html(b"<style>")),
    ("references", *_html(b"&#")),
    ("requests to leave", b"From: a@b.example\nSubject: Re: x\n\n", b"unsubscribe me from "),
    ("boundaries", HEAD + b"Content-Type: multipart/mixed; boundary=B\n\n", b"--B\n\n"),
    ("boundaries of others", HEAD + b"Content-Type: multipart/mixed; boundary=B\n\n", b"--C\n\n"),
    ("recipients without a line", REPORT, b"Final-Recipient: rfc822;a\n"),
    ("base64", HEAD + b"Content-Transfer-Encoding: base64\n\n", b"Q"),
    ("quoted-printable", HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n", b"="),
    ("punycode", HEAD + b"Content-Type: text/plain; charset=punycode\n\n", b"a"),
    ("UTF-7", HEAD + b"Content-Type: text/plain; charset=utf-7\n\n", b"+AAA-"),
    ("ISO-2022", HEAD + b"Content-Type: text/plain; charset=iso-2022-jp\n\n", b"\x1b$B"),
    ("NUL", HEAD, b"\0"),
    ("CR", b"From: a@b.example\r\r", b"<a@b.example>:\rno such user\r"),
    ("octets", b"", b"\xff\xfe"),
)
