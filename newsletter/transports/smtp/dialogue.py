"""Talk to a relay about one message after another: replies in, commands out, verdicts to the desk. No I/O.

What each reply, loss and silence leads to stands as a table in docs/operations/smtp.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from newsletter.transports.base import Submission, Verdict
from newsletter.transports.smtp.accounts import Accounts
from newsletter.transports.smtp.commands import Commands, stuffed
from newsletter.transports.smtp.desk import Desk
from newsletter.transports.smtp.offer import Offer
from newsletter.transports.smtp.relay import Relay
from newsletter.transports.smtp.replies import MalformedReply, Reply, ReplyReader
from newsletter.transports.smtp.steps import Step, blames_group, blames_sender, refused, wait

_NO_LIMIT = 1 << 62
_FINAL_DOT = b".\r\n"
_RESET = b"RSET\r\n"

# The hot path: the answers to dot, MAIL, RCPT and DATA of messages that are taken, each on one line.
_TAKEN = rb"250 [^\r\n]*\r\n"
_GO_AHEAD = rb"354 [^\r\n]*\r\n"
_IS_STREAMING = re.compile(_TAKEN * 3 + _GO_AHEAD).fullmatch
_IS_OPENED = re.compile(_TAKEN * 2 + _GO_AHEAD).fullmatch

# What is to be answered. That of the hot path is told by its identity.
_NOTHING: tuple[Step, ...] = ()
_OPENING = (Step.MAIL, Step.RCPT, Step.DATA)
_STREAM = (Step.DOT, *_OPENING)
_LAST = (Step.DOT,)


class Dialogue(Accounts):
    """Hold the state of one connection once its relay has greeted. ``pipelines``: it takes commands in groups."""

    __slots__ = (
        "_asked",
        "_commands",
        "_count",
        "_expected",
        "_is_addressed",
        "_limit",
        "_lines",
        "_reader",
        "_relay",
        "_timeouts",
        "pipelines",
    )

    def __init__(
        self, relay: Relay, desk: Desk, *, first: Submission | None = None, is_second: bool = False
    ) -> None:
        """Wait to be opened, for the message ``first``; ``is_second`` when its envelope was lost once before."""
        super().__init__(desk, first=first, is_second=is_second)
        self._relay = relay
        self._timeouts = relay.timeouts.capped(relay.timeout)
        self._commands = Commands(Offer())
        self._reader = ReplyReader()
        self._expected = _NOTHING
        self._asked = 0  # replies that the last group asked for
        self._lines: list[bytes] = []  # commands of the envelope that are not said yet
        self._is_addressed = False
        self._count = 0
        self._limit = _NO_LIMIT
        self.pipelines = False

    # -- from the connection ------------------------------------------------------------------------------------

    def open(self, offer: Offer, *, pipelines: bool) -> None:
        """Begin: the relay has greeted and offers this."""
        self._commands = Commands(offer)
        self.pipelines = pipelines and offer.has_pipelining
        self._limit = min(self._relay.messages_per_connection or _NO_LIMIT, offer.mail_max or _NO_LIMIT)
        if self.upcoming is None:
            self._rest()
        else:
            self.offer(self.upcoming)

    def offer(self, submission: Submission) -> None:
        """Take a message while idle."""
        self.is_idle = False
        self.upcoming = submission
        envelope = self._written(submission)
        if envelope is None:
            self._rest()
        else:
            self._address(envelope)

    def receive(self, data: bytes) -> None:
        """Take what the relay said."""
        expected = self._expected
        if expected is _STREAM and self._reader.is_clean and not self.unsent and _IS_STREAMING(data):
            done, self.current = self.current, None
            self._expected, self._is_cleared = _NOTHING, True
            assert done is not None  # a stream has one
            self._desk.ended(done, Verdict.ACCEPTED, None)
            self._transfer()
        elif expected is _OPENING and self._reader.is_clean and _IS_OPENED(data):
            self._expected, self._is_cleared, self._is_fresh = _NOTHING, True, False
            self._desk.proved()
            self._transfer()
        else:
            self._reader.feed(data)
            self._digest()

    def resume(self) -> None:
        """Go on where an exception of the desk broke in."""
        if self._is_cleared:
            self._transfer()
        self._digest()
        if not (self._expected or self.is_over or self.is_idle):
            self._rest()

    @property
    def allowance(self) -> float:
        """Return how long the relay may be silent now, in seconds."""
        if self.unsent:
            return self._timeouts.block
        if not self._expected:
            return self._relay.idle_seconds
        longest = wait(self._timeouts, self._expected[0])
        return min(longest, self._relay.patience) if self._is_half_answered else longest

    def timed_out(self) -> None:
        """Decide what a silence beyond the allowance means."""
        if self.is_idle:
            self.quit()
        elif self._is_half_answered and not self.unsent:
            self._lied()
        else:
            self.lost("does not answer in time")

    def quit(self) -> None:
        """Say goodbye."""
        self.is_idle = False
        self._say(b"QUIT\r\n", (Step.QUIT,))

    @property
    def is_leaving(self) -> bool:
        """Say whether only the answer to QUIT is awaited."""
        return self._expected == (Step.QUIT,)

    # -- replies ------------------------------------------------------------------------------------------------

    def _digest(self) -> None:
        try:
            while not self.is_over and (reply := self._reader.next()) is not None:
                self._answer(reply)
        except MalformedReply as error:
            self.lost(f"does not speak SMTP ({error})")

    def _answer(self, reply: Reply) -> None:
        if not self._expected:
            self.lost(reply.words)  # nobody asked: it is closing, or nobody knows what is what
            return
        step = self._expected[0]
        if reply.code == 421:
            self._on_closing(step, reply)
        else:
            self._expected = self._expected[1:]
            _HANDLERS[step](self, reply)

    def _on_closing(self, step: Step, reply: Reply) -> None:
        """The relay is hanging up (RFC 5321 §3.8): that answers whom it was said to."""
        if step is Step.DOT:
            self._end()
            try:
                self._end_current(Verdict.DEFERRED, reply.parsed())
            finally:
                self._release()
            return
        if step in {Step.RCPT, Step.DATA}:
            self._refusal = self._refusal or reply
        self.lost(reply.words)

    def _on_dot(self, reply: Reply) -> None:
        if self._is_lie(reply):
            self._lied(reply)
        elif not (reply.is_refusal or (reply.is_positive and self._is_complete)):
            self.lost(f"answered a message with {reply.words}")
        else:
            self._after_dot(reply, is_complete=self._is_complete)

    def _after_dot(self, reply: Reply, *, is_complete: bool) -> None:
        """Tell the answer; a refusal in the middle of the body leaves a stream that nobody can go on with."""
        self._end_current(Verdict.ACCEPTED if reply.is_positive else refused(reply), reply.parsed())
        if not is_complete:
            self.lost("refused a message before its end")
        elif not self._expected:
            self._rest()
        elif self.upcoming is None:  # withdrawn, and its DATA may have been accepted: no dot may follow
            self._end()

    def _on_mail(self, reply: Reply) -> None:
        if reply.is_positive:
            self._is_fresh = False
            self._desk.proved()
        elif blames_sender(reply):
            self._is_sender_refused = True
        self._on_command(reply)

    def _on_rcpt(self, reply: Reply) -> None:
        self._is_addressed = reply.is_positive
        self._on_command(reply)

    def _on_command(self, reply: Reply) -> None:
        if self.upcoming is None:
            self._end()
        elif self._refusal is None and self._is_lie(reply):
            self._lied()
        elif not (reply.is_positive or reply.is_refusal):
            self.lost(f"answered a command with {reply.words}")
        else:
            if reply.is_refusal:
                self._refusal = self._refusal or reply
            if not self._expected:
                self._next_line()

    def _next_line(self) -> None:
        """Say the next command of an envelope in lock-step."""
        if self._refusal is not None:
            self._settle(_RESET, Step.RSET)
        else:
            step = _OPENING[-len(self._lines)]
            self._say(self._lines.pop(0), (step,))

    def _on_data(self, reply: Reply) -> None:
        if self.upcoming is None:
            self._end()
        elif self._refusal is None and self._is_lie(reply):
            self._lied()
        elif reply.code == 354:
            self._on_go_ahead()
        elif reply.is_refusal:
            self._refusal = self._refusal or reply
            self._settle(_RESET, Step.RSET)
        else:
            self.lost(f"answered DATA with {reply.words}")

    def _on_go_ahead(self) -> None:
        """Send the body; for nobody, a lone dot (RFC 2920 §3.1). With a recipient that would be an empty mail."""
        if self._refusal is None:
            self._is_cleared = True
            self._transfer()
        elif self._is_addressed:
            self.lost("wants the message of a sender that it refused")
        else:
            self._settle(_FINAL_DOT, Step.LONE_DOT)

    def _on_reset(self, reply: Reply) -> None:
        if not reply.is_positive:
            self.lost(f"refused RSET with {reply.words}")
        elif not self._expected:
            self._rest()
        elif self.upcoming is None:
            self._end()

    def _on_lone_dot(self, _reply: Reply) -> None:
        self._rest()  # whatever it says: there was no recipient

    def _on_quit(self, _reply: Reply) -> None:
        self._end()

    @property
    def _is_half_answered(self) -> bool:
        return 0 < len(self._expected) < self._asked

    def _is_lie(self, reply: Reply) -> bool:
        return self._asked > 1 and blames_group(reply)

    def _lied(self, answer: Reply | None = None) -> None:
        """Hang up and go on in lock-step; ``answer`` was to a whole message, which is not taken."""
        self._end()
        self._desk.lies()
        try:
            if answer is not None:
                self._end_current(Verdict.DEFERRED, answer.parsed())
        finally:
            self._take_back_upcoming()

    # -- commands -----------------------------------------------------------------------------------------------

    def _transfer(self) -> None:
        """Queue the body and the final dot, and the next envelope behind it."""
        submission = self.upcoming
        if submission is None:  # withdrawn
            self._end()
            return
        if not self._desk.begin(submission):
            self._end()
            self._release()
            return
        message = submission.message if submission.is_prepared else stuffed(submission.message)
        self._is_cleared = self._is_second = False
        self.current, self.upcoming = submission, None
        self._behind, self._body_bytes = 0, len(message) + 3
        self.outgoing += (message, _FINAL_DOT)
        self.unsent += self._body_bytes
        self._expected, self._asked = _LAST, 1
        if self.pipelines and (envelope := self._take()) is not None:
            self._follow(envelope)

    def _follow(self, envelope: bytes) -> None:
        """Put an envelope behind what was just queued, in the same group."""
        self._open_envelope()
        self.outgoing.append(envelope)
        self.unsent += len(envelope)
        self._behind = len(envelope)
        self._expected = _STREAM if self._expected is _LAST else self._expected + _OPENING
        self._asked = len(self._expected)

    def _open_envelope(self) -> None:
        self._count += 1
        self._refusal = None
        self._is_addressed = self._is_sender_refused = False

    def _address(self, envelope: bytes) -> None:
        """Say an envelope; one that was lost before goes line by line, to see at what the relay hangs up."""
        self._open_envelope()
        if self.pipelines and not self._is_second:
            self._say(envelope, _OPENING)
        else:
            self._lines = envelope.splitlines(keepends=True)
            self._next_line()

    def _say(self, octets: bytes, steps: tuple[Step, ...]) -> None:
        self.outgoing.append(octets)
        self.unsent += len(octets)
        self._expected = steps
        self._asked = len(steps)

    def _take(self) -> bytes | None:
        """Take the next message that may go out, and return its envelope."""
        self._is_second = False
        while self._count < self._limit and (submission := self._desk.take()) is not None:
            self.upcoming = submission
            if (envelope := self._written(submission)) is not None:
                return envelope
        return None

    def _written(self, submission: Submission) -> bytes | None:
        """Return the envelope of the upcoming message; None when it is refused here, before any octet."""
        envelope = self._commands.envelope(submission)
        if isinstance(envelope, bytes):
            return envelope
        self.upcoming = None
        self._desk.ended(submission, Verdict.REFUSED, envelope)
        return None

    def _rest(self) -> None:
        """Be free: take the next message, say goodbye, or wait."""
        self.is_idle = True
        self._is_second = False
        if not self._desk.is_open or self._count >= self._limit:
            self.quit()
        elif (envelope := self._take()) is not None:
            self.is_idle = False
            self._address(envelope)

    def _settle(self, octets: bytes, step: Step) -> None:
        """End the upcoming message by its refusal, and clear the transaction away."""
        self._say(octets, (step,))
        self._release()
        if step is Step.RSET and self.pipelines and self._desk.is_open:
            envelope = self._take()
            if envelope is not None:
                self._follow(envelope)


_HANDLERS: dict[Step, Callable[[Dialogue, Reply], None]] = {
    Step.MAIL: Dialogue._on_mail,  # noqa: SLF001 - its own table
    Step.RCPT: Dialogue._on_rcpt,  # noqa: SLF001
    Step.DATA: Dialogue._on_data,  # noqa: SLF001
    Step.DOT: Dialogue._on_dot,  # noqa: SLF001
    Step.RSET: Dialogue._on_reset,  # noqa: SLF001
    Step.LONE_DOT: Dialogue._on_lone_dot,  # noqa: SLF001
    Step.QUIT: Dialogue._on_quit,  # noqa: SLF001
}
