"""Find out to which destinations the domains of readers belong: by the names of their mail servers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from newsletter.domain import destinations
from newsletter.domain.errors import FetchError
from newsletter.store import Transactions, domains
from newsletter.transports import dns

_AT_A_TIME = 50  # domains: a quarter of a minute when no name server answers at all
_AT_ONCE = 10  # look-ups: nearly all of their time is waiting
_PATIENCE = 3.0  # seconds for one; what is not found is asked for again after a day


@dataclass(frozen=True)
class Resolved:
    """Count the domains asked for, and those whose destination was found."""

    asked_count: int
    found_count: int


def resolve_some(
    transactions: Transactions, *, limit: int = _AT_A_TIME, now: datetime, server: str = ""
) -> Resolved:
    """Ask for the mail servers of a few domains, those of many readers first; no transaction is open meanwhile.

    ``server`` is the address of a name server; otherwise those of this machine are asked.
    """
    with transactions() as session:
        names = domains.unresolved(session, now=now, limit=limit)
    if not names:
        return Resolved(0, 0)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        groups = dict(zip(names, pool.map(lambda name: _group(name, server), names), strict=True))
    with transactions() as session:
        domains.keep_groups(session, groups, now=now)
    return Resolved(len(names), sum(group is not None for group in groups.values()))


def _group(name: str, server: str) -> str | None:
    try:
        host = dns.mail_server(name, server=server, patience=_PATIENCE)
    except FetchError:
        return None
    if host is None or host == name:
        return host
    return destinations.group_of_server(host)
