"""Import readers who have agreed elsewhere: in bulk, nothing twice, nobody brought back who has left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice

from newsletter.domain.consent import ConsentEvidence
from newsletter.domain.subscriptions import SubscriptionStatus
from newsletter.domain.suppressions import SuppressionScope, scope_of_newsletter
from newsletter.store import (
    Session,
    Transactions,
    consent,
    newsletters,
    subscribers,
    subscriptions,
    suppressions,
)
from newsletter.store.tables import Topic
from newsletter.subscribing import rows
from newsletter.subscribing.rows import Rejection, Row
from newsletter.subscribing.signup import topic_mask

_ROWS_AT_ONCE = 2_000  # keeps a transaction under a quarter of a second
_REJECTIONS_KEPT = 1_000  # with their lines; more are only counted, so that memory stays flat


@dataclass
class ImportReport:
    """Account for every row: read = added + already + rejected.

    ``rejected`` holds the first thousand; ``reasons`` counts all of them.
    """

    read_count: int = 0
    added: int = 0
    already: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def rejected_count(self) -> int:
        """Return how many rows were not imported."""
        return self.reasons.total()

    def reject(self, rejection: Rejection) -> None:
        """Count a row that was not imported."""
        self.reasons[rejection.reason] += 1
        if len(self.rejected) < _REJECTIONS_KEPT:
            self.rejected.append(rejection)


def import_csv(
    transactions: Transactions,
    stream: Iterable[str],
    newsletter_slug: str,
    *,
    evidence: ConsentEvidence,
    progress: Callable[[int], None],
    now: datetime,
) -> ImportReport:
    """Import active readers from CSV; ``progress`` is told the rows done so far.

    Each chunk is a transaction of its own, and a row that is there already counts as such: after a break, the same
    file is simply imported again.
    """
    with transactions() as session:
        newsletter_id = newsletters.by_slug(session, newsletter_slug).id
        topics = newsletters.topics(session, newsletter_id, with_retired=True)
    report = ImportReport()
    parsed = rows.read(stream, now=now)
    while chunk := list(islice(parsed, _ROWS_AT_ONCE)):
        good = _sift(chunk, topics, report)
        with transactions() as session:
            _import(session, newsletter_id, topics, good, report, evidence=evidence, now=now)
        progress(report.read_count)
    return report


def _sift(chunk: Sequence[Row | Rejection], topics: Sequence[Topic], report: ImportReport) -> dict[str, Row]:
    """Return the good rows by address key; count the bad ones and the repeated ones."""
    known = {topic.slug for topic in topics}
    good: dict[str, Row] = {}
    for row in chunk:
        report.read_count += 1
        if isinstance(row, Rejection):
            report.reject(row)
        elif unknown := set(row.topics) - known:
            report.reject(
                Rejection(row.line, "unknown_topic", f"The newsletter has no topic {min(unknown)!r}.")
            )
        elif row.address.is_role:
            report.reject(
                Rejection(row.line, "role_address", "The address belongs to a machine or an office.")
            )
        elif row.address.key in good:
            report.already += 1
        else:
            good[row.address.key] = row
    return good


def _import(
    session: Session,
    newsletter_id: int,
    topics: Sequence[Topic],
    good: dict[str, Row],
    report: ImportReport,
    *,
    evidence: ConsentEvidence,
    now: datetime,
) -> None:
    scopes = (SuppressionScope.BULK, scope_of_newsletter(newsletter_id))
    suppressed = suppressions.active_keys(session, list(good), now, scopes=scopes)
    for key in sorted(suppressed, key=lambda key: good[key].line):
        report.reject(Rejection(good.pop(key).line, "suppressed", "The address must not get mail."))
    ids = subscribers.ensure_many(
        session,
        ((r.address, r.name, r.language) for r in good.values()),
        zones={key: row.zone for key, row in good.items() if row.zone},
        now=now,
    )
    by_id = {ids[key]: row for key, row in good.items()}
    standings = subscriptions.standings(session, newsletter_id, list(by_id))
    new = {reader: row for reader, row in by_id.items() if reader not in standings}
    added = subscriptions.add_active(session, _subscriptions(newsletter_id, topics, new, now=now))
    waiting = [r for r, (status, has_ended) in standings.items() if _may_confirm(status, has_ended=has_ended)]
    added |= subscriptions.activate_many(session, newsletter_id, waiting, now=now)
    consent.add_imported(
        session, newsletter_id, ((r, _evidence(by_id[r], evidence)) for r in sorted(added)), now=now
    )
    report.added += len(added)
    _account_for_others(by_id, standings, added, report)


def _may_confirm(status: SubscriptionStatus, *, has_ended: bool) -> bool:
    return status is SubscriptionStatus.PENDING and not has_ended


def _account_for_others(
    by_id: Mapping[int, Row],
    standings: Mapping[int, tuple[SubscriptionStatus, bool]],
    added: set[int],
    report: ImportReport,
) -> None:
    for reader, row in by_id.items():
        if reader in added:
            continue
        status, _ = standings.get(reader, (SubscriptionStatus.ACTIVE, False))
        if status is SubscriptionStatus.ACTIVE:
            report.already += 1
        else:
            report.reject(
                Rejection(row.line, "has_left", "The reader has left; only a new signup brings them back.")
            )


def _subscriptions(
    newsletter_id: int, topics: Sequence[Topic], new: Mapping[int, Row], *, now: datetime
) -> list[dict[str, object]]:
    return [
        {
            "subscriber_id": reader,
            "newsletter_id": newsletter_id,
            "topics": topic_mask(topics, row.topics) if row.topics else 0,
            "cadence": row.cadence,
            "hour": row.hour,
            "snoozed_until": row.snoozed_until,
            "requested_at": row.confirmed_at or now,
            "confirmed_at": row.confirmed_at or now,
        }
        for reader, row in new.items()
    ]


def _evidence(row: Row, evidence: ConsentEvidence) -> ConsentEvidence:
    return replace(
        evidence,
        form_text=row.consent or evidence.form_text,
        page_url=row.source or evidence.page_url,
        extra=evidence.extra
        | {"line": row.line}
        | ({"confirmed_at": row.confirmed_at.isoformat()} if row.confirmed_at else {}),
    )
