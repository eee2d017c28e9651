"""Let connections go to public addresses only, and end them in time."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any  # httpcore's socket options and extras are typed with it

import httpcore2

from newsletter.domain.errors import FetchError
from newsletter.runtime.clock import Clock

PORTS = frozenset({80, 443})

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1: the last 32 bits are an IPv4 address
# Ways to carry an IPv4 address inside one of IPv6 that nobody needs for a website: IPv4-compatible
# (RFC 4291 §2.5.5.1), local NAT64 (RFC 8215), Teredo (RFC 4380), 6to4 (RFC 7526).
_TUNNELS = tuple(IPv6Network(net) for net in ("::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16"))


def is_public(address: str) -> bool:
    """Say whether an IP address belongs to the public internet."""
    ip: IPv4Address | IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip in _NAT64:
            ip = IPv4Address(int(ip) & 0xFFFFFFFF)
        elif ip.is_site_local or any(ip in net for net in _TUNNELS):
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class Deadline:
    """Count down the time that one fetch may take over all its connections."""

    def __init__(self, clock: Clock, *, seconds: float) -> None:
        self._clock = clock
        self._end = clock.monotonic() + seconds

    def left(self, timeout: float | None = None) -> float:
        """Return the seconds left, at most ``timeout``; raise FetchError when there are none."""
        left = self._end - self._clock.monotonic()
        if left <= 0:
            raise FetchError(
                "The server took too long to answer.",
                hint="It is asked again later; check that the address answers quickly.",
                reason="timeout",
            )
        return left if timeout is None else min(left, timeout)


class Guard(httpcore2.NetworkBackend):
    """Connect to the very address that was checked, so that a name cannot change its mind in between."""

    def __init__(self, allow: frozenset[tuple[str, int]], deadline: Deadline) -> None:
        """``allow``: exact pairs of host and port that are let through unchecked."""
        self._allow = allow
        self._deadline = deadline
        self._network = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address of a host that answers; refuse a host with any private address."""
        addresses = _resolve(host, port)
        if (host, port) not in self._allow:
            _check(host, port, addresses)
        failure: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        for address in addresses:
            try:
                stream = self._network.connect_tcp(
                    address, port, self._deadline.left(timeout), local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _TimedStream(stream, self._deadline)
        raise failure or httpcore2.ConnectError("no address")

    def sleep(self, seconds: float) -> None:
        """Wait between attempts to connect."""
        self._network.sleep(self._deadline.left(seconds))


class _TimedStream(httpcore2.NetworkStream):
    """End every wait at the deadline: a server that drips octets must not hold a worker."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left(timeout))
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host; the system's resolver has time limits of its own."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(
            f"The host {host} is not known.",
            hint="Check the spelling of the address.",
            reason="unknown_host",
        ) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _check(host: str, port: int, addresses: list[str]) -> None:
    if port not in PORTS:
        raise FetchError(
            f"Port {port} of {host} is not asked.",
            hint="Sources are read on ports 80 and 443 only; list an exception in NEWSLETTER_FETCH_ALLOW.",
            reason="port_refused",
        )
    if not all(is_public(address) for address in addresses):
        raise _refused(host)


def _refused(host: str) -> FetchError:
    return FetchError(
        f"The host {host} has a private address.",
        hint="Sources are read from public addresses only; list an exception in NEWSLETTER_FETCH_ALLOW.",
        reason="private_address",
    )
