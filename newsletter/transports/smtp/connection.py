"""Carry one dialogue over a socket that never blocks."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import Protocol

from newsletter.transports.base import Submission
from newsletter.transports.smtp.desk import Desk
from newsletter.transports.smtp.dialogue import Dialogue
from newsletter.transports.smtp.faults import RelayFault
from newsletter.transports.smtp.greeting import Greeting
from newsletter.transports.smtp.loop import Loop
from newsletter.transports.smtp.poller import READABLE, WRITABLE
from newsletter.transports.smtp.relay import Relay
from newsletter.transports.smtp.resolver import Address, Resolver

_SEND_BUFFER = 262_144  # octets: a digest goes to the kernel in one write
OPENED_WITHIN = 1.0  # seconds that messages, and other relays, wait for a connection that is being opened
_READ = 8192  # octets; the answers to one group have some two hundred
_READ_TLS = 16_384  # octets: one record
_WHERE = "Check NEWSLETTER_RELAY_HOST and _PORT, or the address in NEWSLETTER_RELAYS."
_LATER = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Owner(Desk, Protocol):
    """Stand behind the connections of one relay."""

    relay: Relay

    @property
    def pipelines(self) -> bool:
        """Say whether a relay that offers PIPELINING may be believed."""

    @property
    def has_alternative(self) -> bool:
        """Say whether another relay works."""

    def tls_context(self) -> ssl.SSLContext:
        """Return how to encrypt; raise RelayFault when the certificates cannot be read."""

    def not_opened(self, connection: Connection, fault: RelayFault) -> None:
        """Hear that the relay cannot be used, before any message."""

    def closed(self, connection: Connection) -> None:
        """Hear that a connection is no more."""


class Connection:
    """Connect, encrypt, greet, then talk. ``handle`` takes what the poller says, whatever the phase."""

    __slots__ = (
        "_addresses", "_greeting", "_has_failed", "_loop", "_mask", "_owner", "_resolver", "_secured", "_socket",
        "dialogue", "fd", "handle", "is_open", "since",
    )  # fmt: skip

    def __init__(
        self, owner: Owner, loop: Loop, *, first: Submission | None = None, is_second: bool = False
    ) -> None:
        """Hold a message for when the relay has greeted; nothing is opened yet."""
        self._owner = owner
        self._loop = loop
        self._resolver: Resolver | None = None
        self._addresses: list[Address] = []
        self._greeting: Greeting | None = None
        self._socket: socket.socket | None = None
        self._secured: ssl.SSLSocket | None = None
        self._mask = 0
        self._has_failed = False  # a write failed; what the relay said before is still read
        self.dialogue = Dialogue(owner.relay, owner, first=first, is_second=is_second)
        self.fd = -1
        self.handle: Callable[[int], None] = self._connecting
        self.is_open = False
        self.since = loop.now  # when something last moved

    # -- opening ------------------------------------------------------------------------------------------------

    def connect(self, resolver: Resolver) -> None:
        """Begin to connect to the first address of the relay that answers."""
        self._resolver = resolver
        try:
            self._addresses = resolver.addresses(self._loop.now)
        except OSError as error:
            self._fail(_unreachable(error))
        else:
            self._try_next(OSError("no address"))

    def _try_next(self, error: OSError) -> None:
        self._drop_socket()
        while self._addresses:
            family, place = self._addresses[0]
            try:
                self._socket = _socket(family)
                code = self._socket.connect_ex(place)
                if code not in {0, errno.EINPROGRESS}:
                    raise OSError(code, os.strerror(code))
            except OSError as refused:
                error = refused
                self._addresses.pop(0)
                self._drop_socket()
                continue
            self._watch(self._socket)
            return
        self._fail(_unreachable(error))

    def _watch(self, opened: socket.socket) -> None:
        self.fd = opened.fileno()
        self.since = self._loop.now
        self._mask = WRITABLE
        self._loop.watch(self.fd, WRITABLE, self)

    def _connecting(self, _mask: int) -> None:
        assert self._socket is not None
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._addresses.pop(0)
            self._try_next(_error(code))
            return
        if self._resolver is not None:
            self._resolver.prefer(self._addresses[0])
        self.since = self._loop.now
        self._wait_for(READABLE)
        self._greeting = Greeting(self._owner.relay, own_name=_own_name(self._owner.relay, self._socket))
        if self._owner.relay.tls == "implicit":
            self._encrypt()
        else:
            self.handle = self._greet

    def _encrypt(self) -> None:
        assert self._socket is not None
        try:
            self._secured = self._owner.tls_context().wrap_socket(
                self._socket, server_hostname=self._owner.relay.host, do_handshake_on_connect=False
            )
        except RelayFault as fault:
            self._fail(fault)
            return
        except (OSError, ValueError) as error:
            self._fail(_tls_fault(error))
            return
        self._socket = self._secured
        self.handle = self._shake_hands
        self._shake_hands(WRITABLE)

    def _shake_hands(self, _mask: int) -> None:
        assert self._secured is not None
        assert self._greeting is not None
        self.since = self._loop.now
        try:
            self._secured.do_handshake()
        except ssl.SSLWantReadError:
            self._wait_for(READABLE)
        except ssl.SSLWantWriteError:
            self._wait_for(WRITABLE)
        except OSError as error:
            self._fail(_tls_fault(error))
        else:
            self._wait_for(READABLE)
            self.handle = self._greet
            if self._greeting.wants_tls:
                self._greeting.encrypted()
                self._said()

    def _greet(self, mask: int) -> None:
        assert self._greeting is not None
        if mask & WRITABLE:
            self._loop.writers.append(self)
        data = self._read()
        if data is None:
            return
        try:
            if not data:
                raise RelayFault("hung up before any message", "It is tried again soon; its log says why.")
            self._greeting.receive(data)
        except RelayFault as fault:
            self._fail(fault)
        else:
            self._said()

    def _said(self) -> None:
        """Go on after the greeting has moved."""
        greeting = self._greeting
        assert greeting is not None
        if greeting.wants_tls:
            self._encrypt()
        elif greeting.offer is not None:
            self.is_open = True
            self._greeting = None
            self.handle = self._talk
            with self._loop.watching(self):
                self.dialogue.open(greeting.offer, pipelines=self._owner.pipelines)
        elif greeting.outgoing:
            self.dialogue.outgoing.append(greeting.outgoing)
            self.dialogue.unsent += len(greeting.outgoing)
            greeting.outgoing = b""
            self._loop.writers.append(self)

    def _fail(self, fault: RelayFault) -> None:
        """Give up before the first message."""
        self._owner.not_opened(self, fault)
        self.close()
        self.dialogue.withdraw()

    @property
    def is_at_rest(self) -> bool:
        """Say whether nothing is under way but, perhaps, a goodbye."""
        return self.dialogue.is_idle or self.dialogue.is_leaving

    # -- talking ------------------------------------------------------------------------------------------------

    def send(self, submission: Submission) -> None:
        """Send a message over an idle connection."""
        with self._loop.watching(self):
            self.dialogue.offer(submission)

    def _talk(self, mask: int) -> None:
        dialogue = self.dialogue
        if mask & WRITABLE and dialogue.unsent:
            self._loop.writers.append(self)
        if mask == WRITABLE:
            return
        data = self._read()
        if data is None:
            return
        try:
            if data:
                dialogue.receive(data)
            else:
                dialogue.lost("closed the connection")
        except BaseException:
            self._loop.interrupted.append(self)
            raise
        finally:
            self.settle()

    def _read(self) -> bytes | None:
        """Return what came in, b"" at the end, None when there is nothing yet."""
        assert self._socket is not None
        try:
            data = self._socket.recv(_READ) if self._secured is None else _read_all(self._secured)
        except _LATER:
            return None
        except OSError:
            data = b""
        self.since = self._loop.now
        return data

    def resume(self) -> None:
        """Go on where an exception of the source broke in."""
        with self._loop.watching(self):
            self.dialogue.resume()

    def settle(self) -> None:
        """Hang up, or let be written, as the dialogue wants."""
        if self.dialogue.is_over:
            self.close()
        elif self.dialogue.outgoing:
            self._loop.writers.append(self)

    def write(self) -> None:
        """Write as much as the relay takes; to be called when the source has flushed."""
        dialogue = self.dialogue
        if self._has_failed or self._socket is None or not dialogue.unsent:
            return
        try:
            if self._secured is None:
                count = self._socket.sendmsg(dialogue.outgoing)
            else:
                count = _write_all(self._secured, b"".join(dialogue.outgoing))
        except _LATER:
            count = 0
        except OSError:  # reading tells the rest: a relay may have said why before it hung up
            self._has_failed = True
            self._wait_for(READABLE)
            return
        if count:
            self.since = self._loop.now
        if count == dialogue.unsent:
            dialogue.outgoing = []
            dialogue.unsent = 0
            if self._mask != READABLE:
                self._wait_for(READABLE)
        else:
            dialogue.wrote(count)
            self._wait_for(READABLE | WRITABLE)

    # -- time and ends ------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Act when the relay has been silent for too long."""
        silence = self._loop.now - self.since
        if self.is_open:
            if silence >= self.dialogue.allowance:
                self.since = self._loop.now
                with self._loop.watching(self):
                    self.dialogue.timed_out()
            return
        if silence >= OPENED_WITHIN and self._owner.has_alternative:
            with self._loop.watching(self):
                self.dialogue.let_go()
        relay = self._owner.relay
        allowance = min(relay.timeouts.connect, relay.timeout)
        if self._greeting is not None and self.handle != self._shake_hands:
            allowance = self._greeting.allowance
        if silence < allowance:
            return
        if self._greeting is None:
            self._addresses.pop(0)
            self._try_next(TimeoutError("timed out"))
        else:
            self._fail(RelayFault("does not answer in time", _WHERE))

    def close(self) -> None:
        """Hang up."""
        if self.handle != self._ignore:
            self.handle = self._ignore
            self._drop_socket()
            self._owner.closed(self)

    def _ignore(self, _mask: int) -> None:
        """Do nothing: the connection is closed."""

    def _drop_socket(self) -> None:
        if self._socket is not None:
            self._loop.forget(self.fd, self._socket)
            self._socket = self._secured = None
            self.fd = -1

    def _wait_for(self, mask: int) -> None:
        if self._mask != mask:
            self._mask = mask
            self._loop.poller.modify(self.fd, mask)


