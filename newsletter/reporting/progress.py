"""Say how far a mailing is, how fast it goes and when it will be through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.domain.mailings import TAKEN, MailingStatus, MessageStatus
from newsletter.store import Session, mailings, progress

_LATELY = timedelta(
    seconds=10
)  # long enough to even out windows, short enough to show a relay that slows down


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Hold where a mailing stands; ``rate`` in results a second, ``ends_at`` None when nothing moves.

    ``failed`` includes expired. These are counts for watching; the receipt compares reader by reader.
    """

    status: MailingStatus
    fault: str | None
    planned: int
    done: int
    submitted: int
    withheld: int
    failed: int
    deferred: int
    uncertain: int
    rate: float
    ends_at: datetime | None

    def as_dict(self) -> dict[str, object]:
        """Return the numbers as the documented JSON object."""
        return {
            "planned": self.planned,
            "done": self.done,
            "submitted": self.submitted,
            "withheld": self.withheld,
            "failed": self.failed,
            "deferred": self.deferred,
            "uncertain": self.uncertain,
            "rate": round(self.rate, 1),
            "ends_at": self.ends_at,
        }


def progress_of(session: Session, mailing_id: int, *, now: datetime) -> Progress:
    """Count the results of a mailing as they stand."""
    mailing = mailings.get(session, mailing_id)
    elapsed = max(now - mailing.started_at, timedelta(0))
    lately = min(_LATELY, max(elapsed, timedelta(seconds=1)))
    since = int((elapsed - lately).total_seconds()) + 1 if elapsed > lately else 0
    counts = progress.by_status(session, mailing_id, since=since)
    planned = mailings.planned_count(session, mailing_id)
    done = sum(count.total for count in counts.values())
    rate = sum(count.lately for count in counts.values()) / lately.total_seconds()
    is_moving = rate > 0 and done < planned

    def total(*statuses: MessageStatus) -> int:
        return sum(counts[status].total for status in statuses if status in counts)

    return Progress(
        status=mailing.status,
        fault=mailing.fault,
        planned=planned,
        done=done,
        submitted=total(*TAKEN),
        withheld=total(MessageStatus.WITHHELD),
        failed=total(MessageStatus.FAILED, MessageStatus.EXPIRED),
        deferred=total(MessageStatus.DEFERRED),
        uncertain=total(MessageStatus.UNCERTAIN),
        rate=rate,
        ends_at=now + timedelta(seconds=(planned - done) / rate) if is_moving else None,
    )
