"""Say which clients count as one."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

_V6_PREFIX = 64  # what one household or server gets; single addresses in it cost nothing


def limit_key(address: str) -> str:
    """Return what rate limits count: an IPv4 address, or the network of an IPv6 one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, _V6_PREFIX), strict=False))
    return str(parsed)
