"""Say what a sender's warm-up leaves for today."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta

from newsletter.domain import warmup
from newsletter.domain.warmup import Step
from newsletter.runtime import logs
from newsletter.store import Session, Transactions, warmups
from newsletter.store.tables import WarmupState

_COUNTED_FOR = timedelta(
    seconds=10
)  # a count of message rows is used that long, less what is decided meanwhile
_LOOK_AGAIN = timedelta(minutes=10)  # when a day is used up: retries of the same readers wait as long
_DAY = timedelta(days=1)
_log = logs.get(__name__)


@dataclass
class _Count:
    """Hold what was left when the rows were counted, and what this process has decided since, and shortly before."""

    counted_at: datetime
    room: int | None
    decided: int = 0
    decided_before: int = 0
    is_void: bool = False

    def counts(self, now: datetime) -> bool:
        """Say whether it is of use still; a new day has a ceiling of its own."""
        is_fresh = self.counted_at <= now < self.counted_at + _COUNTED_FOR
        return is_fresh and not self.is_void and self.counted_at.date() == now.date()

    def maybe_under_way(self, now: datetime) -> int:
        """Return how many messages may stand in no row yet: rather counted twice than not at all."""
        if now - self.counted_at >= 2 * _COUNTED_FOR:
            return 0
        return self.decided + (self.decided_before if self.is_void else 0)


class Ceilings:
    """Count the messages of senders that warm up; ``processes`` share what a day leaves."""

    def __init__(self, transactions: Transactions, *, processes: int) -> None:
        self._transactions = transactions
        self._processes = processes
        self._counts: dict[str, _Count] = {}

    def room(self, from_address: str, now: datetime) -> int | None:
        """Return how many messages of a sender this process may decide on; None: as many as it likes."""
        domain = _domain(from_address)
        count = self._counts.get(domain)
        if count is None or not count.counts(now):
            count = self._counts[domain] = self._counted(domain, count, now)
        if count.room is None:
            return None
        return max(0, count.room - count.decided - count.decided_before)

    def took(self, from_address: str, message_count: int) -> None:
        """Hear how many messages of a sender were decided on."""
        count = self._counts.get(_domain(from_address))
        if count is not None:
            count.decided += message_count

    def opens_at(self, from_address: str, now: datetime) -> datetime:
        """Return when a sender without room should be looked at again."""
        count = self._counts.get(_domain(from_address))
        if count is not None and count.room == 0:
            return min(_next_day(now), now + _LOOK_AGAIN)
        return now + 2 * _COUNTED_FOR

    def throttled(self, session: Session, *, now: datetime) -> None:
        """Halve the ceilings of the senders at work: a receiver asked us to slow down."""
        for domain, count in self._counts.items():
            row = None if count.room is None else warmups.lock(session, domain)
            if row is None:
                continue
            step = warmup.halve(warmups.warmup_of(row), today=now.date())
            if step.why:
                warmups.keep(row, step, on=now.date())
                _log.warning("warmup_halved", domain=domain, ceiling=step.warmup.ceiling)
            count.is_void = True

    def _counted(self, domain: str, before: _Count | None, now: datetime) -> _Count:
        with self._transactions() as session:
            room = self._room(session, domain, now)
        return _Count(now, room, decided_before=0 if before is None else before.maybe_under_way(now))

    def _room(self, session: Session, domain: str, now: datetime) -> int | None:
        row = warmups.lock(session, domain)
        if row is None:
            return None
        self._go_on(session, row, now)
        if row.day >= warmup.DAYS:
            return None
        midnight = datetime.combine(now.date(), time(), UTC)
        left = max(0, row.ceiling - warmups.used_count(session, domain, since=midnight))
        return -(-left // self._processes)

    def _go_on(self, session: Session, row: WarmupState, now: datetime) -> None:
        """Begin a new day when it is one; note that the sender is at work."""
        state, today = warmups.warmup_of(row), now.date()
        if state.set_on < today:
            health = warmups.health(session, row.domain, since=now - _DAY)
            step = warmup.next_day(state, health, today=today)
            warmups.keep(row, step, on=today)
            _log.info("warmup_day", domain=row.domain, ceiling=step.warmup.ceiling, why=step.why)
            state = step.warmup
        if state.used_on != today:
            warmups.keep(row, Step(replace(state, used_on=today), ""), on=today)


def _next_day(now: datetime) -> datetime:
    """Return when a new day's ceiling counts."""
    return datetime.combine(now.date() + _DAY, time(), UTC)


def _domain(from_address: str) -> str:
    return from_address.rpartition("@")[2].lower()
