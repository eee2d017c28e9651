"""Sign and read the tokens that stand in links and in return paths: the only token code there is.

A token proves that we wrote it, for one purpose. Two wire forms: links carry base64url with a MAC of 128 bits;
local parts of addresses carry Crockford's base32 with a MAC of 80 bits, because RFC 5321 §4.5.3.1.1 leaves 64
octets and forwarders add to them (SRS, BATV).
"""

from __future__ import annotations

import hmac
import struct
from base64 import urlsafe_b64decode
from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from typing import Literal

from newsletter.domain.errors import InvalidToken

# What the tokens of a mailing share stands first. So its characters are the same for all readers: twelve octets are
# sixteen whole characters of base64, and the last fifteen octets of a local part are 24 whole characters of base32.
_LINK_SHARED = struct.Struct(">BI4s3s")  # key number, issued at (Unix seconds), object, mailing
_LOCAL_SHARED = struct.Struct(">B3sH")  # key number, mailing (24 bit), day
_READER_BYTES = 5
_LINK_MAC_BYTES = 16
_LINK_MAX_CHARS = 400
_CLICK = struct.Struct(
    ">BII"
)  # key number, issue, article number: with its MAC 28 whole characters of base64
_CLICK_MAC_BYTES = 12
_CLICK_CHARS = 28
_ARM_MAC_BYTES = 5  # guards a figure and nothing else
_ARM_CHARS = 8
_LOCAL_MAC_BYTES = 10
_LOCAL_CHARS = 34  # 21 octets in base32; with the "b-" before them, 36
_GROUP_BYTES = 24  # fifteen octets and the room for the characters that they become
_ROOM = bytes(_GROUP_BYTES - _READER_BYTES - _LOCAL_MAC_BYTES)
_SHARED_CHARS = _LOCAL_CHARS - _GROUP_BYTES  # of the six octets that are shared
_EPOCH = date(2020, 1, 1)  # two octets of days reach to 2199
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: no i, l, o, u
_VALUE = {char: value for value, char in enumerate(_ALPHABET)} | {"o": 0, "i": 1, "l": 1}
_LETTERS = bytes(ord(_ALPHABET[octet & 31]) for octet in range(256))


class LinkPurpose(StrEnum):
    """Say what a link may do; the value is the first part of the link's path."""

    UNSUBSCRIBE = "u"
    PREFERENCES = "p"
    CONFIRM = "c"
    BLOCK = "n"
    VIEW = "v"
    DESK = "d"
    CLICK = "r"  # redirects to an article
    FORM = "f"  # never in a path: the hidden field that says when a signup form was shown


LocalPartKind = Literal["b", "u", "m"]  # b: return path, u: unsubscribe by mail, m: Message-ID


@dataclass(frozen=True)
class KeyRing:
    """Hold the keys of one purpose by number; the newest signs, all verify."""

    keys: Mapping[int, bytes]

    @property
    def newest(self) -> int:
        """Return the number of the key that signs."""
        return max(self.keys)


@dataclass(frozen=True, kw_only=True)
class LinkToken:
    """Say what a link is about.

    ``object_id`` is the newsletter (unsubscribe, preferences), the notice (confirm, block), the issue (view) or the
    row of a decision (desk); 0 in a form. View and desk links name no reader: ``subscriber_id`` is 0; in a view link
    ``payload`` holds the picks.
    """

    purpose: LinkPurpose
    subscriber_id: int
    object_id: int
    issued_at: datetime
    mailing_id: int = 0
    payload: bytes = b""


@dataclass(frozen=True)
class ClickToken:
    """Say which article of which issue a counted link leads to, and the number of the key that says so."""

    issue_id: int
    number: int
    key_number: int


@dataclass(frozen=True)
class Delivery:
    """Name one message: the mailing and the reader."""

    mailing_id: int
    subscriber_id: int


