"""Hold what reading arrivals needs besides the arrivals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from newsletter.domain.arrivals import ArrivalResult
from newsletter.domain.return_paths import ReturnPaths
from newsletter.providers.base import EventFeed


@dataclass(frozen=True, kw_only=True)
class Means:
    """Hold what recognises our tokens, what understands providers, and whose complaints count without a token.

    ``complaint_senders`` are domains whose DKIM signature our own mail server, ``authentication_server``, has to have
    found valid.
    """

    paths: ReturnPaths
    feeds: Mapping[str, EventFeed]
    complaint_senders: frozenset[str] = frozenset()
    authentication_server: str = ""


@dataclass(frozen=True)
class Recorded:
    """Say what an arrival was and what came of it; ``error`` names what of it could not be read.

    ``confirm_urls`` are to be asked for once, when the transaction has ended.
    """

    kind: str
    result: ArrivalResult
    error: str = ""
    confirm_urls: tuple[str, ...] = ()
