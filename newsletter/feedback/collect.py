"""Collect mail from an IMAP folder or a Maildir: kept first, then put away.

A crash between the two changes nothing: the same mail is kept once, and put away the next time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from newsletter.domain.errors import FetchError
from newsletter.feedback.take import take
from newsletter.inbound.mail import Mailbox
from newsletter.runtime import logs
from newsletter.runtime.clock import Clock
from newsletter.store import Transactions, mailboxes

_FOR = 45.0  # seconds; then the task ends, and another goes on
_WAIT_MAX = timedelta(hours=1)  # between two looks, however many have failed
_SHOWN = 3  # of the mails that could not be taken
_log = logs.get(__name__)


@dataclass(frozen=True, kw_only=True)
class Collected:
    """Say what came of a look: how many mails were put away, how many of them were new to the queue.

    ``fault`` is a stable code, with its text. ``was_looked_into`` False: not due, or somebody else looks.
    """

    mail_count: int = 0
    new_count: int = 0
    has_more: bool = False
    fault: str = ""
    fault_text: str = ""
    was_looked_into: bool = True


def collect(
    transactions: Transactions, mailbox: Mailbox, *, interval: timedelta, clock: Clock, force: bool = False
) -> Collected:
    """Take what is in a mailbox for at most 45 seconds.

    After failures it is left alone for a while, the double of ``interval`` and more; ``force`` looks all the same.
    """
    with transactions() as session:
        claim = mailboxes.claim(session, mailbox.way, now=clock.now(), force=force)
    if claim is None:
        return Collected(was_looked_into=False)
    try:
        found = _look(transactions, mailbox, clock=clock)
    except FetchError as error:
        _log.warning("mailbox_failed", way=mailbox.way, reason=error.reason)
        with transactions() as session:
            mailboxes.failed(
                session,
                claim,
                fault=error.reason,
                fault_text=f"{error.message} {error.hint}".strip(),
                next_at=clock.now() + _wait(interval, claim.failure_count),
            )
        return Collected(fault=error.reason, fault_text=error.message)
    with transactions() as session:
        mailboxes.collected(
            session,
            claim,
            now=clock.now(),
            fault=found.fault,
            fault_text=found.fault_text,
        )
    return found


def _look(transactions: Transactions, mailbox: Mailbox, *, clock: Clock) -> Collected:
    began, mail_count, new_count, has_more = clock.monotonic(), 0, 0, False
    with mailbox.opened() as opened:
        for portion in opened.portions():
            with transactions() as session:
                new_count += take(session, portion.mails, way=mailbox.way, now=clock.now())
            opened.put_away(portion)
            mail_count += len(portion.mails)
            if clock.monotonic() - began > _FOR:
                has_more = True
                break
        left = opened.left
    if left:
        _log.warning("mails_left", way=mailbox.way, count=len(left))
    return Collected(
        mail_count=mail_count,
        new_count=new_count,
        has_more=has_more,
        fault="left" if left else "",
        fault_text=f"{len(left)} could not be taken: {'; '.join(left[:_SHOWN])}" if left else "",
    )


def _wait(interval: timedelta, failure_count: int) -> timedelta:
    """Return how long to wait after a failure that so many came before: the double each time."""
    return min(interval * (2 << min(failure_count, 16)), _WAIT_MAX)
