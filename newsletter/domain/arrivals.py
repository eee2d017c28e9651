"""Name what comes in from outside, raw: mails by four ways, and the bodies of providers' webhooks."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

READ_BYTES = 1_000_000  # what a parser sees of a mail
KEPT_BYTES = 10_000_000  # what is kept of a mail at all: reports that hold a whole newsletter stay below
KEPT_FOR = timedelta(days=30)
ATTEMPTS_MAX = 3  # a mail that killed its reader three times is left to a person


class MailWay(StrEnum):
    """Say how a mail came in; what came by no such way is a webhook, and its way is the provider's name."""

    LMTP = "lmtp"
    SMTP = "smtp"
    IMAP = "imap"
    MAILDIR = "maildir"
    INGEST = "ingest"


class ArrivalStatus(StrEnum):
    """Say whether an arrival was read; a failed one could not be, and is kept and shown."""

    WAITING = "waiting"
    READ = "read"
    FAILED = "failed"


class ArrivalResult(StrEnum):
    """Say what came of an arrival that was read; those of ``TO_LOOK_AT`` are for a person."""

    RECORDED = "recorded"
    KNOWN = "known"  # it says nothing that we did not know
    IGNORED = "ignored"  # it is none of the things that anything follows from
    LOOP = "loop"  # it went through more servers than any mail does
    UNIDENTIFIED = "unidentified"  # nobody can say whose message it is about
    DOUBTFUL = "doubtful"  # a report to a return path that no mail system sent
    MOVED = "moved"  # an answer says that the reader is not to be reached there any more
    PERSON = "person"  # somebody wrote to us


TO_LOOK_AT = frozenset(
    {ArrivalResult.UNIDENTIFIED, ArrivalResult.DOUBTFUL, ArrivalResult.MOVED, ArrivalResult.PERSON}
)
