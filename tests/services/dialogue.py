"""Talk SMTP with one client, with a fault at any stage, and write down what was seen."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from tests.services.faults import Fault, Odds, Stage
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
    Stage.EHLO: b"250-faulty.test\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
    Stage.MAIL: b"250 2.1.0 ok\r\n",
    Stage.RCPT: b"250 2.1.5 ok\r\n",
    Stage.DATA: b"354 go on\r\n",
    Stage.DOT: b"250 2.0.0 kept\r\n",
    Stage.RSET: b"250 2.0.0 ok\r\n",
    Stage.QUIT: b"221 2.0.0 bye\r\n",
}
# They say nothing of our pace: a run is about accounts, not about slow destinations.
_TRANSIENT, _PERMANENT, _CLOSING = b"450 4.2.0 not now\r\n", b"550 5.1.1 never\r\n", b"421 4.3.2 closing\r\n"
_OUT_OF_ORDER, _NO_RECIPIENT = b"503 5.5.1 not now\r\n", b"554 5.5.1 no valid recipients\r\n"
_PIPELINING = b"250-faulty.test\r\n250-PIPELINING\r\n"
_CODES = {Fault.TRANSIENT: 450, Fault.PERMANENT: 550, Fault.CLOSING: 421}


@dataclass(frozen=True)
class Patience:
    """Hold how long things take, in seconds: answers to messages (mean), slow replies (at most), silence."""

    answer: float
    slow: float
    silence: float


class Book:
    """Hold what all connections share."""

    def __init__(
        self, odds: Odds, scribe: Scribe, framing: Framing, patience: Patience, *, offers: str = "pipelining"
    ) -> None:
        self.odds = odds
        self.scribe = scribe
        self.framing = framing
        self.patience = patience
        self.attempts: Counter[str] = Counter()
        self.open: set[Dialogue] = set()
        self.connection_count = 0
        self.is_lying = offers == "lie"
        self.good = dict(_GOOD)
        if offers != "plain":
            self.good[Stage.EHLO] = _GOOD[Stage.EHLO].replace(b"250-faulty.test\r\n", _PIPELINING)


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
        if self._book.is_lying:
            self._buffer.clear()  # what came in the same group is lost
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
        self._do(fault, self._book.good[stage], stage)

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
        if not self._is_deaf:
            self._transport.write(reply)
            self._replied(stage, int(reply[:3] or b"0"))

    def _replied(self, stage: Stage | None, code: int) -> None:
        if stage is Stage.DOT:
            self._settle(code)
        if stage is Stage.QUIT:
            self.forget()

    def _settle(self, code: int) -> None:
        if self._owed is not None:
            self._book.scribe.write(**self._owed, answer=code)
            self._owed = None

    def _trickle(self, reply: bytes, stage: Stage) -> None:
        """Send one octet a millisecond."""
        self._transport.write(reply[:1])
        if len(reply) > 1:
            self._later(0.001, self._trickle, reply[1:], stage)
        else:
            self._replied(stage, int(_GOOD[stage][:3]))

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
