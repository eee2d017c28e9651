"""Parse mail addresses and say when two of them are the same mailbox."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import idna

from newsletter.domain.errors import InvalidInput

_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LOCAL_MAX = 64  # octets, RFC 5321 §4.5.3.1.1
_ADDRESS_MAX = 254  # octets, RFC 5321 §4.5.3.1.3 less the angle brackets
_DOTS_IGNORED = frozenset({"gmail.com", "googlemail.com"})
_TAGS_IGNORED = _DOTS_IGNORED | {"outlook.com", "hotmail.com", "live.com", "yahoo.com", "icloud.com"}
# Mailboxes that RFC 2142 reserves for running a domain: nobody reads a newsletter there.
_ROLE_LOCAL_PARTS = frozenset(
    "abuse hostmaster mailer-daemon noc noreply no-reply postmaster root security spam webmaster".split()
)


@dataclass(frozen=True)
class EmailAddress:
    """Hold a syntactically valid address; ``local`` as typed, ``domain`` as lower-case A-label."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def key(self) -> str:
        """Return what makes two addresses one reader: the local part case-folded, dots and +tags kept."""
        return f"{self.local.casefold()}@{self.domain}"

    @property
    def abuse_key(self) -> str:
        """Return a coarser key for rate caps only: one inbox behind dots and +tags counts once."""
        local = self.local.casefold()
        if self.domain in _TAGS_IGNORED:
            local = local.split("+", 1)[0] or local
        if self.domain in _DOTS_IGNORED:
            local = local.replace(".", "")
        return f"{local}@{self.domain}"

    @property
    def is_role(self) -> bool:
        """Say whether the mailbox belongs to the running of its domain (RFC 2142)."""
        return self.local.casefold() in _ROLE_LOCAL_PARTS

    @property
    def masked(self) -> str:
        """Return a form that a page or log may show."""
        return f"{self.local[0]}…@{self.domain}"


def parse(text: str) -> EmailAddress:
    """Read one bare address; raise InvalidInput with a reason code when it cannot be mailed.

    Quoted local parts, comments, address literals and non-ASCII local parts are refused.
    """
    cleaned = unicodedata.normalize("NFC", text).strip()
    local, at, domain = cleaned.rpartition("@")
    if not at or not domain:
        raise _invalid("address_without_domain", "has no domain")
    if not local.isascii():
        raise _invalid(
            "address_needs_smtputf8", "has letters outside ASCII before the @, which few servers accept"
        )
    if len(local) > _LOCAL_MAX or not _ATOM.fullmatch(local):
        raise _invalid("address_local_part", "is malformed before the @")
    address = EmailAddress(local, domain_a_label(domain))
    if len(str(address)) > _ADDRESS_MAX:
        raise _invalid("address_too_long", f"is longer than {_ADDRESS_MAX} characters")
    return address


def domain_a_label(domain: str) -> str:
    """Return a domain as lower-case A-labels (IDNA 2008); raise InvalidInput when it is none."""
    lowered = domain.strip().lower().rstrip(".")
    try:
        encoded = lowered if lowered.isascii() else idna.encode(lowered, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise _invalid("address_domain", "has a malformed domain") from error
    labels = encoded.split(".")
    if len(labels) < 2 or len(encoded) > 253 or labels[-1].isdigit():
        raise _invalid("address_domain", "has a malformed domain")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise _invalid("address_domain", "has a malformed domain")
    return encoded


def _invalid(reason: str, what: str) -> InvalidInput:
    return InvalidInput(
        f"The address {what}.", hint="Give an address such as name@example.com.", reason=reason
    )
