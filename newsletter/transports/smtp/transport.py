"""Hand messages over one at a time: the engine with one connection, for notices and test mails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from newsletter.domain.errors import (
    InvalidInput,
    PermanentSendError,
    TransientSendError,
    TransportUnavailable,
    UncertainSendError,
)
from newsletter.domain.outcomes import SmtpReply
from newsletter.transports.base import Envelope, Named, Submission, Verdict
from newsletter.transports.smtp.accounts import LOST
from newsletter.transports.smtp.commands import has_bare_line_end
from newsletter.transports.smtp.engine import Engine
from newsletter.transports.smtp.relay import Relay

_TURN = 60.0  # seconds; the engine comes back earlier


class SmtpTransport:
    """Submit messages one after another; connects when it must, and again after a loss. For one thread."""

    def __init__(self, relay: Relay) -> None:
        """Take a relay; nothing is opened yet."""
        self._relay = replace(relay, connections=1)
        self._source = _OneMessage()
        self._engine: Engine | None = None

    def submit(self, envelope: Envelope, message: bytes) -> SmtpReply:
        """Hand over one message; see Transport for the errors."""
        if has_bare_line_end(message):
            raise InvalidInput("The message has a line end that is not CRLF.", reason="bare_line_end")
        source = self._source
        source.offer(Submission(envelope, message))
        try:
            engine = self._turned(lambda: source.verdict is None)
        except BaseException:
            self._abandon()
            raise
        if source.verdict is None or source.verdict is Verdict.UNTRIED:
            raise engine.fault or self._unavailable("took nothing", "It is tried again soon.")
        return _outcome(source.verdict, source.reply)

    def check(self) -> None:
        """Connect and log in; raise TransportUnavailable, with what to do, when that fails."""
        self._source.offer(None)
        engine = self._engine = self._engine or Engine([self._relay], self._source)
        engine.open()
        self._turned(lambda: not engine.is_connected)
        if not engine.is_connected:
            raise engine.fault or self._unavailable("cannot be reached", "Check that it runs.")

    def close(self) -> None:
        """Say QUIT and hang up."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def _turned(self, is_pending: Callable[[], bool]) -> Engine:
        """Drive the engine until something is decided, or the relay turns out to be unusable.

        Somebody asks for it, so a failure of a minute ago does not count.
        """
        engine = self._engine = self._engine or Engine([self._relay], self._source)
        engine.forgive()
        while is_pending() and not engine.faults:
            engine.turn(_TURN)
        while is_pending() and engine.outstanding:
            engine.turn(_TURN)
        return engine

    def _abandon(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.abandon()
            engine.close()

    def _unavailable(self, what: str, hint: str) -> TransportUnavailable:
        return TransportUnavailable(
            f"The mail relay {self._relay.place} {what}.", hint=hint, reason="relay_unavailable"
        )


class _OneMessage:
    """Be the source of one message at a time."""

    def __init__(self) -> None:
        self._submission: Submission | None = None
        self.verdict: Verdict | None = None
        self.reply: SmtpReply | None = None

    def offer(self, submission: Submission | None) -> None:
        """Have this message to send."""
        self._submission = submission
        self.verdict = self.reply = None

    def next(self, _relay: Named) -> Submission | None:
        """Give it once."""
        submission, self._submission = self._submission, None
        return submission

    def begin(self, _submission: Submission) -> bool:
        """Allow it: whoever submits has decided."""
        return True

    def flush(self) -> None:
        """Keep no journal: whoever submits does."""

    def ended(
        self, _submission: Submission, verdict: Verdict, reply: SmtpReply | None, _relay: Named
    ) -> None:
        """Keep how it ended."""
        self.verdict, self.reply = verdict, reply


def _outcome(verdict: Verdict, reply: SmtpReply | None) -> SmtpReply:
    """Return the reply of the relay, or raise what it means."""
    match verdict:
        case Verdict.ACCEPTED:
            return reply or SmtpReply(250, None, "")
        case Verdict.REFUSED:
            raise PermanentSendError(reply or LOST)
        case Verdict.DEFERRED:
            raise TransientSendError(reply or LOST)
        case _:
            raise UncertainSendError("No answer came to a complete message.")
