"""Run an SMTP server that misbehaves at every stage and writes down all it saw.

A process of its own: ``python -m tests.services.faulty --journal FILE --seed 1 --chance all=0.001``. Its journal has
one JSON object a line; tests/services/witness.py starts the server and reads it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.services.faults import Fault, Odds, Stage, read_chances
from tests.services.framing import Framing
from tests.services.scribe import Scribe

_END = b"\r\n.\r\n"
_GARBAGE = (
    b"\xff\xfe\x00 what?\r\n",
    b"2x0 ok\r\n",
    b"\r\n",
    b"99 bottles\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
)
_GOOD = {
    Stage.BANNER: b"220 faulty.test ESMTP\r\n",
    Stage.EHLO: b"250-faulty.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
    Stage.MAIL: b"250 2.1.0 ok\r\n",
    Stage.RCPT: b"250 2.1.5 ok\r\n",
    Stage.DATA: b"354 go on\r\n",
    Stage.DOT: b"250 2.0.0 kept\r\n",
    Stage.RSET: b"250 2.0.0 ok\r\n",
    Stage.QUIT: b"221 2.0.0 bye\r\n",
}
_TRANSIENT, _PERMANENT, _CLOSING = b"451 4.3.0 not now\r\n", b"550 5.1.1 never\r\n", b"421 4.3.2 closing\r\n"
_OUT_OF_ORDER, _NO_RECIPIENT = b"503 5.5.1 not now\r\n", b"554 5.5.1 no valid recipients\r\n"
_CODES = {Fault.TRANSIENT: 451, Fault.PERMANENT: 550, Fault.CLOSING: 421}


@dataclass(frozen=True)
class Patience:
    """Hold how long things take, in seconds: answers to messages (mean), slow replies (at most), silence."""

    answer: float
    slow: float
    silence: float


class Book:
    """Hold what all connections share."""

    def __init__(self, odds: Odds, scribe: Scribe, framing: Framing, patience: Patience) -> None:
        self.odds = odds
        self.scribe = scribe
        self.framing = framing
        self.patience = patience
        self.attempts: Counter[str] = Counter()
        self.open: set[Dialogue] = set()
        self.connection_count = 0


@dataclass
class _Incoming:
    """Hold the message that is coming in."""

    return_path: str = ""
    reader: str = ""
    attempt: int = 0
    refused: bool = False
    in_body: bool = False
    fault: Fault | None = None  # while the body comes in
    is_discarded: bool = False
    is_garbled: bool = False  # what it is answered comes behind something that is no reply


class Dialogue(asyncio.Protocol):
    """Talk with one client."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._message = _Incoming()
        self._is_busy = False  # a reply is under way: what comes meanwhile waits
        self._is_deaf = False
        self._owed: dict[str, object] | None = None  # a complete message whose answer has not been given
        self._timers: list[asyncio.TimerHandle] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._book.open.add(self)
        self._book.connection_count += 1
        self._number = str(self._book.connection_count)
        self._answer(Stage.BANNER)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends."""
        if not self._is_deaf:
            self._buffer += data
            self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Write down what was left without an answer."""
        self.forget()

    def forget(self) -> None:
        """End the dialogue."""
        for timer in self._timers:
            timer.cancel()
        self._book.open.discard(self)
        if self._owed is not None:
            self._book.scribe.write(**self._owed, answer=0)
            self._owed = None
        elif self._message.in_body:
            self._note("abandoned")
        self._message = _Incoming()
        self._is_deaf = True
        self._transport.close()

    def _go_on(self) -> None:
        while not self._is_busy and not self._is_deaf:
            if self._message.in_body:
                if not self._read_body():
                    return
                continue
            line, found, rest = self._buffer.partition(b"\r\n")
            if not found:
                return
            self._buffer = rest
            self._command(bytes(line))

    def _command(self, line: bytes) -> None:
        verb = line[:4].upper()
        if verb == b"MAIL":
            self._mail(_address(line))
        elif verb == b"RCPT":
            self._rcpt(_address(line))
        elif verb == b"DATA":
            self._data()
        elif verb == b"RSET":
            self._message = _Incoming()
            self._answer(Stage.RSET)
        elif verb == b"QUIT":
            self._answer(Stage.QUIT)
        elif verb in {b"EHLO", b"HELO"}:
            self._answer(Stage.EHLO)
        else:
            self._book.scribe.write(kind="unknown", line=line.decode("latin-1")[:200])
            self._send(_OUT_OF_ORDER)

    def _mail(self, return_path: str) -> None:
        self._book.attempts[return_path] += 1
        self._message = _Incoming(return_path, attempt=self._book.attempts[return_path])
        self._answer(Stage.MAIL)

    def _rcpt(self, reader: str) -> None:
        if not self._message.return_path or self._message.refused:
            self._send(_OUT_OF_ORDER)
            return
        self._message.reader = reader
        self._answer(Stage.RCPT)

    def _data(self) -> None:
        message = self._message
        if self._buffer:
            self._note("eager")  # DATA ends a group: nothing may follow before its answer (RFC 2920 §3.1)
        if not message.return_path:
            self._send(_OUT_OF_ORDER)
        elif message.refused or not message.reader:
            # A server may say 354 though it refused the only recipient (RFC 2920 §3.1); the body is then a lone dot.
            if message.reader and self._roll("354") < 0.5:
                message.in_body = True
                self._buffer[:0] = b"\r\n"
                self._send(_GOOD[Stage.DATA])
            else:
                self._send(_NO_RECIPIENT)
        else:
            self._answer(Stage.DATA)

    def _read_body(self) -> bool:
        """Take a piece of a message; return whether to go on."""
        if self._is_struck():
            return False
        end = self._buffer.find(_END)
        if end < 0:
            return False
        octets = bytes(self._buffer[2 : end + 2])
        del self._buffer[: end + len(_END)]
        self._complete(octets)
        return True

    def _is_struck(self) -> bool:
        """Let what was drawn for this body happen at its first octets; return whether reading stops."""
        fault = self._message.fault
        if fault is None or len(self._buffer) <= 2:
            return False
        self._message.fault = None
        if fault in _CODES:
            self._note("refused", stage=Stage.BODY, code=_CODES[fault])
            self._message.is_discarded = True
        if fault is Fault.MALFORMED:
            self._note("garbage", stage=Stage.BODY)
            self._message.is_garbled = True
        if fault in {Fault.DROP, Fault.SILENCE, Fault.CLOSING}:
            self._note("cut", fault=fault)
            self._message.in_body = False
        if fault is Fault.SPLIT:
            return False
        self._do(fault, b"", Stage.BODY)
        return self._is_busy or self._is_deaf

    def _complete(self, octets: bytes) -> None:
        message, self._message = self._message, _Incoming()
        if not message.reader or message.refused:
            self._book.scribe.write(
                kind="unwanted", reader=message.reader, size=len(octets), return_path=message.return_path
            )
            self._send(_NO_RECIPIENT)
            return
        told = self._book.framing.look_at(octets, reader=message.reader)
        entry = {
            "kind": "message",
            "reader": message.reader,
            "return_path": message.return_path,
            "attempt": message.attempt,
            "at": self._loop.time(),
            **told,
        }
        if message.is_discarded:
            self._book.scribe.write(**entry, answer=-1, kept=False, fault="")
            return
        fault = self._book.odds.draw(Stage.DOT, message.reader, message.attempt)
        is_kept = fault not in _CODES and (
            fault not in {Fault.DROP, Fault.SILENCE, Fault.MALFORMED}
            or self._book.odds.roll("kept", message.reader, message.attempt) < 0.5
        )
        self._owed = {
            **entry,
            "kept": is_kept,
            "fault": fault or (Fault.MALFORMED if message.is_garbled else ""),
        }
        pause = (
            self._book.patience.answer * 2 * self._book.odds.roll("pause", message.reader, message.attempt)
        )
        if pause:
            self._later(pause, self._do, fault, _GOOD[Stage.DOT], Stage.DOT)
        else:
            self._do(fault, _GOOD[Stage.DOT], Stage.DOT)

    def _answer(self, stage: Stage) -> None:
        """Reply to a command, or do what was drawn instead."""
        message = self._message
        if stage in {Stage.BANNER, Stage.EHLO, Stage.RSET, Stage.QUIT}:
            key, attempt = self._number, 1
        else:
            key, attempt = message.reader or message.return_path, message.attempt
        fault = self._book.odds.draw(stage, key, attempt)
        if fault in _CODES and stage in {Stage.MAIL, Stage.RCPT, Stage.DATA}:
            message.refused = True
            self._note("refused", stage=stage, code=_CODES[fault])
        elif stage is Stage.DATA and fault not in {Fault.DROP, Fault.SILENCE}:
            message.in_body = True
            self._buffer[:0] = b"\r\n"  # so that a lone dot is an end too
            message.fault = self._book.odds.draw(Stage.BODY, key, attempt)
        self._do(fault, _GOOD[stage], stage)

    def _do(self, fault: Fault | None, good: bytes, stage: Stage) -> None:
        match fault:
            case None:
                self._send(good, stage)
            case Fault.TRANSIENT:
                self._send(_TRANSIENT, stage)
            case Fault.PERMANENT:
                self._send(_PERMANENT, stage)
            case Fault.CLOSING:
                self._send(_CLOSING, stage)
                self.forget()
            case Fault.MALFORMED:
                place = int(self._roll("garbage") * len(_GARBAGE))
                self._transport.write(_GARBAGE[place])
                self._settle(0)
            case Fault.SPLIT:
                self._trickle(good, stage)
            case Fault.SLOW:
                self._later(self._roll("slow") * self._book.patience.slow, self._send, good, stage)
            case Fault.DROP:
                self.forget()
            case Fault.SILENCE:
                self._is_deaf = True
                self._timers.append(self._loop.call_later(self._book.patience.silence, self.forget))

    def _send(self, reply: bytes, stage: Stage | None = None) -> None:
        if self._is_deaf:
            return
        self._transport.write(reply)
        if stage is Stage.DOT:
            self._settle(int(reply[:3]))
        if stage is Stage.QUIT:
            self.forget()

    def _settle(self, code: int) -> None:
        if self._owed is not None:
            self._book.scribe.write(**self._owed, answer=code)
            self._owed = None

    def _trickle(self, reply: bytes, stage: Stage) -> None:
        """Send one octet a millisecond."""
        if len(reply) == 1:
            self._send_last(reply, stage)
            return
        self._transport.write(reply[:1])
        self._later(0.001, self._trickle, reply[1:], stage)

    def _send_last(self, octet: bytes, stage: Stage) -> None:
        self._transport.write(octet)
        if stage is Stage.DOT:
            self._settle(int(_GOOD[stage][:3]))
        if stage is Stage.QUIT:
            self.forget()

    def _later(self, seconds: float, work: object, *arguments: object) -> None:
        """Do something after a while; what the client sends meanwhile waits."""

        def go() -> None:
            self._is_busy = False
            if not self._is_deaf and not self._transport.is_closing():
                work(*arguments)  # type: ignore[operator]
                self._go_on()

        self._is_busy = True
        self._timers = [timer for timer in self._timers if timer.when() > self._loop.time()]
        self._timers.append(self._loop.call_later(seconds, go))

    def _roll(self, word: str) -> float:
        return self._book.odds.roll(word, self._number, self._message.return_path, self._message.attempt)

    def _note(self, kind: str, **more: object) -> None:
        message = self._message
        self._book.scribe.write(
            kind=kind,
            reader=message.reader,
            return_path=message.return_path,
            attempt=message.attempt,
            **more,
        )


