"""Make the bytes of a message from a built issue and what was decided for its reader: the same at any later time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from newsletter.domain import clicks, rendered, subject_test
from newsletter.domain.mailings import PlannedMessage
from newsletter.domain.relays import RelayKind
from newsletter.domain.rendered import FrozenIssue, ReaderField, RenderedBlock
from newsletter.domain.tokens import LinkPurpose, sign_click
from newsletter.mime import dkim, headers, identity
from newsletter.mime.addressee import addressee
from newsletter.mime.compile import Library, Links, Slot
from newsletter.mime.pieces import Piece
from newsletter.mime.quoted_printable import SOFT_BREAK
from newsletter.runtime.settings import Settings
from newsletter.sending.digests import Digest, Digests
from newsletter.sending.links import LOCAL_CHARS, TOKEN_CHARS, Rings, Stamp, Stamps
from newsletter.transports.base import Envelope

__all__ = ["Composer", "Rings", "Signer", "sender_id"]

_STREAM = "digest"
_SENDER_ID_MINIMUM, _SENDER_ID_MAXIMUM = 5, 15  # characters that Gmail wants
_KEPT_WINDOWS = 64  # their keys and moments; retries of one batch come from few windows
_KEPT_PRESSES = 2  # one, and another while the key of links is changed
_HOLE = "!"  # stands in no URL and no domain that the settings allow


class Signer(Protocol):
    """Sign messages (DKIM); the same message at the same instant gets the same octets."""

    def sign(self, fields: Sequence[bytes], body: bytes, *, at: datetime) -> bytes:
        """Return the field that is to stand on top; each of ``fields`` ends with CRLF."""


class Composer:
    """Join the messages of one issue.

    Everything comes from the frozen issue, its blocks, the settings of links and domains, and the arguments of a
    call; no clock, no chance, no database.
    """

    def __init__(
        self,
        frozen: FrozenIssue,
        blocks: Iterable[RenderedBlock],
        *,
        settings: Settings,
        rings: Rings,
        signers: Mapping[int, Signer] | None = None,
        kinds: Iterable[RelayKind] = (),
        language: str = "",
    ) -> None:
        """Encode the blocks once; ``kinds`` are those of all relays that the messages may go to.

        ``language`` is that of the blocks, when it is not the newsletter's: the view in the browser is in it too.
        """
        self._issue = frozen
        self._language = language
        self._settings = settings
        self._rings = rings
        self._signers = signers or {}
        self._kinds = frozenset(kinds)
        self._others: dict[int, Composer] = {}
        told = self._kinds & identity.KINDS
        self._header = _Header(frozen, settings, told)
        self._is_identified = bool(told)
        self._blocks = list(blocks)
        self._presses: dict[int, Digests] = {}
        self._is_named = bool(
            self._press(rings.links.newest).slots & {Slot.NAME_PLAIN, Slot.NAME_HTML},
        )
        self._windows: dict[tuple[object, ...], Stamps] = {}

    def knows(self, language: int) -> bool:
        """Say whether messages in a language can be made: the newsletter's own, and those that were learnt."""
        return not language or language in self._others

    def learn(self, language: int, blocks: Iterable[RenderedBlock]) -> None:
        """Take the blocks in another language of the issue."""
        self._others[language] = Composer(
            self._issue,
            blocks,
            settings=self._settings,
            rings=self._rings,
            signers=self._signers,
            kinds=self._kinds,
            language=self._issue.languages[language - 1],
        )

    def message(
        self,
        *,
        planned: PlannedMessage,
        mailing_id: int,
        planned_at: datetime,
        key_ids: Mapping[str, int],
        is_proof: bool = False,
        proof_arm: int = 0,
    ) -> tuple[Envelope, bytes]:
        """Return the envelope and the bytes of one message: CRLF at every line's end, no line begins with a dot.

        ``key_ids`` name the keys "links" and "return_path" of the window, and "dkim" when it is signed here; "winner"
        is the subject for readers outside the sample of a test. A proof is marked as a test in its subject, which is
        the one of ``proof_arm``; its links name no reader, and its return path is the newsletter's own address.
        """
        if planned.language:
            return self._others[planned.language].message(
                planned=planned._replace(language=0),
                mailing_id=mailing_id,
                planned_at=planned_at,
                key_ids=key_ids,
            )
        stamps = self._stamps(mailing_id, planned_at, key_ids)
        if is_proof:
            stamp, message = self._proof(planned, planned_at, stamps, proof_arm)
        else:
            stamp = stamps.of(planned.subscriber_id)
            arm = self._arm(planned.subscriber_id, key_ids) if self._issue.is_tested else 0
            digest = self._press(stamps.links_key).of(planned.picks, stamps, arm)
            message = digest.message(self._values(planned, mailing_id, stamps, stamp, digest))
        if "dkim" in key_ids:
            message = self._signed(message, self._signers[key_ids["dkim"]], at=planned_at)
        return self._envelope(planned.address, stamp), message

    def subject(self, picks: bytes, arm: int = 0) -> str:
        """Return the subject of a reader's digest."""
        return self._press(self._rings.links.newest).subject(picks, arm)

    def _arm(self, subscriber_id: int, key_ids: Mapping[str, int]) -> int:
        issue = self._issue
        return subject_test.arm(
            issue.issue_id,
            subscriber_id,
            sample_percent=issue.sample_percent,
            count=len(issue.subjects),
            winner=key_ids.get("winner"),
        )

    def _press(self, links_key: int) -> Digests:
        """Return what makes digests whose counted links are signed with a key; without such links one is enough."""
        key = links_key if _is_counted(self._issue) else 0
        if key not in self._presses:
            if len(self._presses) >= _KEPT_PRESSES:
                del self._presses[next(iter(self._presses))]
            self._presses[key] = Digests(self._issue, self._library(key), language=self._language)
        return self._presses[key]

    def _library(self, links_key: int) -> Library:
        issue = self._issue
        order = issue.in_mail_order
        return Library(
            self._blocks,
            nonce=issue.nonce,
            order=[story.number for story in order],
            links=_links(issue, self._settings, self._rings, links_key),
            boundary=f"=_{issue.nonce}",  # "=_" cannot stand in quoted-printable text
            head=self._header.pieces(is_proof=False),
            missed_from=sum(not story.is_missed for story in order),
        )

    def _values(
        self, planned: PlannedMessage, mailing_id: int, stamps: Stamps, stamp: Stamp, digest: Digest
    ) -> list[bytes]:
        """Return the values of all slots, in their order."""
        return [
            *addressee(planned.name, planned.address, is_named=self._is_named),
            stamp.message_id,
            stamp.unsubscribe,
            stamp.unsubscribe_local,
            stamp.unsubscribe + SOFT_BREAK,
            stamp.preferences + SOFT_BREAK,
            stamps.date,
            identity.delivery(mailing_id, planned.subscriber_id) if self._is_identified else b"",
            *digest.values,
        ]

    def _envelope(self, address: str, stamp: Stamp) -> Envelope:
        """Without a domain of ours for it, mail that comes back goes to the newsletter's own address."""
        if not stamp.return_path:
            return Envelope(self._issue.identity.from_address, address, stamp.message_id.decode("ascii"))
        local = stamp.return_path.decode("ascii")
        return Envelope(f"{local}@{self._settings.inbound_domain}", address, local)

    def _stamps(self, mailing_id: int, planned_at: datetime, key_ids: Mapping[str, int]) -> Stamps:
        key = mailing_id, planned_at, key_ids["links"], key_ids["return_path"]
        stamps = self._windows.get(key)
        if stamps is None:
            if len(self._windows) >= _KEPT_WINDOWS:
                self._windows.clear()
            stamps = self._windows[key] = Stamps(
                self._issue,
                mailing_id=mailing_id,
                planned_at=planned_at,
                key_ids=key_ids,
                rings=self._rings,
                settings=self._settings,
            )
        return stamps

    def _proof(self, planned: PlannedMessage, at: datetime, stamps: Stamps, arm: int) -> tuple[Stamp, bytes]:
        stamp = stamps.of_proof(self._rings.links.keys[stamps.links_key], planned.address, at)
        press, head = self._press(stamps.links_key), self._header.pieces(is_proof=True)
        digest = press.made(planned.picks, stamps, arm, head=head, counted_as=clicks.NOT_COUNTED)
        values = self._values(planned, 0, stamps, stamp, digest)
        values[Slot.SUBJECT] = headers.text("Subject", f"[Test] {press.subject(planned.picks, arm)}")
        return stamp, digest.message(values)

    @staticmethod
    def _signed(message: bytes, signer: Signer, *, at: datetime) -> bytes:
        head, _, body = message.partition(b"\r\n\r\n")
        return signer.sign(dkim.fields_of(head + b"\r\n"), body, at=at) + message


