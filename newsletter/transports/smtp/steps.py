"""Name the steps of a transaction, and say what a refusal at one of them means."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import assert_never

from newsletter.transports.base import Submission, Verdict
from newsletter.transports.smtp.faults import RelayFault
from newsletter.transports.smtp.relay import Timeouts
from newsletter.transports.smtp.replies import Reply

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


def wait(timeouts: Timeouts, step: Step) -> float:
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


def refused(reply: Reply) -> Verdict:
    """Return what a refusal of a message means for it."""
    return Verdict.REFUSED if reply.code >= 500 else Verdict.DEFERRED


def blames_sender(reply: Reply) -> bool:
    """Say whether MAIL was refused for good, and not for what this one message is.

    Too large (552, 5.3.4) and an address that needs SMTPUTF8 (5.6.7) are of the message.
    """
    return reply.code >= 500 and reply.code != 552 and reply.parsed().enhanced not in {"5.3.4", "5.6.7"}


def refused_sender(submission: Submission, reply: Reply) -> RelayFault:
    """Return the fault of a relay that does not take our sender: readers are not to blame."""
    domain = submission.envelope.mail_from.rpartition("@")[2]
    return RelayFault(
        f"refused the sender {domain}: {reply.words}",
        "Check the login, and that the relay accepts this sender domain.",
    )


def blames_group(reply: Reply) -> bool:
    """Say whether a refusal is of commands in a group, not of the command: out of order (503), or by its words."""
    if reply.code == 503:
        return True
    return reply.code == 554 and any(_COMPLAINT(line) for line in reply.lines)
