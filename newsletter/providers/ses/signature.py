"""Verify messages of Amazon SNS: which fields are signed, by whose certificate, and where that may come from.

"Verifying the signatures of Amazon SNS messages", Amazon SNS developer guide (README.md).
"""

from __future__ import annotations

import re
import threading
from base64 import b64decode
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from newsletter.domain.errors import FetchError
from newsletter.providers.base import Fetch, bad_secret, refused
from newsletter.providers.fields import Fields

TYPES = frozenset({"Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"})

_ARN = re.compile(
    r"arn:(aws|aws-cn|aws-us-gov):sns:([a-z]{2}(?:-[a-z]{2,12}){1,3}-\d):\d{12}:[\w-]{1,256}", re.ASCII
)
_PATH = re.compile(r"/SimpleNotificationService-[0-9A-Za-z]{1,64}\.pem", re.ASCII)
_HASHES = {"1": SHA1(), "2": SHA256()}  # noqa: S303 - what SNS signs with unless the topic is told otherwise
_PEM_MAX = 20_000  # octets; a certificate has about two thousand
_KEY_BITS_MIN = 2048
_KEPT_MAX = 16  # certificates; there is one at a time for a region
_FETCHES_MAX = 10  # in a minute: who makes up addresses must not make us ask for each
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Topic:
    """Hold a topic's name and where its region lives; only that host is ever asked for anything.

    ``names`` are those that a certificate of SNS may bear: the host's, with its region or without.
    """

    arn: str
    host: str
    names: frozenset[str]


def read_topic(arn: str) -> Topic:
    """Read arn:aws:sns:eu-west-1:123456789012:newsletter; raise InvalidInput when it is none."""
    found = _ARN.fullmatch(arn)
    if found is None:
        raise bad_secret(
            "For SES, give ARNs of SNS topics, such as arn:aws:sns:eu-west-1:123456789012:newsletter."
        )
    domain = "amazonaws.com.cn" if found[1] == "aws-cn" else "amazonaws.com"
    host = f"sns.{found[2]}.{domain}"
    return Topic(arn, host, frozenset({host, f"sns.{domain}"}))


class Certificates:
    """Fetch the certificates that SNS signs with, and keep them."""

    def __init__(self, fetch: Fetch) -> None:
        """``fetch`` must check the server's own certificate and follow no redirect."""
        self._fetch = fetch
        self._kept: dict[str, x509.Certificate] = {}
        self._asked_at: deque[datetime] = deque(maxlen=_FETCHES_MAX)
        self._lock = threading.Lock()

    def key(self, url: str, topic: Topic, *, now: datetime) -> rsa.RSAPublicKey:
        """Return the key of a certificate of the topic's own region that is valid now.

        Raise InvalidSignature for any other certificate, FetchError when it cannot be had just now.
        """
        start = f"https://{topic.host}"
        if not url.startswith(start) or not _PATH.fullmatch(url[len(start) :]):
            raise refused("foreign_certificate")
        certificate = self._kept.get(url) or self._ask(url, now=now)
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise refused("expired_certificate")
        if not topic.names & _names(certificate):
            raise refused("foreign_certificate")
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _KEY_BITS_MIN:
            raise refused("weak_certificate")
        return key

    def _ask(self, url: str, *, now: datetime) -> x509.Certificate:
        with self._lock:
            if len(self._asked_at) == _FETCHES_MAX and now - self._asked_at[0] < _MINUTE:
                raise FetchError("Too many certificates were asked for.", reason="too_many_certificates")
            self._asked_at.append(now)
        pem = self._fetch(url)
        try:
            certificate = x509.load_pem_x509_certificate(pem[:_PEM_MAX])
        except ValueError as error:
            raise refused("bad_certificate") from error
        with self._lock:
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            self._kept[url] = certificate
        return certificate


def verify(message: Fields, key: rsa.RSAPublicKey) -> None:
    """Raise InvalidSignature unless the key signed the message."""
    algorithm = _HASHES.get(message.text("SignatureVersion"))
    if algorithm is None:
        raise refused("unknown_version")
    try:
        signature = b64decode(message.exact("Signature") or "", validate=True)
        key.verify(signature, signed_text(message), padding.PKCS1v15(), algorithm)
    except (ValueError, InvalidSignature) as error:
        raise refused("bad_signature") from error


def signed_text(message: Fields) -> bytes:
    """Return what SNS signs: names and values in lines, in the order of their octets."""
    if message.exact("Type") == "Notification":
        names = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    else:
        names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    pairs = [(name, message.exact(name)) for name in names]
    lines = [f"{name}\n{value}\n" for name, value in pairs if value is not None]
    return "".join(lines).encode("utf-8", "surrogatepass")


def _names(certificate: x509.Certificate) -> set[str]:
    """Return the hosts that a certificate names."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        subject = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return {str(attribute.value) for attribute in subject}
    return set(found.value.get_values_for_type(x509.DNSName))