def _address(line: bytes) -> str:
    """Return what stands between the angle brackets of a command."""
    return line.partition(b"<")[2].partition(b">")[0].decode("utf-8", "replace")


async def serve(book: Book, *, host: str, port: int) -> None:
    """Serve until somebody asks to stop; then hang up and write the last lines."""
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    server = await loop.create_server(lambda: Dialogue(book), host, port, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    writing = asyncio.create_task(book.scribe.keep_writing())
    await stopping.wait()
    server.close()
    for dialogue in list(book.open):
        dialogue.forget()
    writing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writing
    book.scribe.write(kind="end", connection_count=book.connection_count)
    book.scribe.flush()


def main() -> None:
    """Read the command line and serve; print the port when ready."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chance", action="append", default=[], help="all=0.001, or dot:drop=0.01")
    parser.add_argument("--answer", type=float, default=0.0, help="mean seconds until a message is answered")
    parser.add_argument("--slow", type=float, default=1.0, help="at most so many seconds for a slow reply")
    parser.add_argument("--silence", type=float, default=120.0, help="seconds until a silent connection ends")
    parser.add_argument("--parse-every", type=int, default=1, help="parse each so-manieth message whole")
    options = parser.parse_args()
    book = Book(
        Odds(options.seed, read_chances(options.chance)),
        Scribe(options.journal),
        Framing(parse_every=options.parse_every),
        Patience(answer=options.answer, slow=options.slow, silence=options.silence),
    )
    asyncio.run(serve(book, host=options.host, port=options.port))


if __name__ == "__main__":
    main()
