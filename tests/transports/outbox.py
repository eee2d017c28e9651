"""Be the source of an engine under test, and see to it that each message ends once."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from newsletter.domain.outcomes import SmtpReply
from newsletter.transports.base import Envelope, Named, Submission, Verdict
from newsletter.transports.smtp import Engine, Relay, Timeouts
from tests.services.scripted import Peer, Scripted

PIPELINING = b"PIPELINING"
QUICK = Timeouts(
    connect=2, banner=0.4, ehlo=0.4, mail=0.4, rcpt=0.4, data=0.4, block=0.4, dot=0.4, quit=0.4
)  # seconds of silence in tests that wait for one
_PATIENCE = 20.0  # seconds: a test that lasts longer hangs


def submission(
    number: int, *, message: bytes | None = None, is_prepared: bool = True, rcpt_to: str = ""
) -> Submission:
    """Return message number so-and-so; its number is its tag."""
    return Submission(
        Envelope("news@post.example.com", rcpt_to or f"reader{number}@reader.example"),
        message or b"Subject: %d\r\n\r\nHello.\r\n" % number,
        is_prepared=is_prepared,
        tag=number,
    )


class Outbox:
    """Give messages in their order; what nobody tried is given again. ``told`` are the ends, by number."""

    def __init__(self, count: int = 0, *, submissions: Iterable[Submission] = ()) -> None:
        self.left = deque([*map(submission, range(count)), *submissions])
        self.count = len(self.left)
        self.told: dict[object, Verdict] = {}
        self.replies: dict[object, SmtpReply | None] = {}
        self.untried: Counter[object] = Counter()
        self.served: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.begun: list[object] = []
        self.flushed: list[object] = []
        self.may_begin: Callable[[Submission], bool] = lambda _submission: True
        self.on_flush: Callable[[], None] = lambda: None
        self.on_ended: Callable[[Submission], None] = lambda _submission: None
        self.gives_again = True
        self._out: set[object] = set()

    def next(self, relay: Named) -> Submission | None:
        self.asked[relay.name] += 1
        if not self.left:
            return None
        given = self.left.popleft()
        assert given.tag not in self._out
        self._out.add(given.tag)
        return given

    def begin(self, submission: Submission) -> bool:
        assert submission.tag in self._out
        if not self.may_begin(submission):
            return False
        self.begun.append(submission.tag)
        return True

    def flush(self) -> None:
        self.on_flush()
        self.flushed = list(self.begun)

    def ended(self, submission: Submission, verdict: Verdict, reply: SmtpReply | None, relay: Named) -> None:
        self._out.remove(submission.tag)  # once for each that was given
        if verdict is Verdict.UNTRIED:
            self.untried[submission.tag] += 1
            if self.gives_again:
                self.left.append(submission)
        else:
            assert submission.tag not in self.told
            self.told[submission.tag] = verdict
            self.replies[submission.tag] = reply
            self.served[relay.name] += 1
        self.on_ended(submission)

    @property
    def is_done(self) -> bool:
        """Say whether all messages have ended for good."""
        return len(self.told) == self.count

    @property
    def verdicts(self) -> Counter[str]:
        """Return how many ended in each way."""
        return Counter(verdict.name.lower() for verdict in self.told.values())


@contextmanager
def engine(outbox: Outbox, *relays: Relay) -> Iterator[Engine]:
    """Run an engine."""
    started = Engine(relays, outbox)
    try:
        yield started
    finally:
        started.close()


def relay(port: int, **over: object) -> Relay:
    """Return a relay on this machine."""
    options: dict[str, object] = {
        "tls": "off",
        "connections": 1,
        "timeout": 10.0,
        "ehlo_name": "test.example",
    }
    return Relay(host="127.0.0.1", port=port, **{**options, **over})  # type: ignore[arg-type]  # a table of options


def turn_until(engine: Engine, condition: Callable[[], bool], *, what: str = "it ends") -> None:
    """Turn until something is so; fail when it does not come to be."""
    deadline = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        engine.turn(0.05)


def send(outbox: Outbox, *relays: Relay) -> Outbox:
    """Send all that there is."""
    with engine(outbox, *relays) as started:
        turn_until(started, lambda: outbox.is_done and not started.outstanding)
    return outbox


def good(*offers: bytes, **over: object) -> Callable[[Peer], None]:
    """Return the script of a relay that takes everything."""
    return lambda peer: peer.serve(*offers, **over)  # type: ignore[arg-type]  # a table of options


def numbers(server: Scripted) -> list[int]:
    """Return the numbers of the messages that came, sorted."""
    return sorted(int(message.split(b"\r\n")[0].split()[1]) for message in server.messages)
