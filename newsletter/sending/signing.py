"""Load what signs the messages of a newsletter (DKIM)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from newsletter.mime.dkim import Signer
from newsletter.store import Session, dkim

KEY = "dkim"  # what a window calls the id of the key that signed it


@dataclass(frozen=True)
class Signers:
    """Hold the keys of a domain by their ids, retired ones too: a retry is signed with the key of its window.

    ``active`` is the key of new windows; None when nothing is signed here, because the relay does it or nobody.
    """

    active: int | None = None
    by_id: Mapping[int, Signer] = field(default_factory=dict)

    @property
    def key_ids(self) -> dict[str, int]:
        """Return what a new window writes down."""
        return {} if self.active is None else {KEY: self.active}

    def of(self, key_ids: Mapping[str, int]) -> Signer | None:
        """Return the signer of a window; None when its messages are not signed."""
        return self.by_id[key_ids[KEY]] if KEY in key_ids else None


def load(session: Session, from_address: str) -> Signers:
    """Read the keys of the domain of a From address, and of its parents."""
    domain = from_address.rpartition("@")[2].lower()
    active = dkim.signing_key(session, domain)
    return Signers(
        None if active is None else active.id,
        {
            key.id: Signer(key.domain, key.selector, key.private_key)
            for key in dkim.of_signing_domains(session, domain)
        },
    )