@dataclass(frozen=True)
class LocalToken:
    """Say what a local part names, and the mailing's day."""

    delivery: Delivery
    day: date


class LinkSeries:
    """Sign links that differ in their reader and payload alone; what they share is encoded and hashed once."""

    def __init__(self, token: LinkToken, ring: KeyRing, *, key_number: int | None = None) -> None:
        """Take what the links share from a token; its reader and payload do not count."""
        number = ring.newest if key_number is None else key_number
        shared = _LINK_SHARED.pack(
            number,
            int(token.issued_at.timestamp()),
            token.object_id.to_bytes(4, "big"),
            token.mailing_id.to_bytes(3, "big"),
        )
        self.start = _base64(shared)
        self.mac = _keyed(ring.keys[number], b"link " + token.purpose.encode(), shared, _LINK_MAC_BYTES)

    def sign(self, subscriber_id: int, payload: bytes = b"") -> bytes:
        """Return a token for a URL, in ASCII: 44 characters, and more with a payload."""
        own = subscriber_id.to_bytes(_READER_BYTES, "big") + payload
        return self.start + _base64(own + _digest(self.mac, own))


class LocalPartSeries:
    """Sign the local parts of one mailing; ``day`` is the mailing's day."""

    def __init__(
        self,
        kind: LocalPartKind,
        mailing_id: int,
        ring: KeyRing,
        *,
        domain: str,
        day: date,
        key_number: int | None = None,
    ) -> None:
        """Take what they share. The MAC covers kind and domain, so that no token serves another purpose."""
        number = ring.newest if key_number is None else key_number
        shared = _LOCAL_SHARED.pack(number, mailing_id.to_bytes(3, "big"), (day - _EPOCH).days)
        self.start = f"{kind}-".encode("ascii") + _base32(shared.rjust(_GROUP_BYTES, b"\0"))[-_SHARED_CHARS:]
        self.mac = _keyed(ring.keys[number], f"{kind} {domain}".encode(), shared, _LOCAL_MAC_BYTES)

    def sign(self, subscriber_id: int) -> bytes:
        """Return a local part of 36 octets that names one message, in ASCII."""
        own = subscriber_id.to_bytes(_READER_BYTES, "big")
        return self.start + _base32(_ROOM + own + _digest(self.mac, own))


class TokenSeries:
    """Sign all that one message carries at once: the same tokens as one by one, at half the cost."""

    def __init__(self, links: Iterable[LinkSeries], local_parts: Iterable[LocalPartSeries]) -> None:
        """Take the series of one mailing."""
        self._links = [(series.start, series.mac) for series in links]
        self._locals = [(series.start, series.mac) for series in local_parts]

    def sign(self, subscriber_id: int) -> list[bytes]:
        """Return the links' tokens and then the local parts, in the order in which their series were given."""
        own = subscriber_id.to_bytes(_READER_BYTES, "big")
        tokens = []
        for start, mac in self._links:
            mac = mac.copy()
            mac.update(own)
            tokens.append(start + _base64(own + mac.digest()))
        group = _ROOM + own
        groups = b""
        for _, mac in self._locals:
            mac = mac.copy()
            mac.update(own)
            groups += group + mac.digest()
        letters = _base32(groups)
        for place, (start, _) in enumerate(self._locals):
            tokens.append(start + letters[_GROUP_BYTES * place : _GROUP_BYTES * (place + 1)])
        return tokens


def sign_link(token: LinkToken, ring: KeyRing, *, key_number: int | None = None) -> str:
    """Return a token for a URL, the same for the same arguments; 44 characters and more with a payload."""
    series = LinkSeries(token, ring, key_number=key_number)
    return series.sign(token.subscriber_id, token.payload).decode("ascii")


