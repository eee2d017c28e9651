"""Compile the sink, run it, and say what it has taken; bring Debian's smtp-source and smtp-sink in."""

from __future__ import annotations

import os
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services.ports import accepts, free_port, wait_until

_SOURCE = Path(__file__).with_name("sink.c")
_PACKAGES = {"cc": "gcc libc6-dev", "smtp-source": "postfix", "smtp-sink": "postfix"}
MESSAGE_SIZE = 65_000  # octets, as of smtp-source -l


@dataclass(frozen=True)
class Taken:
    """Hold what a sink has taken; ``checksum`` tells each recipient once from any other sum of recipients."""

    message_count: int
    octet_count: int
    checksum: int
    seconds: float  # from the first message to the last


def require_tools() -> None:
    """Install what is missing as root with apt; otherwise say which packages to install."""
    missing = [name for name in _PACKAGES if shutil.which(name) is None]
    if not missing:
        return
    packages = sorted({package for name in missing for package in _PACKAGES[name].split()})
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"Installing {' '.join(packages)} ...", file=sys.stderr)
        _apt("update")
        _apt("install", "-y", "--no-install-recommends", *packages)
        return
    sys.exit(f"This needs {', '.join(missing)}. On Debian: apt install {' '.join(packages)}")


@contextmanager
def compiled() -> Iterator[Path]:
    """Yield the compiled sink, in a folder that goes with the block."""
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder:
        place = Path(folder, "sink")
        subprocess.run(["cc", "-O2", "-o", place, _SOURCE], check=True)
        yield place


@contextmanager
def running(sink: Path, *, delay_ms: float = 0, is_lockstep: bool = False) -> Iterator[int]:
    """Yield the port of a fresh sink that runs until the block ends."""
    command = [sink, "--delay", str(delay_ms), *(["--lockstep"] if is_lockstep else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def smtp_sink() -> Iterator[int]:
    """Yield the port of Debian's smtp-sink; it tells nobody what it has taken."""
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        ["smtp-sink", *user, f"127.0.0.1:{port}", "1000"], stderr=subprocess.DEVNULL, cwd="/"
    )
    try:
        wait_until(lambda: accepts(port), seconds=10, what="smtp-sink is up")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def taken(port: int) -> Taken:
    """Return what a sink has taken so far."""
    with smtplib.SMTP("127.0.0.1", port) as connection:
        _, answer = connection.docmd("STAT")
    messages, octets, checksum, microseconds = map(int, answer.split())
    return Taken(messages, octets, checksum, microseconds / 1e6)


def checksum(addresses: Iterable[str]) -> int:
    """Return the checksum of a sink that got one message for each of these addresses."""
    return sum(zlib.crc32(address.encode()) ** 2 for address in addresses) % 2**64


def smtp_source(port: int, *, count: int, connections: int) -> tuple[float, float]:
    """Send messages with smtp-source over connections that stay open; return its wall and its CPU seconds."""
    command = ["smtp-source", "-d", "-s", str(connections), "-l", str(MESSAGE_SIZE), "-m", str(count)]
    command += ["-f", "news@post.example.com", "-t", "reader@example.com", f"127.0.0.1:{port}"]
    start = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, "smtp-source failed"
    return wall, usage.ru_utime + usage.ru_stime


def _apt(*words: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", *words], check=True, env=environment, stdout=sys.stderr)
