"""Run an SMTP server in a process of its own that counts what it takes.

``plain`` is a few lines over sockets, so that the figures show the sender; ``aiosmtpd`` is a whole server, which takes
longer for a message than the sender does. Both answer XCOUNT with the messages and octets so far.
"""

from __future__ import annotations

import asyncio
import itertools
import smtplib
import socketserver
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aiosmtpd.smtp import SMTP, Envelope, Session

_taken = [0, 0]


@contextmanager
def running(kind: str) -> Iterator[int]:
    """Yield the port of a server that runs until the block ends."""
    process = subprocess.Popen([sys.executable, __file__, kind], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


def taken(port: int) -> tuple[int, int]:
    """Return how many messages and octets a server has taken."""
    with smtplib.SMTP("127.0.0.1", port) as connection:
        _, answer = connection.docmd("XCOUNT")
    messages, octets = answer.split()
    return int(messages), int(octets)


class _Plain(socketserver.StreamRequestHandler):
    """Speak just enough of RFC 5321 for one well-behaved client."""

    def handle(self) -> None:
        self._say("220 bench")
        for line in self.rfile:
            verb = line[:4].upper()
            if verb == b"DATA":
                self._say("354 go on")
                self._read_message()
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            else:
                self._say(f"250 {_taken[0]} {_taken[1]}" if verb == b"XCOU" else "250 ok")

    def _read_message(self) -> None:
        _taken[1] += sum(len(line) for line in itertools.takewhile(lambda line: line != b".\r\n", self.rfile))
        _taken[0] += 1
        self._say("250 2.0.0 taken")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class _Threads(socketserver.ThreadingTCPServer):
    daemon_threads = True


class _Aiosmtpd(SMTP):
    async def smtp_XCOUNT(self, _argument: str) -> None:  # noqa: N802 - aiosmtpd's name
        await self.push(f"250 {_taken[0]} {_taken[1]}")


class _Counter:
    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        _taken[0] += 1
        _taken[1] += len(envelope.original_content or b"")
        return "250 2.0.0 taken"


def _serve_plain() -> None:
    with _Threads(("127.0.0.1", 0), _Plain) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


async def _serve_aiosmtpd() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Aiosmtpd(_Counter(), hostname="bench"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "plain":
        _serve_plain()
    else:
        asyncio.run(_serve_aiosmtpd())