def read_link(
    text: str, purpose: LinkPurpose, ring: KeyRing, *, now: datetime, lifetime: timedelta | None = None
) -> LinkToken:
    """Return what a link says; raise InvalidToken (``bad_token``, ``expired_token``) when it proves nothing.

    ``lifetime`` None: the link never expires, as unsubscribing must not.
    """
    body = _verified_link(text, purpose, ring)
    _, issued, object_, mailing = _LINK_SHARED.unpack_from(body)
    own = body[_LINK_SHARED.size :]
    token = LinkToken(
        purpose=purpose,
        subscriber_id=int.from_bytes(own[:_READER_BYTES], "big"),
        object_id=int.from_bytes(object_, "big"),
        mailing_id=int.from_bytes(mailing, "big"),
        issued_at=datetime.fromtimestamp(issued, UTC),
        payload=own[_READER_BYTES:],
    )
    if lifetime is not None and now > token.issued_at + lifetime:
        raise InvalidToken("This link has expired.", hint="Ask for a new one.", reason="expired_token")
    return token


def sign_click(issue_id: int, number: int, ring: KeyRing, *, key_number: int) -> str:
    """Return the token of a counted link: short, because a mail has many, and the same for all readers."""
    body = _CLICK.pack(key_number, issue_id, number)
    mac = _mac(ring.keys[key_number], b"click", body, _CLICK_MAC_BYTES)
    return _base64(body + mac).decode("ascii")


def read_click(text: str, ring: KeyRing) -> ClickToken:
    """Return what a counted link leads to; raise InvalidToken when we did not sign it. It never expires."""
    if len(text) != _CLICK_CHARS:
        raise _bad_token()
    raw = _from_base64(text)
    body, mac = raw[: _CLICK.size], raw[_CLICK.size :]
    if len(mac) != _CLICK_MAC_BYTES:
        raise _bad_token()
    _check(ring, body[0], b"click", body, mac)
    key_number, issue_id, number = _CLICK.unpack(body)
    return ClickToken(issue_id, number, key_number)


def sign_arm(issue_id: int, arm: int, ring: KeyRing, *, key_number: int) -> str:
    """Return what says with which tried subject a mail came: the same for all links of all mails with it."""
    own = bytes([arm])
    return _base64(own + _arm_mac(issue_id, arm, ring, key_number)).decode("ascii")


def read_arm(text: str, issue_id: int, ring: KeyRing, *, key_number: int) -> int:
    """Return the place of a tried subject; raise InvalidToken when we did not sign it for that issue."""
    raw = _from_base64(text) if len(text) == _ARM_CHARS else b""
    if len(raw) != 1 + _ARM_MAC_BYTES or not hmac.compare_digest(
        raw[1:], _arm_mac(issue_id, raw[0], ring, key_number)
    ):
        raise _bad_token()
    return raw[0]


def sign_local_part(
    kind: LocalPartKind,
    delivery: Delivery,
    ring: KeyRing,
    *,
    domain: str,
    day: date,
    key_number: int | None = None,
) -> str:
    """Return a local part of 36 octets that names one message: the same on every attempt of that message."""
    series = LocalPartSeries(kind, delivery.mailing_id, ring, domain=domain, day=day, key_number=key_number)
    return series.sign(delivery.subscriber_id).decode("ascii")


def read_local_part(local: str, kind: LocalPartKind, ring: KeyRing, *, domain: str) -> Delivery:
    """Return the message that a local part names, in whatever case; raise InvalidToken when we did not sign it."""
    return read_local_token(local, kind, ring, domain=domain).delivery


def read_local_token(local: str, kind: LocalPartKind, ring: KeyRing, *, domain: str) -> LocalToken:
    """Return all that a local part says, in whatever case; raise InvalidToken when we did not sign it."""
    prefix, _, text = local.lower().partition("-")
    if prefix != kind or len(text) != _LOCAL_CHARS:
        raise _bad_token()
    raw = _from_base32(text, _LOCAL_SHARED.size + _READER_BYTES + _LOCAL_MAC_BYTES)
    body, mac = raw[:-_LOCAL_MAC_BYTES], raw[-_LOCAL_MAC_BYTES:]
    number, mailing, day_count = _LOCAL_SHARED.unpack_from(body)
    _check(ring, number, f"{kind} {domain}".encode(), body, mac)
    delivery = Delivery(int.from_bytes(mailing, "big"), int.from_bytes(body[-_READER_BYTES:], "big"))
    return LocalToken(delivery, _EPOCH + timedelta(days=day_count))


