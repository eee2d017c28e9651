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
        with transactions() as session:
            if windows.has_open(session, holder):
                continue
            doubts = messages.doubts_of(session, holder)
            known = journal.accepted(folder, holder) if doubts else frozenset()
            for doubt in doubts:
                if (doubt.window_id, doubt.subscriber_id) in known:
                    messages.clear_doubt(
                        session, doubt.mailing_id, doubt.subscriber_id, window_id=doubt.window_id, code=250
                    )
                    count += 1
        journal.remove(folder, holder)
    if count:
        _log.info("doubts_cleared", count=count)
    return count
