"""Tell clicks by people from those of machines, and say what a click is worth later. Nobody is known by name.

Filters open all links of a mail before its reader does; a tenth to a third of the clicks in some companies is theirs.
They are counted apart, never thrown away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

PEOPLE = (
    0  # in the place of an article's number: each person's first click of a day in an issue, whatever it was
)
WEB_ARM = -1  # in the place of a subject: opened from a page of ours and from no mail

# What stands at the end of a counted link that names no tried subject.
FROM_MAIL = "m"
FROM_WEB = "w"
NOT_COUNTED = "t"  # a test mail

_HOUR = 3600  # seconds

# Names by which programs call themselves. Mail filters mostly hide behind a browser's name: see ``verdict``.
_MACHINES = re.compile(
    r"bot\b|bots\b|crawl|spider|slurp|scan|preview|prefetch|monitor|probe|headless|phantom|selenium|puppeteer|"
    r"playwright|python|curl|wget|libwww|httpclient|http-client|okhttp|java/|go-http|ruby|perl|php|node-fetch|axios|"
    r"barracuda|proofpoint|mimecast|safelinks|fireeye|trendmicro|symantec|messagelabs|forcepoint|sophos|ironport|"
    r"googleimageproxy|yahoomailproxy|facebookexternalhit|whatsapp|telegram|slack|discord|skypeuri|bingpreview",
    re.IGNORECASE,
)
_PREFETCH = ("sec-purpose", "purpose", "x-purpose", "x-moz")


class Client(StrEnum):
    """Say who clicked."""

    HUMAN = "human"
    MACHINE = "machine"


def verdict(headers: Mapping[str, str], *, is_burst: bool) -> Client:
    """Tell people from machines by one request; ``headers`` by their names in lower case.

    Certain signs are a name of a program, no name, a fetch ahead of the reader, and a burst: many stories of a message
    within seconds. Of the signs that a browser may lack for a reason, two together make a machine.
    """
    agent = headers.get("user-agent", "")
    is_ahead = any(
        re.search(r"prefetch|preview|prerender", headers.get(name, ""), re.I) for name in _PREFETCH
    )
    if is_burst or is_ahead or not agent.startswith(("Mozilla/", "Opera/")) or _MACHINES.search(agent):
        return Client.MACHINE
    return Client.MACHINE if sum(_odd(headers)) >= 2 else Client.HUMAN


def _odd(headers: Mapping[str, str]) -> tuple[bool, ...]:
    """Return what is unusual for a browser that opens a link."""
    accept = headers.get("accept", "")
    mode = headers.get("sec-fetch-mode")
    return (
        not headers.get("accept-language"),
        "text/html" not in accept,
        mode is not None and mode != "navigate",
        not headers.get("accept-encoding"),
    )


def hour_of(instant: datetime) -> int:
    """Return the hours since 1970."""
    return int(instant.timestamp()) // _HOUR


def decayed(count: int, hour: int, *, now: datetime, half_life: timedelta) -> float:
    """Return what clicks of an hour are worth now: half after every half-life."""
    age = max(0, hour_of(now) - hour) * _HOUR
    return float(count * 0.5 ** (age / half_life.total_seconds()))
