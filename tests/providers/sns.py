"""Play Amazon SNS: certificates of its own, messages signed with them, and the server that hands them out."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from newsletter.domain.errors import FetchError
from tests.clocks import NOON

REGION = "eu-west-1"
HOST = f"sns.{REGION}.amazonaws.com"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:newsletter"
OTHER_TOPIC = f"arn:aws:sns:{REGION}:123456789012:newsletter-2"
CERTIFICATE_URL = f"https://{HOST}/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
FOREIGN_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(
    key: rsa.RSAPrivateKey = KEY,
    *,
    name: str = "sns.amazonaws.com",
    alternative: str | None = "sns.amazonaws.com",
    since: datetime = NOON - timedelta(days=30),
    until: datetime = NOON + timedelta(days=300),
) -> bytes:
    """Return a certificate in PEM; a real one bears the name without the region, as subject and alternative."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test CA")]))
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(since)
        .not_valid_after(until)
    )
    if alternative is not None:
        names = x509.SubjectAlternativeName([x509.DNSName(alternative)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)


class Amazon:
    """Hand out certificates by address, and count who asks."""

    def __init__(self, **found: bytes) -> None:
        self.documents = {CERTIFICATE_URL: certificate()} | found
        self.asked: list[str] = []

    def fetch(self, url: str) -> bytes:
        """Return a document as the guarded fetcher does."""
        self.asked.append(url)
        if url not in self.documents:
            raise FetchError("There is no such document.", reason="not_found")
        return self.documents[url]


def notification(
    told: object, *, at: datetime = NOON, topic: str = TOPIC, **changes: str | None
) -> dict[str, Any]:
    """Return an unsigned notification."""
    text = told if isinstance(told, str) else json.dumps(told)
    message = {
        "Type": "Notification",
        "MessageId": str(uuid5(NAMESPACE_URL, text)),
        "TopicArn": topic,
        "Subject": "Amazon SES Email Event Notification",
        "Message": text,
        "Timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
        "SignatureVersion": "1",
        "SigningCertURL": CERTIFICATE_URL,
        "UnsubscribeURL": f"https://{HOST}/?Action=Unsubscribe&SubscriptionArn={topic}:c9135db0",
    }
    return {name: value for name, value in (message | changes).items() if value is not None}


def confirmation(kind: str = "SubscriptionConfirmation", **changes: str | None) -> dict[str, Any]:
    """Return an unsigned message about the subscription itself."""
    token = "2336412f37" * 20
    message = notification(
        f"You have chosen to subscribe to the topic {TOPIC}.",
        Type=kind,
        Subject=None,
        Token=token,
        SubscribeURL=f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}",
    )
    return {name: value for name, value in (message | changes).items() if value is not None}


def signed(message: dict[str, Any], key: rsa.RSAPrivateKey = KEY) -> bytes:
    """Sign a message as the developer guide says, and return its body."""
    if message["Type"] == "Notification":
        order = "Message MessageId Subject Timestamp TopicArn Type"
    else:
        order = "Message MessageId SubscribeURL Timestamp Token TopicArn Type"
    text = "".join(f"{name}\n{message[name]}\n" for name in order.split() if name in message)
    algorithm = SHA256() if message["SignatureVersion"] == "2" else SHA1()
    signature = key.sign(text.encode(), padding.PKCS1v15(), algorithm)
    return json.dumps(message | {"Signature": b64encode(signature).decode()}).encode()
