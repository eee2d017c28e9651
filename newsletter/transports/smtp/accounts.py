"""Keep account of the messages of one connection: each that was taken ends once, whatever happens."""

from __future__ import annotations

from newsletter.domain.outcomes import SmtpReply
from newsletter.transports.base import Submission, Verdict
from newsletter.transports.smtp.desk import Desk
from newsletter.transports.smtp.faults import RelayFault
from newsletter.transports.smtp.replies import Reply
from newsletter.transports.smtp.steps import refused, refused_sender

LOST = SmtpReply(421, "4.4.2", "the connection was lost before the message was complete")


class Accounts:
    """Hold the messages that are under way, the octets that are not written yet, and how the two hang together.

    ``current``: its body is out or on its way, and the answer to the final dot is awaited. ``upcoming``: its
    envelope is, or the connection is still being opened for it. ``outgoing`` are octets to write, ``unsent`` their
    number. ``is_idle``: the relay waits for a message. ``is_over``: hang up.

    A message is let go of before the desk hears of it: when that raises, it has been told all the same.
    """

    __slots__ = (
        "_behind",
        "_body_bytes",
        "_desk",
        "_is_cleared",
        "_is_fresh",
        "_is_second",
        "_is_sender_refused",
        "_refusal",
        "current",
        "is_idle",
        "is_over",
        "outgoing",
        "unsent",
        "upcoming",
    )

    def __init__(self, desk: Desk, *, first: Submission | None, is_second: bool) -> None:
        self._desk = desk
        self._behind = 0  # octets of ``outgoing`` behind the final dot
        self._body_bytes = 0
        self._is_cleared = False  # 354 came: the body of the upcoming message may go
        self._is_fresh = True  # no sender was taken yet
        self._is_second = is_second  # the envelope of the upcoming message was lost once before
        self._is_sender_refused = False
        self._refusal: Reply | None = None  # of the upcoming message; told when its group is answered
        self.current: Submission | None = None
        self.upcoming = first
        self.outgoing: list[bytes | memoryview] = []
        self.unsent = 0
        self.is_idle = False
        self.is_over = False

    def wrote(self, count: int) -> None:
        """Hear that so many octets of ``outgoing`` are written."""
        self.unsent -= count
        parts = self.outgoing
        whole = memoryview(parts[0] if len(parts) == 1 else b"".join(parts))
        self.outgoing = [whole[count:]] if self.unsent else []

    def lost(self, why: str) -> None:
        """Decide what becomes of the messages of a connection that is no more."""
        if self.is_over:
            return
        self._end()
        try:
            self._lose_current()
        finally:
            self._lose_upcoming(why)

    def withdraw(self) -> None:
        """Begin no further body: the upcoming message is free for somebody else."""
        if self.upcoming is None:
            return
        if self.current is None:
            self._end()
        self._release()

    def let_go(self) -> None:
        """Free the upcoming message for somebody else while the connection is still being opened."""
        self._release()

    def abandon(self) -> None:
        """End everything now, by what is known; of a current message that has no octet out, nothing was tried."""
        self._end()
        try:
            if self.unsent >= self._behind + self._body_bytes:
                self._end_current(Verdict.UNTRIED, None)
            self._lose_current()
        finally:
            self._release()

    def _end(self) -> None:
        self.is_over, self.is_idle, self._is_cleared = True, False, False

    @property
    def _is_complete(self) -> bool:
        """Say whether the final dot of the current message is written."""
        return self.unsent <= self._behind

    def _end_current(self, verdict: Verdict, reply: SmtpReply | None) -> None:
        submission, self.current = self.current, None
        if submission is not None:
            self._desk.ended(submission, verdict, reply)

    def _lose_current(self) -> None:
        """Without its dot a message cannot have been taken; with it, nobody knows (RFC 1047)."""
        if self._is_complete:
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

    def _take_back_upcoming(self) -> None:
        """Try an envelope once more that failed for no fault of its own: that does not count."""
        submission = self.upcoming
        if submission is None or self._refusal is not None:
            self._release()
            return
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
            self._desk.failed(refused_sender(submission, refusal))
            self._desk.ended(submission, Verdict.UNTRIED, refusal.parsed())
        else:
            self._desk.ended(submission, refused(refusal), refusal.parsed())
