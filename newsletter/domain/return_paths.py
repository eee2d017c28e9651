"""Find the tokens of ours in what comes back, whatever forwarders made of the addresses.

Forwarders wrap a return path: ``SRS0=hash=tt=domain=local`` and ``SRS1=hash=host==hash=tt=domain=local`` (SRS),
``prvs=tag=local``, ``btv1==tag==local``, ``msprvs1=tag=local`` (BATV and its kin). A token stands in all of them
whole, and its MAC covers all that it says. So it is looked for between any signs that are no letter or digit of its
own, and what stands around it does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Literal, cast  # cast: what a pattern found is one of its letters

from newsletter.domain.errors import InvalidToken
from newsletter.domain.tokens import (
    Delivery,
    KeyRing,
    LinkPurpose,
    LocalPartKind,
    read_link,
    read_local_token,
)

BOUNCE_LIFETIME = timedelta(days=45)  # servers give up after 5 days; some answer weeks later
KEY_LIFETIME = timedelta(days=60)  # of a replaced return path key: longer than the last token that it signed
_CANDIDATES_MAX = 40  # tokens looked at in one text: a report names one message, and checking costs 10 us
_LOCAL = re.compile(r"(?<![0-9a-z])([bmu]-[0-9a-z]{34})(?![0-9a-z])", re.IGNORECASE | re.ASCII)
_LINK = re.compile(r"/([up])/([A-Za-z0-9_-]{44})(?![A-Za-z0-9_-])")
_SOFT_BREAK = re.compile(r"=\r?\n")  # RFC 2045 §6.7: a link may have been folded on its way

TraceKind = Literal["b", "u", "m", "link"]


@dataclass(frozen=True)
class Trace:
    """Hold a token of ours that was found: what kind, which message it names, when that was signed."""

    kind: TraceKind
    delivery: Delivery
    signed_on: date


@dataclass(frozen=True)
class ReturnPaths:
    """Recognise our tokens; needs no database, so that a receiver can hold it and load it anew now and then.

    ``links`` verifies ``u-``, ``m-`` and the links, ``return_path`` verifies ``b-``.
    """

    links: KeyRing
    return_path: KeyRing
    inbound_domain: str
    message_domain: str

    def of_recipient(self, address: str, *, now: datetime) -> Trace | None:
        """Return what an envelope's recipient names; None: no address that we gave away, or too old a return path.

        Only the domain of ours counts: everything else is not for us.
        """
        local, _, domain = address.rpartition("@")
        if not self.inbound_domain or domain.lower().rstrip(".") != self.inbound_domain:
            return None
        return next((trace for trace in self.in_text(local, now=now) if trace.kind in {"b", "u"}), None)

    def in_text(self, text: str, *, now: datetime) -> list[Trace]:
        """Return the tokens in a text, each once: addresses first, then links."""
        unfolded = _SOFT_BREAK.sub("", text)
        locals_ = dict.fromkeys(found.lower() for found in _LOCAL.findall(unfolded))
        links = dict.fromkeys(_LINK.findall(unfolded))
        return [
            *self._locals(islice(locals_, _CANDIDATES_MAX), now),
            *self._links(islice(links, _CANDIDATES_MAX), now),
        ]

    def _locals(self, candidates: Iterable[str], now: datetime) -> Iterator[Trace]:
        oldest = (now - BOUNCE_LIFETIME).date()
        for candidate in candidates:
            kind = cast("LocalPartKind", candidate[0])
            ring = self.return_path if kind == "b" else self.links
            domain = self.message_domain if kind == "m" else self.inbound_domain
            try:
                token = read_local_token(candidate, kind, ring, domain=domain)
            except InvalidToken:
                continue
            if kind != "b" or token.day >= oldest:
                yield Trace(kind, token.delivery, token.day)

    def _links(self, candidates: Iterable[tuple[str, str]], now: datetime) -> Iterator[Trace]:
        for purpose, text in candidates:
            try:
                token = read_link(text, LinkPurpose(purpose), self.links, now=now)
            except InvalidToken:
                continue
            if token.mailing_id:
                yield Trace("link", Delivery(token.mailing_id, token.subscriber_id), token.issued_at.date())
