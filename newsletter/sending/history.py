"""Know what the readers of a claimed batch have had, of all newsletters of the installation."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from newsletter.domain.histories import History
from newsletter.domain.issues import IssueKind
from newsletter.domain.mailings import members
from newsletter.domain.rendered import FrozenIssue
from newsletter.store import Session, mailings, readers
from newsletter.store.leases import Claim
from newsletter.store.mailings import Earlier
from newsletter.store.tables import Mailing

_CADENCE_REACH = timedelta(days=8)  # the longest cadence is a week; a slot may move by hours
_DAY = timedelta(days=1)  # of which the cap counts the mails
# A week of first digests, an issue's life, the hours of readers all over the world.
_LONGEST_MAILING = timedelta(days=9)
_KEPT_READERS = 16_384  # of batches at hand: some 5 MB with the histories of two weeks


class Histories:
    """Read the history of a batch once for all its windows.

    That is safe because the lease on the bucket keeps other mailings from writing to its readers, and what earlier
    holders left open is accounted for at the claim. Only a late bounce may come between: its reader then misses one
    chance to get a story again.
    """

    def __init__(self, mailing: Mailing, frozen: FrozenIssue, *, daily_cap: int = 0) -> None:
        """Take a mailing and its issue; nothing is read yet. Mails of late are counted where there is a cap."""
        self._mailing = mailing
        self._frozen = frozen
        self._daily_cap = daily_cap
        self._kept: dict[tuple[int, int], tuple[int, History]] = {}

    def of_batch(self, session: Session, claim: Claim, *, now: datetime) -> History:
        """Return the history of a claimed batch's planned readers."""
        key = claim.batch_id, claim.epoch
        if key not in self._kept:
            batch = mailings.get_batch(session, claim.batch_id)
            history = self._read(session, list(members(batch.planned, batch.bucket)), now=now)
            self._kept[key] = batch.planned_count, history
            self._forget_oldest()
        return self._kept[key][1]

    def _forget_oldest(self) -> None:
        while len(self._kept) > 1 and sum(count for count, _ in self._kept.values()) > _KEPT_READERS:
            del self._kept[next(iter(self._kept))]

    def _read(self, session: Session, subscriber_ids: Collection[int], *, now: datetime) -> History:
        history = read(session, self._frozen, subscriber_ids, other_than=self._mailing.id, now=now)
        if self._daily_cap:
            history.mails_of_late = _of_late(session, subscriber_ids, now=now)
        return history


def read(
    session: Session,
    frozen: FrozenIssue,
    subscriber_ids: Collection[int],
    *,
    other_than: int,
    now: datetime,
) -> History:
    """Read what readers have had of an issue's stories in other mailings, and when they had this newsletter.

    A story is as old as its oldest article: who had that one has had it.
    """
    newsletter_id = frozen.identity.newsletter_id
    earlier = mailings.earlier(
        session,
        newsletter_id,
        other_than=other_than,
        lowest_number=min((n for story in frozen.stories for n in story.candidate.known_by), default=0),
        since=now - _CADENCE_REACH,
    )
    in_order = {one.mailing_id: one for one in sorted(earlier, key=lambda one: one.cut_off_at)}
    history = History(highest=frozen.highest)
    for mailing_id, had in readers.had(session, list(in_order), subscriber_ids):
        one = in_order[mailing_id]
        history.add(
            had,
            highest_then=one.highest,
            cut_off_at=one.cut_off_at if _is_digest_of(newsletter_id, one) else None,
            missed=one.missed,
        )
    return history


def _is_digest_of(newsletter_id: int, one: Earlier) -> bool:
    """Say whether a mailing is part of the rhythm in which readers get a newsletter."""
    return one.newsletter_id == newsletter_id and one.kind is IssueKind.DIGEST


def _of_late(session: Session, subscriber_ids: Collection[int], *, now: datetime) -> dict[int, int]:
    """Count the mails that readers got in the last 24 hours, over all newsletters."""
    started = mailings.started_since(session, now - _DAY - _LONGEST_MAILING)
    since = {
        mailing_id: max(0, int((now - _DAY - started_at).total_seconds()))
        for mailing_id, started_at in started.items()
    }
    return readers.mails_of_late(session, since, subscriber_ids)
