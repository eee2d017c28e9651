"""Name the destinations of mail: whose servers take it, whatever the domain of the reader.

Receivers count what a sender does per provider and not per domain, so that rates and suspensions are kept per group.
The groups of the big providers are single words; any other group is the parent domain of a domain's mail server.
"""

from __future__ import annotations

from collections.abc import Mapping

GOOGLE = "google"
OUTLOOK = "outlook"
YAHOO = "yahoodns"
ICLOUD = "icloud"

# Ends of the names of mail servers, and whose they are: KumoMTA's shaping defaults, read 2026-08.
_SERVERS: Mapping[str, str] = {
    "google.com": GOOGLE,
    "googlemail.com": GOOGLE,
    "olc.protection.outlook.com": OUTLOOK,
    "mail.protection.outlook.com": OUTLOOK,
    "mx.microsoft": OUTLOOK,
    "yahoodns.net": YAHOO,
    "icloud.com": ICLOUD,
    "comcast.net": "comcast",
    "web.de": "gmx",
    "gmx.net": "gmx",
    "orange.fr": "orange",
    "mimecast.com": "mimecast",
    "qq.com": "qq",
    "netease.com": "netease",
}
# The providers' own domains, so that the big ones are known before anybody has asked the DNS.
_DOMAINS: Mapping[str, str] = {
    **dict.fromkeys(("gmail.com", "googlemail.com"), GOOGLE),
    **dict.fromkeys(
        ("outlook.com", "hotmail.com", "live.com", "msn.com", "hotmail.co.uk", "hotmail.fr"), OUTLOOK
    ),
    **dict.fromkeys(
        ("yahoo.com", "ymail.com", "rocketmail.com", "aol.com", "yahoo.co.uk", "yahoo.fr"), YAHOO
    ),
    **dict.fromkeys(("icloud.com", "me.com", "mac.com"), ICLOUD),
    **dict.fromkeys(("gmx.de", "gmx.net", "gmx.at", "gmx.ch", "web.de"), "gmx"),
}


def group_of_server(host: str) -> str:
    """Return the group of a mail server by its name: a provider, else the server's parent domain."""
    name = host.lower().rstrip(".")
    labels = name.split(".")
    for start in range(len(labels)):
        group = _SERVERS.get(".".join(labels[start:]))
        if group is not None:
            return group
    return ".".join(labels[1:]) if len(labels) > 2 else name


def group_of_domain(name: str, mx_group: str | None) -> str:
    """Return the group that a reader's domain belongs to: by its mail server when known, else by its name."""
    return mx_group or _DOMAINS.get(name, name)


def domains_of(group: str) -> tuple[str, ...]:
    """Return the domains that are of a group before their mail servers are known."""
    own = tuple(name for name, of in _DOMAINS.items() if of == group)
    return own if group in _DOMAINS.values() else (group,)
