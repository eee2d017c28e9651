"""Sign what names one message: its links, its Message-ID, the addresses that answers and bounces come back to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from newsletter.domain.rendered import FrozenIssue
from newsletter.domain.tokens import (
    KeyRing,
    LinkPurpose,
    LinkSeries,
    LinkToken,
    LocalPartKind,
    LocalPartSeries,
    TokenSeries,
    sign_arm,
)
from newsletter.mime import headers
from newsletter.runtime.settings import Settings

TOKEN_CHARS = 44  # of a link that names a reader
LOCAL_CHARS = 36  # of an address that names a message, and of a Message-ID


@dataclass(frozen=True)
class Rings:
    """Hold the keys that a message is made with."""

    links: KeyRing
    return_path: KeyRing


class Stamp(NamedTuple):
    """Hold what names one message, in ASCII; the local parts are empty when nothing can come back to us."""

    unsubscribe: bytes
    preferences: bytes
    message_id: bytes
    unsubscribe_local: bytes
    return_path: bytes


class Stamps:
    """Make the stamps of a window, whose messages share all but the reader."""

    def __init__(
        self,
        issue: FrozenIssue,
        *,
        mailing_id: int,
        planned_at: datetime,
        key_ids: Mapping[str, int],
        rings: Rings,
        settings: Settings,
    ) -> None:
        """Take the numbers of the window's keys: "links" and "return_path"."""
        self.date = headers.date(planned_at)
        self.links_key = key_ids["links"]
        self.view = _view_series(issue, rings.links, key_number=self.links_key)
        self._issue_id, self._ring = issue.issue_id, rings.links

        def link(purpose: LinkPurpose) -> LinkSeries:
            token = LinkToken(
                purpose=purpose,
                subscriber_id=0,
                object_id=issue.identity.newsletter_id,
                mailing_id=mailing_id,
                issued_at=planned_at,
            )
            return LinkSeries(token, rings.links, key_number=self.links_key)

        def local(kind: LocalPartKind, domain: str, ring: KeyRing, key_number: int) -> LocalPartSeries:
            day = planned_at.date()
            return LocalPartSeries(kind, mailing_id, ring, domain=domain, day=day, key_number=key_number)

        links = link(LinkPurpose.UNSUBSCRIBE), link(LinkPurpose.PREFERENCES)
        local_parts = [local("m", settings.message_domain, rings.links, self.links_key)]
        if domain := settings.inbound_domain:
            # Readers may leave by a mail of any age: keys of links are never retired, those of return paths are.
            local_parts.append(local("u", domain, rings.links, self.links_key))
            local_parts.append(local("b", domain, rings.return_path, key_ids["return_path"]))
        self._series = TokenSeries(links, local_parts)
        self._missing = [] if settings.inbound_domain else [b"", b""]

    def arm(self, arm: int) -> str:
        """Return what stands at the end of counted links and names the subject of the mail."""
        return sign_arm(self._issue_id, arm, self._ring, key_number=self.links_key)

    def of(self, subscriber_id: int) -> Stamp:
        """Return the stamp of the message to a reader."""
        return Stamp._make(self._series.sign(subscriber_id) + self._missing)

    def of_proof(self, key: bytes, address: str, at: datetime) -> Stamp:
        """Return the stamp of a test mail: it names no reader, and its address and moment make it unique."""
        about = f"proof {address} {at.isoformat()}".encode()
        digits = blake2b(about, key=key, digest_size=(LOCAL_CHARS - 2) // 2).hexdigest()
        unsubscribe, preferences, *_ = self._series.sign(0)
        return Stamp(unsubscribe, preferences, f"t-{digits}".encode("ascii"), b"", b"")


def _view_series(issue: FrozenIssue, ring: KeyRing, *, key_number: int) -> LinkSeries:
    """Return what signs the links that show an issue's digests: they name stories and no reader.

    They bear the moment of the issue and not of the window, so that readers with the same stories share one.
    """
    token = LinkToken(
        purpose=LinkPurpose.VIEW, subscriber_id=0, object_id=issue.issue_id, issued_at=issue.cut_off_at
    )
    return LinkSeries(token, ring, key_number=key_number)
