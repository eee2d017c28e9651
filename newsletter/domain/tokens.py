"""Sign and read the tokens that stand in links and in return paths: the only token code there is.

A token proves that we wrote it, for one purpose. Two wire forms: links carry base64url with a MAC of 128 bits;
local parts of addresses carry Crockford's base32 with a MAC of 80 bits, because RFC 5321 §4.5.3.1.1 leaves 64
octets and forwarders add to them (SRS, BATV).
"""

from __future__ import annotations

import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from typing import Literal

from newsletter.domain.errors import InvalidToken

_LINK_HEAD = struct.Struct(">B5s4s3sI")  # key number, subscriber, object, mailing, issued at (Unix seconds)
_LINK_MAC_BYTES = 16
_LINK_MAX_CHARS = 400
_LOCAL_HEAD = struct.Struct(">B3s5sH")  # key number, mailing (24 bit), subscriber (40 bit), day
_LOCAL_MAC_BYTES = 10
_LOCAL_CHARS = 34  # 21 octets in base32; with the "b-" before them, 36
_EPOCH = date(2020, 1, 1)  # two octets of days reach to 2199
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford: no i, l, o, u
_VALUE = {char: value for value, char in enumerate(_ALPHABET)} | {"o": 0, "i": 1, "l": 1}


class LinkPurpose(StrEnum):
    """Say what a link may do; the value is the first part of the link's path."""

    UNSUBSCRIBE = "u"
    PREFERENCES = "p"
    CONFIRM = "c"
    BLOCK = "n"
    VIEW = "v"
    FORM = "f"  # never in a path: the hidden field that says when a signup form was shown


LocalPartKind = Literal["b", "u"]  # b: return path, u: unsubscribe by mail


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

    ``object_id`` is the newsletter (unsubscribe, preferences), the notice (confirm, block) or the issue (view);
    0 in a form. A view link names no reader: ``subscriber_id`` is 0 and ``payload`` holds the picks.
    """

    purpose: LinkPurpose
    subscriber_id: int
    object_id: int
    issued_at: datetime
    mailing_id: int = 0
    payload: bytes = b""


@dataclass(frozen=True)
class Delivery:
    """Name one message: the mailing and the reader."""

    mailing_id: int
    subscriber_id: int


def sign_link(token: LinkToken, ring: KeyRing, *, key_number: int | None = None) -> str:
    """Return a token for a URL, the same for the same arguments; 44 characters and more with a payload."""
    number = ring.newest if key_number is None else key_number
    head = _LINK_HEAD.pack(
        number,
        token.subscriber_id.to_bytes(5, "big"),
        token.object_id.to_bytes(4, "big"),
        token.mailing_id.to_bytes(3, "big"),
        int(token.issued_at.timestamp()),
    )
    body = head + token.payload
    mac = _mac(ring.keys[number], b"link " + token.purpose.encode(), body, _LINK_MAC_BYTES)
    return urlsafe_b64encode(body + mac).decode().rstrip("=")


def read_link(
    text: str, purpose: LinkPurpose, ring: KeyRing, *, now: datetime, lifetime: timedelta | None = None
) -> LinkToken:
    """Return what a link says; raise InvalidToken (``bad_token``, ``expired_token``) when it proves nothing.

    ``lifetime`` None: the link never expires, as unsubscribing must not.
    """
    body = _verified_link(text, purpose, ring)
    _, subscriber, object_, mailing, issued = _LINK_HEAD.unpack_from(body)
    token = LinkToken(
        purpose=purpose,
        subscriber_id=int.from_bytes(subscriber, "big"),
        object_id=int.from_bytes(object_, "big"),
        mailing_id=int.from_bytes(mailing, "big"),
        issued_at=datetime.fromtimestamp(issued, UTC),
        payload=body[_LINK_HEAD.size :],
    )
    if lifetime is not None and now > token.issued_at + lifetime:
        raise InvalidToken("This link has expired.", hint="Ask for a new one.", reason="expired_token")
    return token


def sign_local_part(
    kind: LocalPartKind,
    delivery: Delivery,
    ring: KeyRing,
    *,
    domain: str,
    day: date,
    key_number: int | None = None,
) -> str:
    """Return a local part of 36 octets that names one message: the same on every attempt of that message.

    ``day`` is the mailing's day. The MAC covers kind and domain, so that no token serves another purpose.
    """
    number = ring.newest if key_number is None else key_number
    head = _LOCAL_HEAD.pack(
        number,
        delivery.mailing_id.to_bytes(3, "big"),
        delivery.subscriber_id.to_bytes(5, "big"),
        (day - _EPOCH).days,
    )
    mac = _mac(ring.keys[number], f"{kind} {domain}".encode(), head, _LOCAL_MAC_BYTES)
    return f"{kind}-{_base32(head + mac)}"


def read_local_part(local: str, kind: LocalPartKind, ring: KeyRing, *, domain: str) -> Delivery:
    """Return the message that a local part names, in whatever case; raise InvalidToken when we did not sign it."""
    prefix, _, text = local.lower().partition("-")
    if prefix != kind or len(text) != _LOCAL_CHARS:
        raise _bad_token()
    raw = _from_base32(text, _LOCAL_HEAD.size + _LOCAL_MAC_BYTES)
    head, mac = raw[: _LOCAL_HEAD.size], raw[_LOCAL_HEAD.size :]
    number, mailing, subscriber, _ = _LOCAL_HEAD.unpack(head)
    _check(ring, number, f"{kind} {domain}".encode(), head, mac)
    return Delivery(int.from_bytes(mailing, "big"), int.from_bytes(subscriber, "big"))


def _verified_link(text: str, purpose: LinkPurpose, ring: KeyRing) -> bytes:
    if len(text) > _LINK_MAX_CHARS:
        raise _bad_token()
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise _bad_token() from error
    if len(raw) < _LINK_HEAD.size + _LINK_MAC_BYTES:
        raise _bad_token()
    body, mac = raw[:-_LINK_MAC_BYTES], raw[-_LINK_MAC_BYTES:]
    _check(ring, body[0], b"link " + purpose.encode(), body, mac)
    return body


def _check(ring: KeyRing, number: int, purpose: bytes, body: bytes, mac: bytes) -> None:
    key = ring.keys.get(number)
    if key is None or not hmac.compare_digest(mac, _mac(key, purpose, body, len(mac))):
        raise _bad_token()


def _mac(key: bytes, purpose: bytes, body: bytes, size: int) -> bytes:
    return blake2b(purpose + b"\0" + body, key=key, digest_size=size).digest()


def _base32(raw: bytes) -> str:
    bits = int.from_bytes(raw, "big")
    count = -(-len(raw) * 8 // 5)
    return "".join(_ALPHABET[bits >> 5 * k & 31] for k in reversed(range(count)))


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