class _Header:
    """Lay the fields of an issue's messages out, all but those that a library writes."""

    def __init__(self, issue: FrozenIssue, settings: Settings, kinds: Iterable[RelayKind]) -> None:
        who, self._settings = issue.identity, settings
        self._from = headers.mailbox("From", who.from_name, who.from_address)
        feedback = f"i{issue.issue_id}:n-{who.slug}:{_STREAM}:{sender_id(who.from_address)}"
        self._constant = b"".join(
            (
                headers.mailbox("Reply-To", "", who.reply_to) if who.reply_to else b"",
                headers.list_id(who.name, f"{who.slug}.list.{settings.message_domain}"),
                headers.token("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),  # RFC 8058 §3.1
                headers.uris("List-Archive", f"{settings.public_url}/archive/{who.slug}"),
                headers.token("Feedback-ID", feedback),
                headers.token("Precedence", "bulk"),
            )
        )
        self._identity = identity.fields(kinds, int(Slot.DELIVERY))

    def pieces(self, *, is_proof: bool) -> list[Piece]:
        """Return the fields; nobody can leave by a mail that answers a test."""
        local = _HOLE * LOCAL_CHARS
        targets = [f"{self._settings.public_url}/{LinkPurpose.UNSUBSCRIBE}/{_HOLE * TOKEN_CHARS}"]
        if self._settings.inbound_domain and not is_proof:
            targets.append(f"mailto:{local}@{self._settings.inbound_domain}")
        message_id = headers.token("Message-ID", f"<{local}@{self._settings.message_domain}>")
        unsubscribe = headers.uris("List-Unsubscribe", *targets)
        holes = (
            (Slot.MESSAGE_ID, LOCAL_CHARS),
            (Slot.UNSUBSCRIBE_TOKEN, TOKEN_CHARS),
            (Slot.UNSUBSCRIBE_LOCAL, LOCAL_CHARS),
        )
        out: list[Piece] = [self._from, int(Slot.TO), int(Slot.SUBJECT), int(Slot.DATE)]
        rest = message_id + unsubscribe
        for slot, length in holes[: 1 + len(targets)]:
            before, _, rest = rest.partition(_HOLE.encode() * length)
            out += [before, int(slot)]
        return [*out, rest, self._constant, *self._identity]


def sender_id(address: str) -> str:
    """Return the last field of Feedback-ID: 5 to 15 letters and digits, the same for all mail of a domain."""
    letters = "".join(char for char in address.rpartition("@")[2].lower() if char.isalnum())
    return letters[:_SENDER_ID_MAXIMUM].ljust(_SENDER_ID_MINIMUM, "0")


def _is_counted(issue: FrozenIssue) -> bool:
    """Say whether links go through us; those of a preview that is not kept lead nowhere but to the articles."""
    return issue.has_clicks and bool(issue.issue_id)


def _links(issue: FrozenIssue, settings: Settings, rings: Rings, links_key: int) -> Links:
    url, slug, urls = settings.public_url, issue.identity.slug, issue.urls
    whole = {
        ReaderField.SUBSCRIBE_URL: f"{url}/subscribe/{slug}",
        ReaderField.ARCHIVE_URL: f"{url}/archive/{slug}",
    }
    arm = rendered.mark(issue.nonce, ReaderField.ARM) if issue.is_tested else clicks.FROM_MAIL

    def story(number: int) -> str:
        if not _is_counted(issue):
            return urls[number]
        token = sign_click(issue.issue_id, number, rings.links, key_number=links_key)
        return f"{url}/{LinkPurpose.CLICK}/{token}/{arm}"

    return Links(
        whole=whole,
        beginnings={
            ReaderField.UNSUBSCRIBE_URL: f"{url}/{LinkPurpose.UNSUBSCRIBE}/",
            ReaderField.PREFERENCES_URL: f"{url}/{LinkPurpose.PREFERENCES}/",
            ReaderField.VIEW_URL: f"{url}/{LinkPurpose.VIEW}/",
        },
        story=story,
    )
