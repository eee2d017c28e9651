"""Look at the images of new articles before they are frozen into an issue: a broken one must not stand in a mail."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from newsletter.feeds import images as looking
from newsletter.feeds.fetch import Fetcher
from newsletter.feeds.images import ImageFault
from newsletter.runtime import logs
from newsletter.store import Session, Transactions, images

LOOKS = 60  # images of one run, some seconds
_AT_ONCE = 16
_PASSING = (ImageFault.UNREACHABLE.value,)

_log = logs.get(__name__)


def is_any_due(session: Session, *, now: datetime) -> bool:
    """Say whether an image is to be looked at."""
    return bool(images.due(session, passing=_PASSING, now=now, limit=1))


def check_due(transactions: Transactions, *, fetcher: Fetcher, now: datetime, limit: int = LOOKS) -> int:
    """Look at the images that nobody has looked at yet, with no transaction open; return how many are left out.

    What two workers look at once is recorded twice, alike.
    """
    with transactions() as session:
        due = images.due(session, passing=_PASSING, now=now, limit=limit)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="image") as pool:
        seen = list(pool.map(lambda found: looking.look(fetcher, found[1]), due))
    with transactions() as session:
        for (article_id, looked_at), each in zip(due, seen, strict=True):
            images.record(
                session,
                article_id,
                looked_at,
                url=each.url,
                width=each.width,
                height=each.height,
                fault=each.fault,
                now=now,
            )
    faults = [each.fault for each in seen if each.fault is not None]
    if due:
        _log.info("images looked at", count=len(due), left_out=len(faults))
    return len(faults)
