"""Fuzz the reader of inbound mail, guided by coverage (atheris), and keep what breaks or stalls it as tests.

atheris is no dependency of the project: it has wheels for Linux and some versions of Python only. Where it is missing
the seeds are damaged at random instead, which finds less. What raises, or takes longer than the limit, is written to
tests/data/inbound_crashes, where a test reads it for ever after.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import atheris
except ImportError:
    atheris = None

ROOT = Path(__file__).parents[1]
CRASHES = ROOT / "tests" / "data" / "inbound_crashes"
SHARED = ROOT.parent / "shared" / "data" / "bounces" / "eml"
MAX_SECONDS = 0.25  # of CPU, for one mail
SEED_MAX = 20_000  # octets: larger seeds make slow runs
BITS = (
    *(b"\n\n", b"\r\n", b"\r", b"\0", b"\xff", b"--B1", b"Content-Type: multipart/mixed; boundary=B1\n\n"),
    *(
        b"=?utf-8?q?",
        b"?=",
        b"<a@b.example>",
        b"550 5.1.1 ",
        b"Final-Recipient: rfc822;a@b.example\n",
        b"{",
        b"<",
    ),
)

if atheris is not None:
    with atheris.instrument_imports(include=["newsletter"]):
        from newsletter.mime.inbound import read
else:
    from newsletter.mime.inbound import read


def main() -> None:
    """Fuzz for a time and print what was found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    fuzzer = Fuzzer()
    deadline = time.monotonic() + given.seconds
    if atheris is None:
        chance, mails = random.Random(7), list(seeds())
        while time.monotonic() < deadline:
            fuzzer.try_one(damaged(chance.choice(mails), chance))
        show(fuzzer, json_wanted=given.json)
        return

    def one(raw: bytes) -> None:
        if time.monotonic() > deadline:
            show(fuzzer, json_wanted=given.json)
            sys.stdout.flush()
            os._exit(0)  # libFuzzer has no other end that lets the figures out
        fuzzer.try_one(raw)

    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds()):
            Path(corpus, str(number)).write_bytes(seed)
        atheris.Setup([sys.argv[0], f"-max_len={SEED_MAX}", "-verbosity=0", corpus], one)
        atheris.Fuzz()


def show(fuzzer: Fuzzer, *, json_wanted: bool) -> None:
    """Print the figures."""
    if json_wanted:
        print(json.dumps({"guided": atheris is not None, **vars(fuzzer)}))
        return
    way = "guided by coverage" if atheris else "at random (atheris is not installed)"
    print(f"{fuzzer.count:,} mails, {way}: {fuzzer.raised} raised, {fuzzer.slow} took over {MAX_SECONDS} s,")
    print(f"the slowest {fuzzer.slowest_ms:.0f} ms; what was found is in {CRASHES.relative_to(ROOT)}")


class Fuzzer:
    """Try mails; count and keep what raises or stalls."""

    def __init__(self) -> None:
        self.count = self.raised = self.slow = 0
        self.slowest_ms = 0.0

    def try_one(self, raw: bytes) -> None:
        """Read one mail."""
        self.count += 1
        started = time.process_time()
        try:
            read(raw)
        except Exception:  # noqa: BLE001 - whatever it is, it is what we look for
            self.raised += 1
            self._keep(raw)
        seconds = time.process_time() - started
        self.slowest_ms = max(self.slowest_ms, 1e3 * seconds)
        if seconds > MAX_SECONDS:
            self.slow += 1
            self._keep(raw)

    @staticmethod
    def _keep(raw: bytes) -> None:
        CRASHES.mkdir(parents=True, exist_ok=True)
        (CRASHES / f"{hashlib.sha256(raw).hexdigest()[:12]}.eml").write_bytes(raw)


def seeds() -> Iterator[bytes]:
    """Yield real mails where the folder beside the project is, and one of our own."""
    yield b"From: MAILER-DAEMON@a.example\nSubject: failure notice\n\nHi. This is qmail.\n\n<a@b.example>:\nno\n"
    for path in sorted(SHARED.glob("*.eml")):
        raw = path.read_bytes()
        if len(raw) <= SEED_MAX:
            yield raw


def damaged(raw: bytes, chance: random.Random) -> bytes:
    """Return a mail with some of its octets lost, doubled, moved or replaced."""
    for _ in range(chance.randint(1, 8)):
        start = chance.randrange(len(raw) + 1)
        end = min(len(raw), start + chance.choice((1, 4, 40, 400)))
        put = chance.choice(
            (b"", raw[start:end] * 2, raw[start:end][::-1], chance.choice(BITS), chance.choice(BITS) * 50)
        )
        raw = raw[:start] + put + raw[end:]
    return raw


if __name__ == "__main__":
    main()
