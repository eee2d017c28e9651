"""Read the journals that dead workers of this machine left behind, and delete those that nobody will ask for."""

from __future__ import annotations

from pathlib import Path

from newsletter.runtime import logs
from newsletter.sending import journal
from newsletter.store import Transactions, messages, windows

_log = logs.get(__name__)


def gather(transactions: Transactions, *, folder: Path) -> int:
    """Turn messages that are in doubt into submitted ones where a journal knows better; return how many.

    A journal whose windows are still open stays: recovery will ask for it.
    """
    count = 0
    for holder in journal.left_behind(folder):
        # Asked before the journal is taken, because recovery must not find it so; and again, because a new drain of
        # this worker may have come and gone in between.
        if _is_wanted(transactions, holder):
            continue
        with journal.taken(folder, holder) as is_ours:
            if is_ours and not _is_wanted(transactions, holder):
                count += _clear_doubts(transactions, folder, holder)
                journal.remove(folder, holder)
    if count:
        _log.info("doubts_cleared", count=count)
    return count


def _is_wanted(transactions: Transactions, holder: str) -> bool:
    with transactions() as session:
        return windows.has_open(session, holder)


def _clear_doubts(transactions: Transactions, folder: Path, holder: str) -> int:
    count = 0
    with transactions() as session:
        doubts = messages.doubts_of(session, holder)
        known = journal.accepted(folder, holder) if doubts else frozenset()
        for doubt in doubts:
            if (doubt.window_id, doubt.subscriber_id) in known:
                messages.clear_doubt(
                    session, doubt.mailing_id, doubt.subscriber_id, window_id=doubt.window_id, code=250
                )
                count += 1
    return count
