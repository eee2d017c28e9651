"""Sign messages (DKIM, RFC 6376): rsa-sha256, relaxed/relaxed, directly on the parts a message is joined from."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from newsletter.domain.errors import InvalidInput

# Named once more than they occur, so that nobody can add another one behind our back (RFC 6376 §8.15).
_OVERSIGNED = (
    "from to subject date message-id reply-to cc sender mime-version content-type "
    "list-id list-unsubscribe list-unsubscribe-post"
).split()
# Signed when present. Nothing else is: relays add, change and take away the identity headers of their own.
_SIGNED = "list-help list-archive archived-at feedback-id content-transfer-encoding".split()

_BITS = 2048  # RFC 8301 §3.2: signers should use 2048 bits at least, and receivers must take up to 4096
_BITS_MAX = 4096
_EXPONENT = 65537
_LINE = 78  # RFC 5322 §2.1.1
_ENCODED_LINE = 72  # a multiple of 4, so that every line of base64 is whole
_FOLD = b"\r\n "
_BLANKS = re.compile(rb"[ \t\r\n]+")
_FIELD_START = re.compile(rb"(?<=\r\n)(?![ \t])")
_PADDING, _HASH = PKCS1v15(), SHA256()
_FIELDS_KEPT = 256  # some 20 fields make a message; those of the readers push out only each other


class Signer:
    """Sign for one domain with one key; the same message at the same instant gets the same octets."""

    def __init__(self, domain: str, selector: str, key: bytes) -> None:
        """Take a private key of ours, as ``new_key`` and ``from_pem`` return them."""
        self._key = _private(key)
        tags = "v=1; a=rsa-sha256; c=relaxed/relaxed;", f"d={domain};", f"s={selector};"
        self._start = "\r\n ".join(_lines(tags, name="DKIM-Signature: ", between=" ")).encode("ascii")

    def sign(self, fields: Sequence[bytes], body: bytes, *, at: datetime) -> bytes:
        """Return the DKIM-Signature field that is to stand on top of the message.

        Each of ``fields`` ends with CRLF and may be folded. ``body`` is everything behind the blank line; it must be
        its own relaxed form (RFC 6376 §3.4.4: no two blanks in a row, no tab, no blank at the end of a line, one
        CRLF at the end), as the encoder writes it, for it is hashed as it is.

        There is no l= (it lets anybody append) and no x=: a signature that expires makes mail that was long under way
        look forged, and stops nobody who repeats it within hours.
        """
        relaxed = [_relaxed(field) for field in fields]
        plan = _plan(tuple(name for name, _ in relaxed))
        digest = b64encode(sha256(body).digest())
        unsigned = b"%b%b%bt=%d; bh=%b;%bb=" % (
            *(self._start, plan.tag),
            *(_FOLD, int(at.timestamp()), digest, _FOLD),
        )
        # Each fold of our own is one blank in the relaxed form, and there are no other runs of blanks in it.
        own = b"dkim-signature:" + unsigned.partition(b": ")[2].replace(_FOLD, b" ")
        signed = b"".join([relaxed[place][1] for place in plan.places]) + own
        return unsigned + _wrapped(b64encode(self._key.sign(signed, _PADDING, _HASH))) + b"\r\n"

    def signed(self, message: bytes, *, at: datetime) -> bytes:
        """Return a complete message with its signature on top; its body must be its own relaxed form."""
        head, _, body = message.partition(b"\r\n\r\n")
        return self.sign(fields_of(head + b"\r\n"), body, at=at) + message


def fields_of(head: bytes) -> list[bytes]:
    """Cut a header into its fields, each with its folds and the CRLF at its end."""
    return [field for field in _FIELD_START.split(head) if field]


def new_key() -> bytes:
    """Return a new private key, as PKCS #8 in DER. OpenSSL draws it: there is no other way to get a good one."""
    return _octets(generate_private_key(_EXPONENT, _BITS))


def from_pem(text: bytes) -> bytes:
    """Return the private key of a PEM file, as PKCS #8 in DER; raise InvalidInput when it cannot sign mail."""
    try:
        key = serialization.load_pem_private_key(text, None)
    except TypeError as error:
        raise _unusable(
            "is locked with a password", "Unlock it first: openssl pkey -in FILE -out FILE.open"
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _unusable(
            "holds no private key in PEM", "It begins with -----BEGIN PRIVATE KEY-----."
        ) from error
    if not isinstance(key, RSAPrivateKey):
        raise _unusable(
            "holds no RSA key", "Many receivers verify RSA only: make one with newsletter dkim add DOMAIN"
        )
    if not _BITS <= key.key_size <= _BITS_MAX:
        raise _unusable(
            f"holds a key of {key.key_size} bits, not {_BITS} to {_BITS_MAX}",
            "Receivers refuse shorter ones or cannot read longer ones: make one with newsletter dkim add DOMAIN",
        )
    return _octets(key)


def record_value(key: bytes) -> str:
    """Return the value of the TXT record that publishes the public part of a private key (RFC 6376 §3.6.1)."""
    public = _private(key).public_key()
    octets = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={b64encode(octets).decode('ascii')}"


@dataclass(frozen=True)
class _Plan:
    """Say which fields of a message are signed, in which order, and hold the h= that says so."""

    places: tuple[int, ...]
    tag: bytes


@lru_cache
def _plan(names: tuple[bytes, ...]) -> _Plan:
    """Plan for messages with these fields; of several of one name the last is signed first (RFC 6376 §5.4.2)."""
    places: list[int] = []
    listed: list[str] = []
    for name in [*_OVERSIGNED, *_SIGNED]:
        found = [place for place, each in enumerate(names) if each == name.encode()]
        places += reversed(found)
        listed += [name] * (len(found) + (name in _OVERSIGNED))
    listed[0] = f"h={listed[0]}"
    words = [f"{name}:" for name in listed[:-1]] + [f"{listed[-1]};"]
    return _Plan(tuple(places), b"".join(_FOLD + line.encode() for line in _lines(words)))


@lru_cache(_FIELDS_KEPT)
def _relaxed(field: bytes) -> tuple[bytes, bytes]:
    """Return the name of a field and its relaxed form (RFC 6376 §3.4.2).

    The fields that all readers share are found again: every message asks for them.
    """
    name, _, value = field.partition(b":")
    name = name.rstrip(b" \t").lower()
    return name, b"%b:%b\r\n" % (name, _BLANKS.sub(b" ", value).strip(b" "))


def _lines(words: Sequence[str], *, name: str = "", between: str = "") -> Iterator[str]:
    """Fill lines with words, none of which is cut; a line but the first will stand behind a blank."""
    line = name + words[0]
    for word in words[1:]:
        if len(line) + len(between) + len(word) >= _LINE:
            yield line
            line = word
        else:
            line += between + word
    yield line


def _wrapped(encoded: bytes) -> bytes:
    return _FOLD.join(
        encoded[start : start + _ENCODED_LINE] for start in range(0, len(encoded), _ENCODED_LINE)
    )


def _private(key: bytes) -> RSAPrivateKey:
    """Read a key of ours. It was checked when it came in; checking primes again takes 35 ms."""
    private = serialization.load_der_private_key(key, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(private, RSAPrivateKey)
    return private


def _octets(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _unusable(what: str, hint: str) -> InvalidInput:
    return InvalidInput(f"The file {what}.", hint=hint, reason="unusable_key")
