"""Know what the readers of a claimed batch have had of the newsletter."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from newsletter.domain.histories import History
from newsletter.domain.mailings import members
from newsletter.domain.rendered import FrozenIssue
from newsletter.store import Session, mailings, readers
from newsletter.store.leases import Claim
from newsletter.store.tables import Mailing

_CADENCE_REACH = timedelta(days=8)  # the longest cadence is a week; a slot may move by hours
_KEPT_READERS = 16_384  # of batches at hand: some 5 MB with the histories of two weeks


class Histories:
    """Read the history of a batch once for all its windows.

    That is safe because the lease on the bucket keeps other mailings from writing to its readers, and what earlier
    holders left open is accounted for at the claim. Only a late bounce may come between: its reader then misses one
    chance to get a story again.
    """

    def __init__(self, mailing: Mailing, frozen: FrozenIssue) -> None:
        """Take a mailing and its issue; nothing is read yet."""
        self._mailing = mailing
        self._lowest = min((story.number for story in frozen.stories), default=0)
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
        mailing = self._mailing
        earlier = mailings.earlier(
            session,
            mailing.newsletter_id,
            other_than=mailing.id,
            lowest_number=self._lowest,
            since=now - _CADENCE_REACH,
        )
        in_order = {one.mailing_id: one for one in sorted(earlier, key=lambda one: one.cut_off_at)}
        history = History(highest=mailing.highest)
        for mailing_id, had in readers.had(session, list(in_order), subscriber_ids):
            one = in_order[mailing_id]
            history.add(had, highest_then=one.highest, cut_off_at=one.cut_off_at)
        return history
