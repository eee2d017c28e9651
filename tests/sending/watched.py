"""Stand between an engine and its source, and do something at a chosen message."""

from __future__ import annotations

from collections.abc import Callable

from newsletter.domain.outcomes import SmtpReply
from newsletter.transports.base import Named, Source, Submission, Verdict


class WatchedSource:
    """Call ``then`` with the number of each message (1, 2, ...) whose attempt has ended, before its source hears."""

    def __init__(self, source: Source, then: Callable[[int], None]) -> None:
        self._source = source
        self._then = then
        self._count = 0

    def next(self, relay: Named) -> Submission | None:
        return self._source.next(relay)

    def begin(self, submission: Submission) -> bool:
        return self._source.begin(submission)

    def flush(self) -> None:
        self._source.flush()

    def ended(self, submission: Submission, verdict: Verdict, reply: SmtpReply | None, relay: Named) -> None:
        self._count += 1
        self._then(self._count)
        self._source.ended(submission, verdict, reply, relay)
