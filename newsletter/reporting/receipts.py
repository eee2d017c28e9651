"""Account for every planned reader of a mailing: every number is counted, none is computed from the others."""

from __future__ import annotations

from collections import Counter, defaultdict

from newsletter.domain.mailings import TAKEN, MailingKind, MessageStatus, Receipt, WithheldReason, bitmap
from newsletter.store import Session, mailings, messages


def receipt(session: Session, mailing_id: int) -> Receipt:
    """Return the receipt of a mailing as it stands: plan and results are compared reader by reader."""
    tally = messages.tally(session, mailing_id)
    by_status: Counter[MessageStatus] = Counter()
    withheld: Counter[str] = Counter()
    for (_, status, code), count in tally.items():
        by_status[status] += count
        if status is MessageStatus.WITHHELD:
            withheld[WithheldReason(code).name.lower()] += count
    planned, unclaimed, unplanned = _compare(session, mailing_id, {bucket for bucket, _, _ in tally})
    return Receipt(
        planned=planned,
        submitted=sum(by_status[status] for status in TAKEN),
        withheld=dict(sorted(withheld.items())),
        failed=by_status[MessageStatus.FAILED] + by_status[MessageStatus.EXPIRED],
        deferred=by_status[MessageStatus.DEFERRED],
        uncertain=by_status[MessageStatus.UNCERTAIN],
        unclaimed=unclaimed,
        unplanned=unplanned,
    )


def first_digests(session: Session, issue_id: int) -> Receipt | None:
    """Return the receipt of what an issue brought to readers who confirmed after it went out; None when to nobody."""
    mailing = mailings.of_issue(session, issue_id, kind=MailingKind.FIRST)
    return receipt(session, mailing.id) if mailing else None


def _compare(session: Session, mailing_id: int, buckets: set[int]) -> tuple[int, int, int]:
    """Return how many readers are planned, planned without a result, and recorded without a plan.

    ``buckets`` are those with results.
    """
    planned: dict[int, int] = defaultdict(int)
    for batch in mailings.batches(session, mailing_id):
        planned[batch.bucket] |= int.from_bytes(batch.planned, "little")
    unclaimed = unplanned = 0
    for bucket in planned.keys() | buckets:
        recorded = int.from_bytes(bitmap(messages.recorded(session, mailing_id, bucket), bucket), "little")
        unclaimed += (planned[bucket] & ~recorded).bit_count()
        unplanned += (recorded & ~planned[bucket]).bit_count()
    return sum(readers.bit_count() for readers in planned.values()), unclaimed, unplanned
