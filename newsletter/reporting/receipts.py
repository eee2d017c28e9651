"""Account for every planned reader of a mailing: every number is counted, none is computed from the others."""

from __future__ import annotations

from collections import Counter, defaultdict

from newsletter.domain.mailings import BatchStatus, MessageStatus, Receipt, WithheldReason, members
from newsletter.store import Session, mailings, messages
from newsletter.store.tables import Batch


def receipt(session: Session, mailing_id: int) -> Receipt:
    """Return the receipt of a mailing as it stands.

    A settled batch with as many results as planned readers is taken by its counts; any other is compared reader
    by reader.
    """
    tally = messages.tally(session, mailing_id)
    recorded_counts: Counter[int] = Counter()
    by_status: Counter[MessageStatus] = Counter()
    withheld: Counter[str] = Counter()
    for (bucket, status, code), count in tally.items():
        recorded_counts[bucket] += count
        by_status[status] += count
        if status is MessageStatus.WITHHELD:
            withheld[WithheldReason(code).name.lower()] += count
    planned, unclaimed, unplanned = _compare(session, mailing_id, recorded_counts)
    return Receipt(
        planned=planned,
        submitted=by_status[MessageStatus.SUBMITTED],
        withheld=dict(sorted(withheld.items())),
        failed=by_status[MessageStatus.FAILED] + by_status[MessageStatus.EXPIRED],
        deferred=by_status[MessageStatus.DEFERRED],
        uncertain=by_status[MessageStatus.UNCERTAIN],
        unclaimed=unclaimed,
        unplanned=unplanned,
    )


def _compare(session: Session, mailing_id: int, recorded_counts: Counter[int]) -> tuple[int, int, int]:
    """Return how many readers are planned, planned without a result, and recorded without a plan."""
    by_bucket: dict[int, list[Batch]] = defaultdict(list)
    for batch in mailings.batches(session, mailing_id):
        by_bucket[batch.bucket].append(batch)
    planned_count = unclaimed = 0
    unplanned = sum(count for bucket, count in recorded_counts.items() if bucket not in by_bucket)
    for bucket, batches in by_bucket.items():
        planned = {reader for batch in batches for reader in members(batch.planned, bucket)}
        planned_count += len(planned)
        is_settled = all(batch.status is BatchStatus.DONE for batch in batches)
        if is_settled and recorded_counts[bucket] == len(planned):
            continue
        recorded = set(messages.recorded(session, mailing_id, bucket))
        unclaimed += len(planned - recorded)
        unplanned += len(recorded - planned)
    return planned_count, unclaimed, unplanned
