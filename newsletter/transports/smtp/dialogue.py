"""Talk to a relay about one message after another: replies in, commands out, verdicts to the desk. No I/O.

What each reply, loss and silence leads to stands as a table in docs/operations/smtp.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol, assert_never

from newsletter.domain.outcomes import SmtpReply
from newsletter.transports.base import Submission, Verdict
from newsletter.transports.smtp.commands import Commands, stuffed
from newsletter.transports.smtp.greeting import RelayFault
from newsletter.transports.smtp.offer import Offer
from newsletter.transports.smtp.relay import Relay, Timeouts
from newsletter.transports.smtp.replies import MalformedReply, Reply, ReplyReader

LOST = SmtpReply(421, "4.4.2", "the connection was lost before the message was complete")
_NO_LIMIT = 1 << 62
_FINAL_DOT = b".\r\n"

# The hot path: the answers to dot, MAIL, RCPT and DATA of messages that are taken, each on one line.
_TAKEN = rb"250 [^\r\n]*\r\n"
_GO_AHEAD = rb"354 [^\r\n]*\r\n"
_IS_STREAMING = re.compile(_TAKEN * 3 + _GO_AHEAD).fullmatch
_IS_OPENED = re.compile(_TAKEN * 2 + _GO_AHEAD).fullmatch

# What a relay says that cannot take a group of commands although it offers PIPELINING.
_COMPLAINT = re.compile(rb"pipelin|synchroni[sz]", re.IGNORECASE).search


class Step(Enum):
    """Name what a reply is the answer to."""

    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DOT = auto()
    RSET = auto()
    LONE_DOT = auto()
    QUIT = auto()


_NOTHING: tuple[Step, ...] = ()
_OPENING = (Step.MAIL, Step.RCPT, Step.DATA)
_STREAM = (Step.DOT, *_OPENING)
_LAST = (Step.DOT,)


class Desk(Protocol):
    """Give a dialogue its messages and hear from it."""

    @property
    def is_open(self) -> bool:
        """Say whether there may be more; when not, a free connection says goodbye."""

    def take(self) -> Submission | None:
        """Return the next message, None when there is none now."""

    def begin(self, submission: Submission) -> bool:
        """Allow the body to go out."""

    def ended(self, submission: Submission, verdict: Verdict, reply: SmtpReply | None) -> None:
        """Hear how an attempt ended."""

    def again(self, submission: Submission, *, is_second: bool) -> None:
        """Take back a message whose envelope was lost, for a new connection."""

    def proved(self) -> None:
        """Hear that the relay works: it took a sender."""

    def failed(self, fault: RelayFault) -> None:
        """Hear that the relay cannot be used."""

    def lies(self) -> None:
        """Hear that the relay cannot do PIPELINING although it says so."""


class Dialogue:
    """Hold the state of one connection once its relay has greeted.

    ``current``: its body is out or on its way, and the answer to the final dot is awaited. ``upcoming``: its
    envelope is, or the connection is still being opened for it. ``outgoing`` are octets to write, ``unsent`` their
    number. ``is_over``: hang up.
    """

    __slots__ = (
        "_asked", "_behind", "_body_bytes", "_commands", "_count", "_desk", "_expected", "_is_addressed",
        "_is_cleared", "_is_fresh", "_is_second", "_is_sender_refused", "_limit", "_lines", "_reader", "_refusal",
        "_relay", "_timeouts", "current", "is_idle", "is_over", "outgoing", "pipelines", "unsent", "upcoming",
    )  # fmt: skip

    def __init__(
        self, relay: Relay, desk: Desk, *, first: Submission | None = None, is_second: bool = False
    ) -> None:
        """Wait to be opened, for the message ``first``; ``is_second`` when its envelope was lost once before."""
        self._relay = relay
        self._desk = desk
        self._timeouts = relay.timeouts.capped(relay.timeout)
        self._commands = Commands(Offer())
        self._reader = ReplyReader()
        self._expected = _NOTHING
        self._asked = 0  # replies that the last group asked for
        self._lines: list[bytes] = []  # commands of the envelope that are not said yet
        self._refusal: Reply | None = None  # of the upcoming message; told when the group is answered
        self._is_cleared = False  # 354 came: the body of the upcoming message may go
        self._is_addressed = False
        self._is_sender_refused = False
        self._is_fresh = True  # no sender was taken yet
        self._is_second = is_second
        self._count = 0
        self._limit = _NO_LIMIT
        self._behind = 0  # octets of ``outgoing`` behind the final dot
        self._body_bytes = 0
        self.pipelines = False
        self.outgoing: list[bytes | memoryview] = []
        self.unsent = 0
        self.current: Submission | None = None
        self.upcoming = first
        self.is_idle = False
        self.is_over = False

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
        if expected is _STREAM and not self.unsent and not self._reader.held and _IS_STREAMING(data):
            done, self.current = self.current, None
            self._expected, self._is_cleared = _NOTHING, True
            assert done is not None  # a stream has one
            self._desk.ended(done, Verdict.ACCEPTED, None)
            self._transfer()
        elif expected is _OPENING and not self._reader.held and _IS_OPENED(data):
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

    def wrote(self, count: int) -> None:
        """Hear that so many octets of ``outgoing`` are written."""
        self.unsent -= count
        rest = memoryview(b"".join(self.outgoing))[count:]
        self.outgoing = [rest] if rest else []

    @property
    def allowance(self) -> float:
        """Return how long the relay may be silent now, in seconds."""
        if self.unsent:
            return self._timeouts.block
        if not self._expected:
            return self._relay.idle_seconds
        longest = _wait(self._timeouts, self._expected[0])
        return min(longest, self._relay.patience) if self._is_half_answered else longest

    def timed_out(self) -> None:
        """Decide what a silence beyond the allowance means."""
        if self.is_idle:
            self.quit()
        elif self._is_half_answered and not self.unsent:
            self._lied()
        else:
            self.lost("does not answer in time")

    def lost(self, why: str) -> None:
        """Decide what becomes of the messages of a connection that is no more."""
        if self.is_over:
            return
        self.is_over, self.is_idle, self._is_cleared = True, False, False
        try:
            self._lose_current()
        finally:
            self._lose_upcoming(why)

    def quit(self) -> None:
        """Say goodbye."""
        self.is_idle = False
        self._say(b"QUIT\r\n", (Step.QUIT,))

    @property
    def is_leaving(self) -> bool:
        """Say whether only the answer to QUIT is awaited."""
        return self._expected == (Step.QUIT,)

    def withdraw(self) -> None:
        """Begin no further body: the upcoming message is free for somebody else."""
        if self.upcoming is None:
            return
        self._is_cleared = False
        self.is_over = self.current is None
        self._release()

    def abandon(self) -> None:
        """End everything now, by what is known."""
        self.is_over, self.is_idle, self._is_cleared = True, False, False
        try:
            if self.unsent - self._behind >= self._body_bytes:
                self._end_current(Verdict.UNTRIED, None)
            self._lose_current()
        finally:
            self._release()

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
            self._closing(step, reply)
        else:
            self._expected = self._expected[1:]
            _HANDLERS[step](self, reply)

    def _closing(self, step: Step, reply: Reply) -> None:
        """The relay is hanging up (RFC 5321 §3.8): it is an answer to whom it was said to."""
        if step is Step.DOT:
            self.is_over = True
            try:
                self._end_current(Verdict.DEFERRED, reply.parsed())
            finally:
                self._release()
            return
        if step in {Step.RCPT, Step.DATA}:
            self._refusal = self._refusal or reply
        self.lost(reply.words)

    def _on_dot(self, reply: Reply) -> None:
        is_complete = self.unsent <= self._behind
        if self._complains(reply):
            self._lied(reply)
        elif not (reply.is_refusal or (reply.is_positive and is_complete)):
            self.lost(f"answered a message with {reply.words}")
        else:
            self._after_dot(reply, is_complete=is_complete)

    def _after_dot(self, reply: Reply, *, is_complete: bool) -> None:
        """Tell the answer; a refusal in the middle of the body leaves a stream that nobody can go on with."""
        verdict = Verdict.ACCEPTED if reply.is_positive else _refused(reply)
        self._end_current(verdict, reply.parsed())
        if not is_complete:
            self.lost("refused a message before its end")
        elif not self._expected:
            self._rest()
        elif self.upcoming is None:  # withdrawn, and its DATA may have been accepted: no dot may follow
            self.is_over = True

    def _on_mail(self, reply: Reply) -> None:
        if reply.is_positive:
            self._is_fresh = False
            self._desk.proved()
        elif _blames_sender(reply):
            self._is_sender_refused = True
        self._on_command(reply)

    def _on_rcpt(self, reply: Reply) -> None:
        self._is_addressed = reply.is_positive
        self._on_command(reply)

    def _on_command(self, reply: Reply) -> None:
        if self.upcoming is None:
            self.is_over = True
        elif self._refusal is None and self._complains(reply):
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
            self._settle(b"RSET\r\n", Step.RSET)
        else:
            step = _OPENING[-len(self._lines)]
            self._say(self._lines.pop(0), (step,))

    def _on_data(self, reply: Reply) -> None:
        if self.upcoming is None:
            self.is_over = True
        elif self._refusal is None and self._complains(reply):
            self._lied()
        elif reply.code == 354:
            self._on_go_ahead()
        elif reply.is_refusal:
            self._refusal = self._refusal or reply
            self._settle(b"RSET\r\n", Step.RSET)
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
            self.is_over = True

    def _on_lone_dot(self, _reply: Reply) -> None:
        self._rest()  # whatever it says: there was no recipient

    def _on_quit(self, _reply: Reply) -> None:
        self.is_over = True

    def _complains(self, reply: Reply) -> bool:
        """Say whether a reply blames the group, not the command: 503 where all before it was taken, or by its words."""
        if self._asked < 2 or reply.code not in {503, 554}:
            return False
        return reply.code == 503 or any(_COMPLAINT(line) for line in reply.lines)

    @property
    def _is_half_answered(self) -> bool:
        return 0 < len(self._expected) < self._asked

    # -- commands -----------------------------------------------------------------------------------------------

    def _transfer(self) -> None:
        """Queue the body and the final dot, and the next envelope behind it."""
        submission = self.upcoming
        if submission is None:  # withdrawn
            self.is_over = True
            return
        if not self._desk.begin(submission):
            self._is_cleared = False
            self.is_over = True
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

    # -- endings ------------------------------------------------------------------------------------------------

    def _end_current(self, verdict: Verdict, reply: SmtpReply | None) -> None:
        submission, self.current = self.current, None
        if submission is not None:
            self._desk.ended(submission, verdict, reply)

    def _lose_current(self) -> None:
        """Without its dot a message cannot have been taken; with it, nobody knows (RFC 1047)."""
        if self.unsent <= self._behind:
            self._end_current(Verdict.UNCERTAIN, None)
        else:
            self._end_current(Verdict.DEFERRED, LOST)

    def _lose_upcoming(self, why: str) -> None:
        """Try an envelope once more; one that is lost twice is to blame, or else the relay."""
        submission = self.upcoming
        if submission is None or self._refusal is not None:
            self._release()
            return
        self.upcoming = None
        if not self._is_second:
            self._desk.again(submission, is_second=True)
        elif self._is_fresh:
            self._desk.failed(RelayFault(f"hung up: {why}", "It is tried again soon."))
            self._desk.ended(submission, Verdict.UNTRIED, None)
        else:
            self._desk.ended(submission, Verdict.DEFERRED, LOST)

    def _lied(self, answer: Reply | None = None) -> None:
        """Hang up and go on in lock-step; ``answer`` was to a whole message, which is not taken."""
        self._desk.lies()
        self.is_over = True
        submission = self.upcoming
        try:
            if answer is not None:
                self._end_current(Verdict.DEFERRED, answer.parsed())
        finally:
            if submission is None or self._refusal is not None:
                self._release()
            else:
                self.upcoming = None
                self._desk.again(submission, is_second=self._is_second)

    def _release(self) -> None:
        """End the upcoming message: by its refusal, else as one that nobody has tried."""
        submission, refusal = self.upcoming, self._refusal
        self.upcoming = self._refusal = None
        if submission is None:
            return
        if refusal is None:
            self._desk.ended(submission, Verdict.UNTRIED, None)
        elif self._is_sender_refused:
            self._desk.failed(_refused_sender(submission, refusal))
            self._desk.ended(submission, Verdict.UNTRIED, refusal.parsed())
        else:
            self._desk.ended(submission, _refused(refusal), refusal.parsed())


_HANDLERS: dict[Step, Callable[[Dialogue, Reply], None]] = {
    Step.MAIL: Dialogue._on_mail,  # noqa: SLF001 - its own table
    Step.RCPT: Dialogue._on_rcpt,  # noqa: SLF001
    Step.DATA: Dialogue._on_data,  # noqa: SLF001
    Step.DOT: Dialogue._on_dot,  # noqa: SLF001
    Step.RSET: Dialogue._on_reset,  # noqa: SLF001
    Step.LONE_DOT: Dialogue._on_lone_dot,  # noqa: SLF001
    Step.QUIT: Dialogue._on_quit,  # noqa: SLF001
}


def _wait(timeouts: Timeouts, step: Step) -> float:
    """Return how long the answer to one thing may take, in seconds."""
    match step:
        case Step.DOT:
            return timeouts.dot
        case Step.DATA:
            return timeouts.data
        case Step.RCPT:
            return timeouts.rcpt
        case Step.QUIT:
            return timeouts.quit
        case Step.MAIL | Step.RSET | Step.LONE_DOT:
            return timeouts.mail
    assert_never(step)


def _refused(reply: Reply) -> Verdict:
    return Verdict.REFUSED if reply.code >= 500 else Verdict.DEFERRED


def _blames_sender(reply: Reply) -> bool:
    """Say whether MAIL was refused for good, and not for what this one message is.

    Too large (552, 5.3.4) and an address that needs SMTPUTF8 (5.6.7) are of the message.
    """
    return reply.code >= 500 and reply.code != 552 and reply.parsed().enhanced not in {"5.3.4", "5.6.7"}


def _refused_sender(submission: Submission, reply: Reply) -> RelayFault:
    domain = submission.envelope.mail_from.rpartition("@")[2]
    return RelayFault(
        f"refused the sender {domain}: {reply.words}",
        "Check the login, and that the relay accepts this sender domain.",
    )
