"""Addresses of relays are read whole or refused, and never shown with their password."""

from __future__ import annotations

import pytest

from newsletter.domain import relays
from newsletter.domain.errors import InvalidInput
from newsletter.domain.relays import RelayAddress, RelayKind


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("smtp://relay.example", RelayAddress(host="relay.example", port=25)),
        ("smtps://relay.example", RelayAddress(host="relay.example", port=465, tls="implicit")),
        (
            "smtp://user:p%40ss@relay.example:587?tls=starttls&kind=ses&weight=3&connections=20&rate=14.5&messages=50",
            RelayAddress(
                host="relay.example",
                port=587,
                tls="starttls",
                username="user",
                password="p@ss",
                kind=RelayKind.SES,
                weight=3,
                connections=20,
                rate=14.5,
                messages_per_connection=50,
            ),
        ),
        (
            "smtps://user:t0ken@relay.example?auth=xoauth2",
            RelayAddress(host="relay.example", port=465, tls="implicit", username="user", token="t0ken"),
        ),
        ("smtp://[::1]:2525/?tls=off", RelayAddress(host="::1", port=2525, tls="off")),
    ],
)
def test_an_address_says_all_there_is_to_know(text: str, address: RelayAddress) -> None:
    assert relays.parse(text) == address


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("relay.example", "must look like"),
        ("http://relay.example", "must look like"),
        ("smtp://", "must look like"),
        ("smtp://relay.example/path", "must look like"),
        ("smtp://relay.example:99999", "port"),
        ("smtp://relay.example?tls=maybe", "tls must be one of"),
        ("smtp://relay.example?kind=other", "kind must be one of"),
        ("smtp://relay.example?auth=md5", "auth must be one of"),
        ("smtp://relay.example?weight=0", "weight must be a number"),
        ("smtp://relay.example?connections=-1", "connections must be a number"),
        ("smtp://relay.example?rate=fast", "rate must be a number"),
        ("smtp://relay.example?rate=0", "rate must be more"),
        ("smtp://relay.example?rate=nan", "rate must be more"),
        ("smtp://relay.example?colour=blue", "not known: colour"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        relays.parse(text)


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(relays.parse("smtp://user:secret@relay.example"))
    with pytest.raises(InvalidInput) as error:
        relays.parse("smtp://user:secret@relay.example?tls=maybe")
    assert "secret" not in str(error.value)
