"""Look after the connections of one relay."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from newsletter.domain.breaker import Breaker, Passage
from newsletter.domain.outcomes import SmtpReply
from newsletter.transports.base import Source, Submission, Verdict
from newsletter.transports.smtp.connection import OPENED_WITHIN, Connection
from newsletter.transports.smtp.faults import RelayFault
from newsletter.transports.smtp.loop import Loop
from newsletter.transports.smtp.relay import Relay
from newsletter.transports.smtp.resolver import Resolver

T = TypeVar("T")

# Seconds until more connections are tried again with a relay that took some and refused the next.
_CEILING_PAUSE = 60.0


class Dealer(Protocol):
    """Say which relay gets the next message."""

    is_stopped: bool

    def deal(self, asking: Member) -> Submission | None:
        """Return a message for a free connection of a relay; None when there is none, or another's turn."""

    def has_alternative(self, to: Member) -> bool:
        """Say whether another relay works."""


class Member:
    """Be one relay of the pool: its connections, its breaker, and the desk of their dialogues."""

    def __init__(self, relay: Relay, *, source: Source, loop: Loop, dealer: Dealer) -> None:
        self.relay = relay
        self.connections: set[Connection] = set()
        self.breaker = Breaker()
        self.fault: RelayFault | None = None
        self.pipelines = True
        self._source = source
        self._loop = loop
        self._dealer = dealer
        self._resolver = Resolver(relay.host, relay.port)
        self._tls: ssl.SSLContext | None = None
        self._again: deque[tuple[Submission, bool]] = deque()
        self._trial: Connection | None = None
        self._ceiling = relay.connections
        self._ceiling_until = 0.0

    # -- for the dialogues --------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Say whether there may be more messages on the connections that there are."""
        return not (self._dealer.is_stopped or self.breaker.failures)

    def take(self) -> Submission | None:
        """Return the next message for a free connection."""
        return self._dealer.deal(self)

    def begin(self, submission: Submission) -> bool:
        """Ask the source whether a body may go out; it does not before the source has flushed."""
        self._loop.must_flush = True
        return self._source.begin(submission)

    def ended(self, submission: Submission, verdict: Verdict, reply: SmtpReply | None) -> None:
        """Tell the source how an attempt ended."""
        self._source.ended(submission, verdict, reply, self.relay)

    def again(self, submission: Submission, *, is_second: bool) -> None:
        """Keep a message whose envelope was lost for a new connection."""
        self._again.append((submission, is_second))

    def proved(self) -> None:
        """Close the breaker: the relay works."""
        if self.breaker.failures:
            self.forgive()

    def failed(self, fault: RelayFault) -> None:
        """Open the breaker, and say goodbye on what is idle."""
        self.fault = fault
        self.breaker = self.breaker.failed(self._loop.now)
        for connection in list(self.connections):
            if connection.dialogue.is_idle:
                connection.dialogue.quit()
                connection.settle()

    def lies(self) -> None:
        """Go on in lock-step with this relay, to the end of the engine."""
        self.pipelines = False
        for connection in self.connections:
            connection.dialogue.pipelines = False

    # -- for the connections ------------------------------------------------------------------------------------

    @property
    def has_alternative(self) -> bool:
        """Say whether another relay works."""
        return self._dealer.has_alternative(self)

    def tls_context(self) -> ssl.SSLContext:
        """Return how to encrypt; made once, as reading all authorities takes a while."""
        if self._tls is None:
            self._tls = _tls_context(self.relay)
        return self._tls

    def not_opened(self, connection: Connection, fault: RelayFault) -> None:
        """Open the breaker; but a relay that serves others and refuses one more has enough of them."""
        established = sum(other.is_open for other in self.connections)
        if established and connection is not self._trial:
            self._ceiling = established
            self._ceiling_until = self._loop.now + _CEILING_PAUSE
        else:
            self.failed(fault)

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self.connections.discard(connection)
        if connection is self._trial:
            self._trial = None
            if self.breaker.is_on_trial:
                self.breaker = self.breaker.undecided()

    # -- for the pool -------------------------------------------------------------------------------------------

    @property
    def is_usable(self) -> bool:
        """Say whether a connection is there or may be opened now."""
        return self.breaker.passage(self._loop.now) is not Passage.BARRED or bool(self.connections)

    @property
    def has_room(self) -> bool:
        """Say whether a message could go on its way now."""
        return (self.is_open and self._idle() is not None) or self._can_open

    @property
    def is_established(self) -> bool:
        """Say whether a connection has got to the point where messages go."""
        return any(one.is_open for one in self.connections)

    @property
    def sentence(self) -> str:
        """Return why it is not used now."""
        return f"The mail relay {self.relay.place} {self.fault.what}." if self.fault else ""

    @property
    def is_stalled(self) -> bool:
        """Say whether no connection has moved for so long that the others need not wait for this relay."""
        latest = max((one.since for one in self.connections), default=0.0)
        return self._loop.now - latest >= (self.relay.patience if self.is_established else OPENED_WITHIN)

    @property
    def outstanding(self) -> int:
        """Return how many messages were taken and have not ended."""
        held = sum(
            (connection.dialogue.current is not None) + (connection.dialogue.upcoming is not None)
            for connection in self.connections
        )
        return held + len(self._again)

    def place(self, submission: Submission) -> None:
        """Send a message over an idle connection, or a new one."""
        idle = self._idle() if self.is_open else None
        if idle is not None:
            idle.send(submission)
        else:
            self.open(submission)

    def open(self, submission: Submission | None = None, *, is_second: bool = False) -> None:
        """Open a connection, for a message if there is one."""
        connection = Connection(self, self._loop, first=submission, is_second=is_second)
        self.connections.add(connection)
        if self.breaker.failures:
            self._trial = connection
            self.breaker = self.breaker.on_trial()
        connection.connect(self._resolver)

    def retry(self) -> None:
        """Send what was lost over new connections; what cannot go now is free for others."""
        while self._again:
            submission, is_second = self._again.popleft()
            if not self._dealer.is_stopped and self._can_open:
                self.open(submission, is_second=is_second)
            else:
                self.ended(submission, Verdict.UNTRIED, None)

    def withdraw(self) -> None:
        """Begin no further body."""
        each(list(self.connections), _withdraw)
        self.retry()

    def say_goodbye(self) -> None:
        """Say QUIT on what is idle, hang up on what is not open yet."""
        for connection in list(self.connections):
            if connection.dialogue.is_idle:
                connection.dialogue.quit()
                connection.settle()
            elif not connection.is_open:
                connection.close()

    def abandon(self) -> None:
        """Give a verdict for everything now, and hang up in the middle of it; what is idle may say goodbye."""
        each([one for one in self.connections if not one.is_at_rest], _abandon)
        self.retry()

    def forgive(self) -> None:
        """Forget the failures."""
        self.breaker = self.breaker.succeeded()
        self.fault = None

    def _idle(self) -> Connection | None:
        return next((one for one in self.connections if one.dialogue.is_idle), None)

    @property
    def _can_open(self) -> bool:
        passage = self.breaker.passage(self._loop.now)
        if passage is not Passage.FREE:
            return passage is Passage.TRIAL
        if self._ceiling_until <= self._loop.now:
            self._ceiling = self.relay.connections
        if len(self.connections) < self._ceiling:
            return True
        return sum(not one.dialogue.is_leaving for one in self.connections) < self._ceiling


def each(things: Iterable[T], act: Callable[[T], None]) -> None:
    """Act on all, whatever happens at one; raise the first error afterwards."""
    errors: list[BaseException] = []
    for thing in things:
        try:
            act(thing)
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)
    if errors:
        raise errors[0]


def _withdraw(connection: Connection) -> None:
    try:
        connection.dialogue.withdraw()
    finally:
        connection.settle()


def _abandon(connection: Connection) -> None:
    try:
        connection.dialogue.abandon()
    finally:
        connection.close()


def _tls_context(relay: Relay) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(relay.ca_file) if relay.ca_file else None)
    except OSError as error:
        raise RelayFault(
            f"has an unreadable authority file: {error}", "Check NEWSLETTER_RELAY_CA_FILE."
        ) from error
    if relay.tls == "opportunistic":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