def _verified_link(text: str, purpose: LinkPurpose, ring: KeyRing) -> bytes:
    if len(text) > _LINK_MAX_CHARS:
        raise _bad_token()
    raw = _from_base64(text)
    if len(raw) < _LINK_SHARED.size + _READER_BYTES + _LINK_MAC_BYTES:
        raise _bad_token()
    body, mac = raw[:-_LINK_MAC_BYTES], raw[-_LINK_MAC_BYTES:]
    _check(ring, body[0], b"link " + purpose.encode(), body, mac)
    return body


def _check(ring: KeyRing, number: int, purpose: bytes, body: bytes, mac: bytes) -> None:
    key = ring.keys.get(number)
    if key is None or not hmac.compare_digest(mac, _mac(key, purpose, body, len(mac))):
        raise _bad_token()


def _mac(key: bytes, purpose: bytes, body: bytes, size: int) -> bytes:
    return _keyed(key, purpose, body, size).digest()


def _arm_mac(issue_id: int, arm: int, ring: KeyRing, key_number: int) -> bytes:
    return _mac(ring.keys[key_number], b"arm", _CLICK.pack(key_number, issue_id, arm), _ARM_MAC_BYTES)


def _keyed(key: bytes, purpose: bytes, start: bytes, size: int) -> blake2b:
    return blake2b(purpose + b"\0" + start, key=key, digest_size=size)


def _digest(mac: blake2b, own: bytes) -> bytes:
    mac = mac.copy()
    mac.update(own)
    return mac.digest()


def _base64(octets: bytes) -> bytes:
    return b2a_base64(octets, newline=False).translate(_URL_SAFE).rstrip(b"=")


def _from_base64(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise _bad_token() from error


def _base32(groups: bytes) -> bytes:
    """Encode groups of 24 octets, of which only the last fifteen are used, as 24 characters each.

    Every five bits come to stand in an octet of their own, which then becomes a character: a dozen operations on one
    number, whatever its length, and no look-up for each character.
    """
    bits = int.from_bytes(groups, "big")
    halves, (first, second, third) = _steps(len(groups))
    for low, high, shift in halves:
        bits = bits & low | (bits & high) << shift
    bits = bits & first | (bits & second) << 3 | (bits & third) << 6
    return bits.to_bytes(len(groups), "big").translate(_LETTERS)


@cache
def _steps(octet_count: int) -> tuple[tuple[tuple[int, int, int], ...], tuple[int, ...]]:
    """Return masks for so many octets: each group is halved thrice, then each eighth is divided by three."""

    def fields(width: int, *, every: int, start: int = 0) -> int:
        return sum((1 << width) - 1 << place for place in range(start, 8 * octet_count, every))

    halves = tuple(
        (fields(width, every=room), fields(width, every=room, start=width), room // 2 - width)
        for width, room in ((60, 192), (30, 96), (15, 48))
    )
    return halves, tuple(fields(5, every=24, start=start) for start in (0, 5, 10))


def _from_base32(text: str, size: int) -> bytes:
    try:
        bits = sum(_VALUE[char] << 5 * k for k, char in enumerate(reversed(text)))
        return bits.to_bytes(size, "big")
    except (KeyError, OverflowError) as error:
        raise _bad_token() from error


def _bad_token() -> InvalidToken:
    return InvalidToken(
        "This link is not complete or not one of ours.",
        hint="Open it again from the mail, whole.",
        reason="bad_token",
    )