def _socket(family: int) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.settimeout(0)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    return opened


def _read_all(secured: ssl.SSLSocket) -> bytes:
    """Read what is decrypted: the poller does not see what is left inside TLS."""
    data = secured.recv(_READ_TLS)
    while secured.pending():
        data += secured.recv(_READ_TLS)
    return data


def _write_all(secured: ssl.SSLSocket, data: bytes) -> int:
    """Write record by record until the socket takes no more; return how many octets went out."""
    view = memoryview(data)
    count = 0
    while count < len(data):
        try:
            count += secured.send(view[count:])
        except _LATER:
            break
    return count


def _unreachable(error: OSError) -> RelayFault:
    return RelayFault(f"does not answer ({type(error).__name__}: {error})", _WHERE)


def _error(code: int) -> OSError:
    return OSError(code, os.strerror(code))  # of the subclass that stands for the code


def _tls_fault(error: Exception) -> RelayFault:
    if isinstance(error, ssl.SSLCertVerificationError):
        return RelayFault(
            f"shows a certificate that cannot be trusted ({error.verify_message})",
            "Check the host name of the relay and NEWSLETTER_RELAY_CA_FILE.",
        )
    return RelayFault(
        f"fails at TLS ({type(error).__name__}: {error})", "Check NEWSLETTER_RELAY_TLS and the port."
    )


@cache
def _machine_name() -> str:
    return socket.getfqdn()


def _own_name(relay: Relay, connected: socket.socket) -> str:
    """Return the name for EHLO; a machine without a full one gives its address (RFC 5321 §4.1.4)."""
    name = relay.ehlo_name or _machine_name()
    if relay.ehlo_name or ("." in name and name.isascii() and name.isprintable()):
        return name
    host = str(connected.getsockname()[0])
    return f"[IPv6:{host}]" if connected.family == socket.AF_INET6 else f"[{host}]"
