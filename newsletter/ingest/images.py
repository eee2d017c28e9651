"""Look at the images of new articles before they are frozen into an issue: a broken one must not stand in a mail.

Where a feed names none, the article's page is asked for one.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from newsletter.feeds import images as looking
from newsletter.feeds import og
from newsletter.feeds.fetch import Fetcher
from newsletter.feeds.images import ImageFault
from newsletter.runtime import logs
from newsletter.store import Session, Transactions, images

LOOKS = 60  # images of one run, some seconds
_AT_ONCE = 16
_PASSING = (ImageFault.UNREACHABLE.value,)

_log = logs.get(__name__)


def is_any_due(session: Session, *, now: datetime) -> bool:
    """Say whether an image, or a page for one, is to be looked at."""
    return bool(
        images.due(session, passing=_PASSING, now=now, limit=1)
        or images.pages_due(session, passing=_PASSING, now=now, limit=1)
    )


def check_due(transactions: Transactions, *, fetcher: Fetcher, now: datetime, limit: int = LOOKS) -> int:
    """Look at what nobody has looked at yet, with no transaction open; return how many images are left out.

    What two workers look at once is recorded twice, alike.
    """
    find_due(transactions, fetcher=fetcher, now=now, limit=limit)
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


def find_due(transactions: Transactions, *, fetcher: Fetcher, now: datetime, limit: int = LOOKS) -> int:
    """Look for images on the pages of articles whose feed names none; return how many were found."""
    with transactions() as session:
        due = images.pages_due(session, passing=_PASSING, now=now, limit=limit)
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="page") as pool:
        named = list(pool.map(lambda found: og.look(fetcher, found[1]), due))
    with transactions() as session:
        for (article_id, _), each in zip(due, named, strict=True):
            images.record_page(session, article_id, url=each.url, alt=each.alt, fault=each.fault, now=now)
        for url in sorted({each.url for each in named if each.url}):
            images.leave_out_shared(session, url, fault=ImageFault.SHARED, now=now)
    found = sum(bool(each.url) for each in named)
    if due:
        _log.info("pages looked at for images", count=len(due), found=found)
    return found
