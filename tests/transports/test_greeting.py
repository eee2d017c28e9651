"""A relay is greeted, encrypted and logged in to as its settings say, or not used at all."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable

import pytest

from newsletter.transports.smtp.faults import RelayFault
from newsletter.transports.smtp.greeting import Greeting
from newsletter.transports.smtp.offer import Offer
from newsletter.transports.smtp.relay import Relay

BANNER = b"220 relay.example ESMTP\r\n"
TLS = "TLS handshake"


def relay(**over: object) -> Relay:
    options: dict[str, object] = {"host": "relay.example", "port": 587, "tls": "off"}
    return Relay(**{**options, **over})  # type: ignore[arg-type]  # a table of options


def hello(*offers: bytes) -> bytes:
    return b"".join(b"250-%b\r\n" % offer for offer in (b"relay.example", *offers)) + b"250 HELP\r\n"


def talk(told: Relay, replies: Iterable[bytes]) -> tuple[list[object], Offer | None]:
    """Say these replies one after another; return what was answered, and what the relay offers in the end."""
    greeting, said = Greeting(told, own_name="we.example"), list[object]()
    for reply in replies:
        greeting.receive(reply)
        while greeting.wants_tls:
            said.append(TLS)
            greeting.encrypted()
        if greeting.outgoing:
            said.append(greeting.outgoing)
            greeting.outgoing = b""
    return said, greeting.offer


def coded(text: str) -> bytes:
    return b64encode(text.encode())


def test_a_relay_that_knows_ehlo_says_what_it_offers() -> None:
    said, offer = talk(relay(), [BANNER, hello(b"PIPELINING")])

    assert said == [b"EHLO we.example\r\n"]
    assert offer == Offer(has_pipelining=True)


def test_a_relay_that_does_not_know_ehlo_is_greeted_the_old_way() -> None:
    said, offer = talk(relay(), [BANNER, b"502 what?\r\n", b"250 hello\r\n"])

    assert said == [b"EHLO we.example\r\n", b"HELO we.example\r\n"]
    assert offer == Offer()


@pytest.mark.parametrize("tls", ["starttls", "opportunistic"])
def test_what_was_offered_before_tls_does_not_count_behind_it(tls: str) -> None:
    said, offer = talk(
        relay(tls=tls), [BANNER, hello(b"STARTTLS", b"SIZE 1"), b"220 go\r\n", hello(b"PIPELINING")]
    )

    assert said == [b"EHLO we.example\r\n", b"STARTTLS\r\n", TLS, b"EHLO we.example\r\n"]
    assert offer == Offer(has_pipelining=True)


def test_opportunistic_tls_goes_on_in_clear_with_a_relay_that_has_none() -> None:
    _, offer = talk(relay(tls="opportunistic"), [BANNER, hello()])

    assert offer == Offer()


LOGINS = [
    ("PLAIN", {}, [b"AUTH PLAIN " + coded("\0post\0secret")], [b"235 welcome\r\n"]),
    (
        "PLAIN",
        {},
        [b"AUTH PLAIN " + coded("\0post\0secret"), coded("\0post\0secret")],
        [b"334 \r\n", b"235 welcome\r\n"],
    ),
    ("LOGIN PLAIN", {}, [b"AUTH PLAIN " + coded("\0post\0secret")], [b"235 welcome\r\n"]),
    (
        "LOGIN",
        {},
        [b"AUTH LOGIN", coded("post"), coded("secret")],
        [b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"235 welcome\r\n"],
    ),
    (
        "PLAIN XOAUTH2",
        {"password": "", "token": "t0ken"},
        [b"AUTH XOAUTH2 " + coded("user=post\1auth=Bearer t0ken\1\1")],
        [b"235 welcome\r\n"],
    ),
]


@pytest.mark.parametrize(("mechanisms", "over", "commands", "replies"), LOGINS)
def test_the_login_is_by_what_the_relay_offers(
    mechanisms: str, over: dict[str, object], commands: list[bytes], replies: list[bytes]
) -> None:
    login: dict[str, object] = {"username": "post", "password": "secret", **over}

    said, offer = talk(relay(**login), [BANNER, hello(b"AUTH " + mechanisms.encode()), *replies])

    assert said[1:] == [command + b"\r\n" for command in commands]
    assert offer is not None


REFUSALS = [
    ("banner", {}, [b"554 5.7.1 not you\r\n"], "refused the connection with 554 5.7.1 not you"),
    ("busy", {}, [b"421 4.3.2 too many\r\n"], "refused the connection with 421"),
    ("EHLO", {}, [BANNER, b"421 4.3.2 bye\r\n"], "refused EHLO with 421"),
    ("HELO", {}, [BANNER, b"500 no\r\n", b"550 no\r\n"], "refused HELO with 550"),
    ("no STARTTLS", {"tls": "starttls"}, [BANNER, hello()], "offers no STARTTLS"),
    (
        "no STARTTLS by HELO",
        {"tls": "starttls"},
        [BANNER, b"500 no\r\n", b"250 hi\r\n"],
        "offers no STARTTLS",
    ),
    (
        "STARTTLS",
        {"tls": "starttls"},
        [BANNER, hello(b"STARTTLS"), b"454 4.7.0 not now\r\n"],
        "refused STARTTLS with 454",
    ),
    (
        "in clear",
        {"tls": "opportunistic", "username": "post"},
        [BANNER, hello(b"AUTH PLAIN")],
        "the password would go out in clear",
    ),
    ("no login", {"username": "post"}, [BANNER, hello()], "offers no login by PLAIN or LOGIN"),
    ("odd login", {"username": "post"}, [BANNER, hello(b"AUTH GSSAPI")], "offers no login by PLAIN"),
    (
        "no token",
        {"username": "post", "token": "t"},
        [BANNER, hello(b"AUTH PLAIN")],
        "offers no login by XOAUTH2",
    ),
    (
        "PLAIN",
        {"username": "post"},
        [BANNER, hello(b"AUTH PLAIN"), b"535 5.7.8 no\r\n"],
        "refused the login with 535",
    ),
    (
        "LOGIN",
        {"username": "post"},
        [BANNER, hello(b"AUTH LOGIN"), b"504 what?\r\n"],
        "refused the login with 504",
    ),
    (
        "password",
        {"username": "post"},
        [BANNER, hello(b"AUTH LOGIN"), b"334 a\r\n", b"334 b\r\n", b"535 no\r\n"],
        "refused the login with 535",
    ),
    (
        "token",
        {"username": "post", "token": "t"},
        [BANNER, hello(b"AUTH XOAUTH2"), b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n", b"535 no\r\n"],
        "refused the login with 535",
    ),
    ("another protocol", {}, [b"SSH-2.0-OpenSSH\r\n"], "does not speak SMTP"),
    ("early answers", {}, [BANNER + hello()], "answered before it was asked"),
    (
        "injected behind STARTTLS",
        {"tls": "starttls"},
        [BANNER, hello(b"STARTTLS"), b"220 go\r\n" + hello(b"AUTH PLAIN")],
        "answered before it was asked",
    ),
    (
        "injected in part",
        {"tls": "starttls"},
        [BANNER, hello(b"STARTTLS"), b"220 go\r\n2"],
        "answered before it was asked",
    ),
]


@pytest.mark.parametrize(
    ("over", "replies", "what"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_a_relay_that_cannot_be_used_says_why_and_what_to_do(
    over: dict[str, object], replies: list[bytes], what: str
) -> None:
    with pytest.raises(RelayFault, match=what) as fault:
        talk(relay(**over), replies)

    assert fault.value.hint.endswith(".")


def test_a_password_is_not_said_to_a_relay_that_only_pretends_to_offer_tls() -> None:
    greeting = Greeting(relay(tls="opportunistic", username="post", password="secret"), own_name="we.example")
    heard = b""
    for reply in (BANNER, hello(b"AUTH PLAIN", b"STARTTLS"), b"454 4.7.0 not now\r\n"):
        try:
            greeting.receive(reply)
        except RelayFault:
            break
        heard += greeting.outgoing

    assert b"AUTH" not in heard


@pytest.mark.parametrize("size", [1, 2, 7])
def test_replies_may_come_in_pieces(size: int) -> None:
    greeting = Greeting(relay(), own_name="we.example")

    for octets in (BANNER, hello(b"PIPELINING")):
        for place in range(0, len(octets), size):
            greeting.receive(octets[place : place + size])

    assert greeting.offer == Offer(has_pipelining=True)


def test_the_banner_may_take_as_long_as_the_standard_says() -> None:
    greeting = Greeting(relay(timeout=200.0), own_name="we.example")

    assert greeting.allowance == 200.0  # five minutes (RFC 5321 §4.5.3.2.1), capped
