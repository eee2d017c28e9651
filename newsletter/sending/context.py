"""Load what the work on one mailing needs."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from newsletter.domain import schedules
from newsletter.domain.relays import RelayKind
from newsletter.domain.rendered import FrozenIssue
from newsletter.domain.selection import Chooser
from newsletter.runtime.settings import Settings
from newsletter.sending import signing
from newsletter.sending.compose import Composer, Rings
from newsletter.sending.history import Histories
from newsletter.store import Session, blocks, issues, keys, mailings
from newsletter.store.tables import KeyPurpose, Mailing


@dataclass(frozen=True)
class Context:
    """Hold a mailing with its frozen issue, ready to choose from and to compose."""

    mailing: Mailing
    frozen: FrozenIssue
    chooser: Chooser
    composer: Composer
    key_ids: dict[str, int]
    zone: ZoneInfo
    histories: Histories


def load(session: Session, mailing_id: int, *, settings: Settings) -> Context:
    """Read a mailing, its issue and the keys that sign for it."""
    mailing = mailings.get(session, mailing_id)
    frozen = issues.frozen(issues.get(session, mailing.issue_id))
    rings, signers = load_rings(session), signing.load(session, frozen.identity.from_address)
    return Context(
        mailing=mailing,
        frozen=frozen,
        chooser=frozen.chooser(),
        composer=Composer(
            frozen,
            blocks.of_issue(session, mailing.issue_id, frozen.identity.language),
            settings=settings,
            rings=rings,
            signers=signers.by_id,
            kinds=kinds(settings),
        ),
        key_ids=newest_keys(rings) | signers.key_ids,
        zone=schedules.zone(frozen.identity.zone),
        histories=Histories(mailing, frozen),
    )


def kinds(settings: Settings) -> frozenset[RelayKind]:
    """Return the kinds of all relays that a message may go to: which one it will be is not known when it is made."""
    return frozenset(address.kind for address in settings.relay_addresses)


def load_rings(session: Session) -> Rings:
    """Read the keys of links and return paths; a message tried again is made with those of its first attempt."""
    return Rings(
        keys.ring(session, KeyPurpose.LINKS), keys.ring_with_retired(session, KeyPurpose.RETURN_PATH)
    )


def newest_keys(rings: Rings) -> dict[str, int]:
    """Return the numbers of the keys that sign now."""
    return {"links": rings.links.newest, "return_path": rings.return_path.newest}
