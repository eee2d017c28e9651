"""Look up names in DNS."""

from __future__ import annotations

import ipaddress

from dns import exception, resolver
from dns.rdatatype import MX, TXT
from dns.rdtypes.mxbase import MXBase
from dns.rdtypes.txtbase import TXTBase

from newsletter.domain.errors import FetchError, InvalidInput

_PATIENCE = 10.0  # seconds for all tries; a resolver asks each of its servers for some seconds
_PORT = 53
_UDP_MAX = 1232  # octets that no network cuts in pieces, as name servers agreed on DNS flag day 2020


def texts(name: str, *, server: str = "") -> list[str]:
    """Return the TXT records at a name, the strings of each joined; none when there is no such name.

    ``server`` is the address of the name server to ask, with its port when that is not 53; otherwise those of this
    machine are asked. Raise FetchError when no server answers.
    """
    try:
        answer = _resolver(server).resolve(name, TXT, lifetime=_PATIENCE, search=False)
    except (resolver.NXDOMAIN, resolver.NoAnswer):
        return []
    except exception.DNSException as error:
        raise _silent(name, error) from error
    found = [record for record in answer if isinstance(record, TXTBase)]
    return [b"".join(record.strings).decode("utf-8", "replace") for record in found]


def mail_server(domain: str, *, server: str = "", patience: float = _PATIENCE) -> str | None:
    """Return the name of the best mail server of a domain; None when there is no such domain, or it takes no mail.

    A domain without MX records is its own server (RFC 5321 §5.1). ``server`` is as above; ``patience`` in seconds.
    Raise FetchError when no server answers.
    """
    try:
        answer = _resolver(server).resolve(domain, MX, lifetime=patience, search=False)
    except resolver.NoAnswer:
        return domain
    except resolver.NXDOMAIN:
        return None
    except (exception.DNSException, UnicodeError) as error:  # UnicodeError: a label that no name can have
        raise _silent(domain, error) from error
    found = [(record.preference, str(record.exchange)) for record in answer if isinstance(record, MXBase)]
    host = min(found, default=(0, "."))[1].rstrip(".").lower()
    return host or None  # a single dot takes no mail (RFC 7505 §3)


def _silent(name: str, error: Exception) -> FetchError:
    return FetchError(
        f"The name servers do not answer for {name} ({type(error).__name__}).",
        hint="Try again later, or ask another one with --nameserver ADDRESS.",
        reason="dns_unavailable",
    )


def _resolver(server: str) -> resolver.Resolver:
    asked = resolver.Resolver(configure=not server)
    if server:
        host, asked.port = _place(server)
        asked.nameservers = [host]
    asked.use_edns(0, 0, _UDP_MAX)  # a key of 2048 bits needs some 500 octets, and more is asked again by TCP
    return asked


def _place(server: str) -> tuple[str, int]:
    """Read 192.0.2.1, 192.0.2.1:5353, 2001:db8::1 or [2001:db8::1]:5353."""
    host, _, port = server.rpartition(":")
    if not host or (":" in host and not host.startswith("[")):
        host, port = server, str(_PORT)
    try:
        return str(ipaddress.ip_address(host.strip("[]"))), int(port)
    except ValueError as error:
        raise InvalidInput(
            f"{server!r} is no address of a name server.",
            hint="Give its IP address, such as 192.0.2.1 or 192.0.2.1:5353.",
            reason="bad_nameserver",
        ) from error
