"""Say which address a request really came from."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from fastapi import Request

from newsletter.domain.errors import InvalidInput


class Proxies:
    """Hold the proxies that may speak for a client."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """Take addresses and networks; raise InvalidInput for what is neither."""
        self._networks = [_network(text) for text in trusted]

    def client_of(self, peer: str, forwarded_for: str) -> str:
        """Return the client's address.

        ``forwarded_for`` is the header X-Forwarded-For; it counts only when the peer is trusted, and is read from
        its end, because a client can write anything at its beginning.
        """
        client = peer
        hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
        while hops and self._trusts(client):
            client = _bare(hops.pop())
        return client

    def _trusts(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        # A socket that serves both kinds sees IPv4 as ::ffff:10.0.0.1 (RFC 4291 §2.5.5.2).
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


def address_of(request: Request) -> str:
    """Return the address of the client of a request, the client of trusted proxies where there are some."""
    proxies: Proxies = request.app.state.proxies
    peer = request.client.host if request.client else ""
    return proxies.client_of(peer, ",".join(request.headers.getlist("x-forwarded-for")))


def _bare(hop: str) -> str:
    """Return an address without brackets and port."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise InvalidInput(
            f"{text!r} is no address or network of a proxy.",
            hint="Set NEWSLETTER_TRUSTED_PROXIES to addresses such as 127.0.0.1 or 10.0.0.0/8.",
            reason="bad_settings",
        ) from error
