"""Say whose key may sign for a domain, and how a key is published in DNS (RFC 6376 §3.6)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count

from newsletter.domain import addresses
from newsletter.domain.errors import InvalidInput

# Mail that a key signed may still be queued somewhere: relays give up after 4 to 5 days (RFC 5321 §4.5.4.1), and the
# reader's side may look at the signature once more when the mail is fetched or forwarded.
KEEP_PUBLISHED = timedelta(days=7)

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NAME_MAX = 253  # RFC 1035 §2.3.4, in characters
_STRING_MAX = 255  # octets of one string of a TXT record, RFC 1035 §3.3
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True)
class KeyRecord:
    """Hold the TXT record that publishes a key."""

    name: str
    value: str

    @property
    def strings(self) -> list[str]:
        """Return the value in the pieces that DNS holds; who looks it up joins them without blanks between."""
        return [self.value[start : start + _STRING_MAX] for start in range(0, len(self.value), _STRING_MAX)]

    @property
    def zone_line(self) -> str:
        """Return the record as a zone file has it (RFC 1035 §5.1); no character of the value needs escaping."""
        quoted = "\n    ".join(f'"{string}"' for string in self.strings)
        return f"{self.name}. IN TXT (\n    {quoted} )"


def signing_domains(domain: str) -> tuple[str, ...]:
    """Return the domains whose key may sign for a domain, nearest first: itself, then its parents.

    A parent has two labels at least. Each is aligned with the From address as DMARC has it by default (RFC 7489
    §3.1.1), as long as it is not a public suffix, where nobody has a key.
    """
    labels = domain.split(".")
    return tuple(".".join(labels[start:]) for start in range(max(len(labels) - 1, 1)))


def parse_domain(text: str) -> str:
    """Return a domain as lower-case A-labels; raise InvalidInput when it is none."""
    try:
        return addresses.domain_a_label(text)
    except InvalidInput as error:
        raise InvalidInput(
            f"{text!r} is no domain.",
            hint="Give what stands behind the @ of the From address, such as example.com.",
            reason="bad_domain",
        ) from error


def parse_selector(text: str, *, domain: str) -> str:
    """Return a selector in lower case; raise InvalidInput when it cannot name a record of the domain."""
    selector = text.strip().lower()
    is_name = all(_LABEL.fullmatch(label) for label in selector.split("."))
    if not is_name or len(record_name(domain, selector)) > _NAME_MAX:
        raise InvalidInput(
            f"{text!r} is no selector.",
            hint="Give letters, digits and hyphens, at most 63 between two dots, such as n20261125.",
            reason="bad_selector",
        )
    return selector


def next_selector(taken: Collection[str], *, on: date) -> str:
    """Return a selector named after the day, so that one sees in DNS how old a key is."""
    first = f"n{on:%Y%m%d}"
    names = (first if number == 1 else f"{first}-{number}" for number in count(1))
    return next(name for name in names if name not in taken)


def record_name(domain: str, selector: str) -> str:
    """Return where the record of a key stands (RFC 6376 §3.6.2.1)."""
    return f"{selector}._domainkey.{domain}"


def fault_of(published: Sequence[str], record: KeyRecord) -> str:
    """Say what is wrong with the TXT records found at the name of a key; "" when receivers will find the key."""
    keys = [tags for tags in map(_tags, published) if "p" in tags or tags.get("v") == "DKIM1"]
    if not keys:
        return "there is no such record yet"
    if len(keys) > 1:
        return "there are several records, and a receiver may take any of them (RFC 6376 §3.6.2.2)"
    return _fault_of_key(keys[0], _tags(record.value))


def _fault_of_key(found: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    if not found.get("p"):
        return "it says that the key is revoked: its p= is empty"
    if found["p"] != wanted["p"]:
        return "it holds another key; a panel may have cut the value, or changed it"
    if found.get("v", "DKIM1") != "DKIM1" or found.get("k", "rsa") != "rsa":
        return "its v= or k= is not the one of this key"
    if "sha256" not in found.get("h", "sha256").split(":"):
        return "its h= does not allow sha256"
    if not {"*", "email"} & set(found.get("s", "*").split(":")):
        return "its s= does not allow mail"
    if "y" in found.get("t", "").split(":"):
        return "its t=y marks a test, so that receivers treat the mail as not signed"
    return ""


def _tags(text: str) -> dict[str, str]:
    """Read a list of tags (RFC 6376 §3.2); blanks in values mean nothing in a key record."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): _BLANKS.sub("", value) for name, equals, value in pairs if equals}
