"""Measure signing (DKIM): what a signature of ours costs, beside dkimpy's of the same message in the same run."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from newsletter.mime import compile as compiled
from newsletter.mime import headers
from newsletter.mime.dkim import Signer, new_key, record_value

TARGET = 20.0  # times as cheap as dkimpy
RUN_COUNT = 9
OURS_COUNT, PEER_COUNT = 200, 10  # signatures in one run: some 0.1 s each
AT = datetime(2026, 11, 25, 6, tzinfo=UTC)
DOMAIN, SELECTOR = "post.example.com", "n20261125"
STORY = "<p>Ships of the harbour wait for the tide, and with them the whole town: é.</p>\n"


def main() -> None:
    """Print the figures; the runs alternate, so that a busy machine slows all of them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true")
    options.add_argument("--kilobytes", type=int, default=65)
    given = options.parse_args()
    found = measure(given.kilobytes * 1000)
    if given.json:
        print(json.dumps(found))
        return
    print(f"RSA of 2048 bits, {found['message_bytes']:,} octets, CPU, median of {RUN_COUNT} interleaved runs")
    print(f"ours                        {found['ours_us']:10.0f} us a message")
    print(f"  of which RSA alone        {found['rsa_us']:10.0f} us")
    print(f"  of which SHA-256 of body  {found['sha256_us']:10.0f} us")
    print(f"dkimpy, relaxed/relaxed     {found['dkimpy_us']:10.0f} us a message")
    print(f"dkimpy, ours = 1            {found['dkim_vs_dkimpy']:10.1f}  (target {TARGET:.0f})")


def measure(size_bytes: int) -> dict[str, float]:
    """Return microseconds a message, and their ratio: dkimpy signs the same fields, the same way, with the same key."""
    der = new_key()
    key = serialization.load_der_private_key(der, None)
    assert isinstance(key, RSAPrivateKey)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    signer, record = Signer(DOMAIN, SELECTOR, der), record_value(der).encode()
    body = _body(size_bytes)
    messages = [_head(number) + body for number in range(OURS_COUNT)]
    assert dkim.verify(signer.signed(messages[0], at=AT), dnsfunc=lambda *_, **__: record)
    ours, peer, rsa, hashing = _interleaved(
        (lambda number: signer.signed(messages[number], at=AT), OURS_COUNT),
        (lambda number: _sign_with_dkimpy(messages[number], pem), PEER_COUNT),
        (lambda _: key.sign(b"x" * 1200, PKCS1v15(), SHA256()), OURS_COUNT),
        (lambda _: sha256(body).digest(), OURS_COUNT),
    )
    return {
        "message_bytes": len(messages[0]),
        "ours_us": ours,
        "rsa_us": rsa,
        "sha256_us": hashing,
        "dkimpy_us": peer,
        "dkim_vs_dkimpy": peer / ours,
    }


def _sign_with_dkimpy(message: bytes, pem: bytes) -> bytes:
    return dkim.sign(message, SELECTOR.encode(), DOMAIN.encode(), pem, canonicalize=(b"relaxed", b"relaxed"))


def _interleaved(*works: tuple[Callable[[int], object], int]) -> list[float]:
    """Run each piece of work in turn, again and again; return the medians in microseconds for each message."""
    runs = [[_timed(work, count) for work, count in works] for _ in range(RUN_COUNT)]
    return [statistics.median(times) for times in zip(*runs, strict=True)]


def _timed(work: Callable[[int], object], count: int) -> float:
    start = time.process_time()
    for number in range(count):
        work(number)
    return (time.process_time() - start) / count * 1e6


def _body(size_bytes: int) -> bytes:
    half = STORY * (size_bytes // 2 // len(STORY))
    return compiled.whole(half, half, boundary="=_bench")


def _head(number: int) -> bytes:
    """Return the header of one reader's message, with the fields of a digest."""
    return b"".join(
        (
            headers.mailbox("From", "The Harbour Post", f"news@{DOMAIN}"),
            headers.mailbox("To", "Ana Müller", f"reader{number}@example.net"),
            headers.text("Subject", "Ships wait for the tide"),
            headers.date(AT),
            headers.token("Message-ID", f"<m1.{number}.0123456789abcdef0123@{DOMAIN}>"),
            headers.uris(
                "List-Unsubscribe",
                f"https://{DOMAIN}/unsubscribe/{number:090}",
                f"mailto:u-{number:032}@in.{DOMAIN}",
            ),
            headers.list_id("The Daily", f"daily.list.{DOMAIN}"),
            headers.token("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            headers.uris("List-Archive", f"https://{DOMAIN}/archive/daily"),
            headers.token("Feedback-ID", "i1:n-daily:digest:postexamplecom"),
            headers.token("Precedence", "bulk"),
        )
    )


if __name__ == "__main__":
    main()
