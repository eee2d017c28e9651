"""Hold the conversation before the first message: banner, EHLO, STARTTLS, login. No I/O."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Generator

from newsletter.transports.smtp import offer as offers
from newsletter.transports.smtp.faults import RelayFault
from newsletter.transports.smtp.offer import Offer
from newsletter.transports.smtp.relay import Relay
from newsletter.transports.smtp.replies import MalformedReply, Reply, ReplyReader

_LISTEN = b""  # say nothing, wait for a reply
_HANDSHAKE = b"\x16"  # not a command: the first octet of TLS stands for its handshake
_SETTINGS = "Check NEWSLETTER_RELAY_TLS and the login, or the address in NEWSLETTER_RELAYS."
_SOON = "It is tried again soon; its log says why."

Talk = Generator[bytes, Reply, Offer]
Part = Generator[bytes, Reply, None]


class Greeting:
    """Take octets in, put octets out, until ``offer`` is there.

    ``outgoing`` is what to send now. While ``wants_tls`` the connection is to be encrypted, then ``encrypted`` called.
    Every method raises RelayFault when the relay cannot be used.
    """

    def __init__(self, relay: Relay, *, own_name: str) -> None:
        """Begin to wait for the banner."""
        self._talk = _open(relay, own_name)
        self._reader = ReplyReader()
        self._has_banner = False
        self._timeouts = relay.timeouts.capped(relay.timeout)
        self.outgoing = b""
        self.wants_tls = False
        self.offer: Offer | None = None
        next(self._talk)

    @property
    def allowance(self) -> float:
        """Return how long the relay may be silent now, in seconds."""
        return self._timeouts.ehlo if self._has_banner else self._timeouts.banner

    def receive(self, data: bytes) -> None:
        """Take what the relay said.

        What it says before it is asked answers something else: behind the consent to STARTTLS it would be an answer
        that somebody on the way put in, to be taken for one that came encrypted.
        """
        self._reader.feed(data)
        try:
            reply = self._reader.next()
        except MalformedReply as error:
            raise RelayFault(f"does not speak SMTP ({error})", "Check the port of the relay.") from error
        if reply is None:
            return
        if not self._reader.is_clean:
            raise RelayFault(
                "answered before it was asked", "Somebody may be listening in: check the network."
            )
        self._has_banner = True
        self._go_on(reply)

    def encrypted(self) -> None:
        """Go on over TLS: what was said before no longer counts (RFC 3207 §4.2)."""
        self.wants_tls = False
        self._go_on(Reply(220, ()))

    def _go_on(self, reply: Reply) -> None:
        try:
            said = self._talk.send(reply)
        except StopIteration as over:
            self.offer = over.value
            return
        self.wants_tls = said is _HANDSHAKE
        self.outgoing = _LISTEN if self.wants_tls else said


def _open(relay: Relay, own_name: str) -> Talk:
    banner = yield _LISTEN
    if banner.code != 220:
        raise RelayFault(f"refused the connection with {banner.words}", _SOON)
    offer = yield from _hello(own_name)
    is_encrypted = relay.tls == "implicit"
    if relay.tls == "starttls" or (relay.tls == "opportunistic" and offer.has_starttls):
        yield from _encrypt(offer)
        offer = yield from _hello(own_name)
        is_encrypted = True
    if relay.username:
        if relay.tls == "opportunistic" and not is_encrypted:
            raise RelayFault("offers no STARTTLS, and the password would go out in clear", _SETTINGS)
        yield from _log_in(relay, offer)
    return offer


def _hello(own_name: str) -> Talk:
    """Say EHLO, or HELO to a relay that does not know it (RFC 5321 §3.2)."""
    reply = yield b"EHLO %b\r\n" % own_name.encode()
    if reply.is_positive:
        return offers.read(reply)
    if reply.code < 500:
        raise RelayFault(f"refused EHLO with {reply.words}", _SOON)
    reply = yield b"HELO %b\r\n" % own_name.encode()
    if not reply.is_positive:
        raise RelayFault(f"refused HELO with {reply.words}", "Check NEWSLETTER_EHLO_NAME.")
    return Offer()


def _encrypt(offer: Offer) -> Part:
    if not offer.has_starttls:
        raise RelayFault("offers no STARTTLS, which is asked of it", _SETTINGS)
    reply = yield b"STARTTLS\r\n"
    if reply.code != 220:
        raise RelayFault(f"refused STARTTLS with {reply.words}", _SETTINGS)
    yield _HANDSHAKE


def _log_in(relay: Relay, offer: Offer) -> Part:
    """Log in by the best of what is offered; a token has only one way."""
    ways = [("XOAUTH2", _xoauth2)] if relay.token else [("PLAIN", _plain), ("LOGIN", _login)]
    for mechanism, way in ways:
        if mechanism in offer.mechanisms:
            yield from way(relay)
            return
    names = " or ".join(mechanism for mechanism, _ in ways)
    raise RelayFault(f"offers no login by {names}", _SETTINGS)


def _plain(relay: Relay) -> Part:
    answer = _coded(f"\0{relay.username}\0{relay.password}")  # RFC 4616
    reply = yield b"AUTH PLAIN %b\r\n" % answer
    if reply.code == 334:  # it takes no initial response
        reply = yield answer + b"\r\n"
    _check_login(reply)


def _login(relay: Relay) -> Part:
    reply = yield b"AUTH LOGIN\r\n"
    for answer in (relay.username, relay.password):
        if reply.code != 334:
            break
        reply = yield _coded(answer) + b"\r\n"
    _check_login(reply)


def _xoauth2(relay: Relay) -> Part:
    token = _coded(f"user={relay.username}\1auth=Bearer {relay.token}\1\1")
    reply = yield b"AUTH XOAUTH2 %b\r\n" % token
    if reply.code == 334:  # the fault in JSON; an empty line asks for the refusal itself
        reply = yield b"\r\n"
    _check_login(reply)


def _check_login(reply: Reply) -> None:
    if reply.code != 235:
        raise RelayFault(
            f"refused the login with {reply.code}", "Check the relay's user name and password (or token)."
        )


def _coded(text: str) -> bytes:
    return b64encode(text.encode())
