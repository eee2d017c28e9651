"""Load what the work on one mailing needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from newsletter.domain import quiet_hours, schedules
from newsletter.domain.issues import IssueKind
from newsletter.domain.mailings import MailingKind
from newsletter.domain.quiet_hours import QuietHours
from newsletter.domain.relays import RelayKind
from newsletter.domain.rendered import FrozenIssue
from newsletter.domain.selection import Chooser
from newsletter.runtime.settings import Settings
from newsletter.sending import signing
from newsletter.sending.compose import Composer, Rings
from newsletter.sending.history import Histories
from newsletter.store import Session, blocks, issues, keys, mailings, newsletters
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
    quiet: QuietHours
    daily_cap: int  # 0: any number
    spread: timedelta

    @property
    def is_breaking(self) -> bool:
        """Say whether it is one piece of news, and not a digest."""
        return self.frozen.kind is IssueKind.BREAKING

    @property
    def is_urgent(self) -> bool:
        """Say whether it heeds neither quiet hours nor the cap."""
        return self.frozen.is_flash

    @property
    def is_first(self) -> bool:
        """Say whether it is for readers who have just come."""
        return self.mailing.kind is MailingKind.FIRST

    @property
    def story_minimum(self) -> int:
        """Return the fewest stories that make a mail."""
        return 1 if self.is_breaking else max(1, self.frozen.story_minimum)

    @cached_property
    def span(self) -> tuple[int, int]:
        """Return the lowest and the highest number that a mail may name."""
        told = [number for story in self.frozen.stories for number in story.candidate.told]
        return min(told, default=0), max(told, default=0)


def load(session: Session, mailing_id: int, *, settings: Settings) -> Context:
    """Read a mailing, its issue and the keys that sign for it."""
    mailing = mailings.get(session, mailing_id)
    frozen = issues.frozen(issues.get(session, mailing.issue_id))
    rings, signers = load_rings(session), signing.load(session, frozen.identity.from_address)
    return Context(
        mailing=mailing,
        frozen=frozen,
        chooser=frozen.chooser(is_first=mailing.kind is MailingKind.FIRST),
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
        histories=Histories(mailing, frozen, daily_cap=settings.daily_cap),
        quiet=quiet_hours.parse(settings.quiet_hours),
        daily_cap=settings.daily_cap,
        spread=timedelta(minutes=newsletters.get(session, mailing.newsletter_id).spread_minutes),
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
