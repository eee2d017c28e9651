"""Run an SMTP server that does what a test says, connection by connection."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

_GOOD = {
    b"MAIL": b"250 2.1.0 ok\r\n",
    b"RCPT": b"250 2.1.5 ok\r\n",
    b"DATA": b"354 go on\r\n",
    b"RSET": b"250 2.0.0 ok\r\n",
}
_PATIENCE = 10.0  # seconds: a client that says nothing for so long never will


@dataclass
class Peer:
    """Be the server's end of one connection. ``heard`` are the commands, ``messages`` what came before a final dot."""

    stream: socket.socket
    heard: list[bytes] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    _held: bytes = b""

    def say(self, *replies: bytes) -> None:
        """Send replies in one piece."""
        self.stream.sendall(b"".join(replies))

    def dribble(self, reply: bytes) -> None:
        """Send one octet at a time."""
        for place in range(len(reply)):
            self.stream.sendall(reply[place : place + 1])

    def command(self) -> bytes:
        """Read one command, without its line end; nothing at the end."""
        line = self._until(b"\r\n")
        if line:
            self.heard.append(line.removesuffix(b"\r\n"))
        return line.removesuffix(b"\r\n")

    def message(self) -> bool:
        """Keep a message up to its final dot; False when the client is gone before that."""
        self._held = b"\r\n" + self._held  # so that a lone dot is an end too
        octets = self._until(b"\r\n.\r\n")
        if octets:
            self.messages.append(octets[2:].removesuffix(b".\r\n"))
        return bool(octets)

    def pending(self) -> bytes:
        """Return, and forget, what came in behind the last command."""
        pending, self._held = self._held, b""
        return pending

    def greet(self, *offers: bytes) -> None:
        """Say the banner and answer EHLO."""
        self.say(b"220 scripted.test ESMTP\r\n")
        self.hello(*offers)

    def hello(self, *offers: bytes) -> None:
        """Answer EHLO with these extensions."""
        self.command()
        lines = [b"scripted.test", *offers]
        self.say(*(b"250-%b\r\n" % line for line in lines[:-1]), b"250 %b\r\n" % lines[-1])

    def transact(self, *, dot: bytes = b"250 2.0.0 kept\r\n", answers: Mapping[bytes, bytes] = {}) -> bool:
        """Answer one command, or a message behind DATA; False when the client is gone or says QUIT."""
        line = self.command()
        verb = line[:4].upper()
        if not line:
            return False
        if verb == b"QUIT":
            self.say(b"221 2.0.0 bye\r\n")
            return False
        answer = answers.get(verb, _GOOD.get(verb, b"500 5.5.1 what?\r\n"))
        self.say(answer)
        if verb == b"DATA" and answer.startswith(b"354"):
            if not self.message():
                return False
            self.say(dot)
        return True

    def serve(
        self,
        *offers: bytes,
        dot: bytes = b"250 2.0.0 kept\r\n",
        answers: Mapping[bytes, bytes] = {},
        messages: int = 1_000_000,
    ) -> None:
        """Be a good relay until the client leaves; hang up in silence after so many messages."""
        self.greet(*offers)
        while len(self.messages) < messages and self.transact(dot=dot, answers=answers):
            pass

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Take the TLS handshake of the client."""
        self.stream = context.wrap_socket(self.stream, server_side=True)

    def _until(self, end: bytes) -> bytes:
        while end not in self._held:
            chunk = self.stream.recv(65_536)
            if not chunk:
                return b""
            self._held += chunk
        found, _, self._held = self._held.partition(end)
        return found + end


Script = Callable[[Peer], None]


class Scripted:
    """Serve the first connection by the first script, and so on; the last script serves all that follow.

    ``peers`` are the connections in the order in which they came. A script that ends hangs up.
    """

    def __init__(self, *scripts: Script) -> None:
        self.peers: list[Peer] = []
        self._scripts: Sequence[Script] = scripts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and wait for the scripts."""
        self.go_away()
        self._accepting.join()
        for peer in self.peers:
            with suppress(OSError):
                peer.stream.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def go_away(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    @property
    def messages(self) -> list[bytes]:
        """Return the messages of all connections."""
        return [message for peer in self.peers for message in peer.messages]

    @property
    def heard(self) -> list[bytes]:
        """Return the commands of all connections."""
        return [line for peer in self.peers for line in peer.heard]

    def _accept(self) -> None:
        while True:
            try:
                stream, _ = self._listener.accept()
            except OSError:
                return
            stream.settimeout(_PATIENCE)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(stream)
            script = self._scripts[min(len(self.peers), len(self._scripts) - 1)]
            self.peers.append(peer)
            thread = threading.Thread(target=self._run, args=(script, peer), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, script: Script, peer: Peer) -> None:
        try:
            with suppress(OSError):  # the client hung up: it may
                script(peer)
        finally:
            peer.stream.close()
