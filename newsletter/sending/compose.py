"""Make the bytes of a message from a built issue and what was decided for its reader: the same at any later time."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.domain import layout
from newsletter.domain.layout import Placement
from newsletter.domain.mailings import PlannedMessage
from newsletter.domain.rendered import BlockKind, FrozenIssue, FrozenStory, ReaderField, RenderedBlock
from newsletter.domain.tokens import (
    Delivery,
    KeyRing,
    LinkPurpose,
    LinkToken,
    LocalPartKind,
    sign_link,
    sign_local_part,
)
from newsletter.mime import compile as compiled
from newsletter.mime import headers
from newsletter.mime.compile import Library, Values
from newsletter.runtime.settings import Settings
from newsletter.transports.base import Envelope

_STREAM = "digest"
_SENDER_ID_MINIMUM, _SENDER_ID_MAXIMUM = 5, 15  # characters that Gmail wants


@dataclass(frozen=True)
class Rings:
    """Hold the keys that a message is made with."""

    links: KeyRing
    return_path: KeyRing


@dataclass(frozen=True, kw_only=True)
class _Making:
    """Hold what one message is made from."""

    planned: PlannedMessage
    mailing_id: int
    planned_at: datetime
    key_ids: Mapping[str, int]
    is_proof: bool

    @property
    def delivery(self) -> Delivery:
        return Delivery(self.mailing_id, self.planned.subscriber_id)


@dataclass(frozen=True)
class _Headline:
    """Hold what readers with the same first three stories share."""

    subject: str
    values: Values


@dataclass(frozen=True)
class _Digest:
    """Hold what readers with the same picks share."""

    headline: _Headline
    placements: tuple[Placement, ...]


class Composer:
    """Join the messages of one issue.

    Everything comes from the frozen issue, its blocks, the settings of links and domains, and the arguments of a
    call; no clock, no chance, no database.
    """

    def __init__(
        self, frozen: FrozenIssue, blocks: Iterable[RenderedBlock], *, settings: Settings, rings: Rings
    ) -> None:
        """Encode the blocks once."""
        self._issue = frozen
        self._identity = frozen.identity
        self._settings = settings
        self._rings = rings
        self._chooser = frozen.chooser()
        self._stories = {story.number: story for story in frozen.stories}
        self._library = Library(blocks, nonce=frozen.nonce)
        self._boundary = f"=_{frozen.nonce}"  # "=_" cannot stand in quoted-printable text
        self._headlines: dict[tuple[int, ...], _Headline] = {}
        self._from = headers.mailbox("From", self._identity.from_name, self._identity.from_address)
        self._constant = self._constant_headers()
        self._places = compiled.encode_values(
            {
                ReaderField.SUBSCRIBE_URL: f"{settings.public_url}/subscribe/{self._identity.slug}",
                ReaderField.ARCHIVE_URL: f"{settings.public_url}/archive/{self._identity.slug}",
            }
        )

    def message(
        self,
        *,
        planned: PlannedMessage,
        mailing_id: int,
        planned_at: datetime,
        key_ids: Mapping[str, int],
        is_proof: bool = False,
    ) -> tuple[Envelope, bytes]:
        """Return the envelope and the bytes of one message.

        ``key_ids`` name the keys "links" and "return_path" of the window. A proof is marked as a test in its
        subject; its links name no reader, and its return path is the newsletter's own address.
        """
        making = _Making(
            planned=planned, mailing_id=mailing_id, planned_at=planned_at, key_ids=key_ids, is_proof=is_proof
        )
        digest = self._digest(planned.picks)
        unsubscribe = self._link(making, LinkPurpose.UNSUBSCRIBE)
        body = self._library.body(
            digest.placements, self._values(making, digest, unsubscribe), boundary=self._boundary
        )
        head = b"".join(
            (
                self._from,
                headers.mailbox("To", layout.one_line(planned.name), planned.address),
                headers.text(
                    "Subject", f"[Test] {digest.headline.subject}" if is_proof else digest.headline.subject
                ),
                headers.date(planned_at),
                headers.token("Message-ID", f"<{self._message_id(making)}@{self._settings.message_domain}>"),
                headers.uris("List-Unsubscribe", unsubscribe, *self._unsubscribe_by_mail(making)),
                self._constant,
            )
        )
        return Envelope(self._return_path(making), planned.address), head + body

    def subject(self, picks: bytes) -> str:
        """Return the subject of a reader's digest."""
        return self._digest(picks).headline.subject

    def _constant_headers(self) -> bytes:
        identity, settings = self._identity, self._settings
        reply_to = headers.mailbox("Reply-To", "", identity.reply_to) if identity.reply_to else b""
        archive = f"{settings.public_url}/archive/{identity.slug}"
        feedback = f"i{self._issue.issue_id}:n-{identity.slug}:{_STREAM}:{sender_id(identity.from_address)}"
        return b"".join(
            (
                reply_to,
                headers.list_id(identity.name, f"{identity.slug}.list.{settings.message_domain}"),
                headers.token("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),  # RFC 8058 §3.1
                headers.uris("List-Archive", archive),
                headers.token("Feedback-ID", feedback),
                headers.token("Precedence", "bulk"),
            )
        )

    def _digest(self, picks: bytes) -> _Digest:
        numbers = self._chooser.in_order(picks)
        headline = self._headline(tuple(numbers[:3]))  # subject and preheader come from the first three
        return _Digest(headline, layout.digest(numbers, middle=BlockKind.PERSONAL))

    def _headline(self, numbers: tuple[int, ...]) -> _Headline:
        found = self._headlines.get(numbers)
        if found is None:
            found = self._headlines[numbers] = self._new_headline([self._stories[each] for each in numbers])
        return found

    def _new_headline(self, stories: Sequence[FrozenStory]) -> _Headline:
        subject = layout.subject(stories)
        values = {ReaderField.TITLE: subject, ReaderField.PREHEADER: layout.preheader(stories)}
        return _Headline(subject, compiled.encode_values(values))

    def _values(self, making: _Making, digest: _Digest, unsubscribe: str) -> Values:
        own = compiled.encode_values(
            {
                ReaderField.NAME: layout.one_line(making.planned.name),
                ReaderField.ADDRESS: making.planned.address,
                ReaderField.UNSUBSCRIBE_URL: unsubscribe,
                ReaderField.PREFERENCES_URL: self._link(making, LinkPurpose.PREFERENCES),
                ReaderField.VIEW_URL: self._link(making, LinkPurpose.VIEW),
            }
        )
        return Values(
            {**self._places.html, **digest.headline.values.html, **own.html},
            {**self._places.text, **digest.headline.values.text, **own.text},
        )

    def _link(self, making: _Making, purpose: LinkPurpose) -> str:
        is_view = purpose is LinkPurpose.VIEW
        token = LinkToken(
            purpose=purpose,
            subscriber_id=0 if is_view or making.is_proof else making.planned.subscriber_id,
            object_id=self._issue.issue_id if is_view else self._identity.newsletter_id,
            mailing_id=0 if is_view else making.mailing_id,
            issued_at=making.planned_at,
            payload=making.planned.picks if is_view else b"",
        )
        signed = sign_link(token, self._rings.links, key_number=making.key_ids["links"])
        return f"{self._settings.public_url}/{purpose}/{signed}"

    def _unsubscribe_by_mail(self, making: _Making) -> Sequence[str]:
        if not self._settings.inbound_domain or making.is_proof:
            return ()
        return (f"mailto:{self._inbound_address('u', making)}",)

    def _return_path(self, making: _Making) -> str:
        if not self._settings.inbound_domain or making.is_proof:
            return self._identity.from_address
        return self._inbound_address("b", making)

    def _inbound_address(self, kind: LocalPartKind, making: _Making) -> str:
        domain = self._settings.inbound_domain
        # Readers may leave by a mail of any age: keys of links are never retired, those of return paths are.
        purpose, ring = (
            ("links", self._rings.links) if kind == "u" else ("return_path", self._rings.return_path)
        )
        local = sign_local_part(
            kind,
            making.delivery,
            ring,
            domain=domain,
            day=making.planned_at.date(),
            key_number=making.key_ids[purpose],
        )
        return f"{local}@{domain}"

    def _message_id(self, making: _Making) -> str:
        """Return the left side of the Message-ID; nobody can guess one, so that none can be forged in a bounce."""
        planned = making.planned
        kind = "t" if making.is_proof else "m"
        named = f"{kind}{making.mailing_id}.{planned.subscriber_id}"
        # A proof has no mailing: its address and moment make it unique.
        about = f"{named} {planned.address} {making.planned_at.isoformat()}" if making.is_proof else named
        key = self._rings.links.keys[making.key_ids["links"]]
        return f"{named}.{hmac.digest(key, b'message-id ' + about.encode(), 'sha256')[:10].hex()}"


def sender_id(address: str) -> str:
    """Return the last field of Feedback-ID: 5 to 15 letters and digits, the same for all mail of a domain."""
    letters = "".join(char for char in address.rpartition("@")[2].lower() if char.isalnum())
    return letters[:_SENDER_ID_MAXIMUM].ljust(_SENDER_ID_MINIMUM, "0")
