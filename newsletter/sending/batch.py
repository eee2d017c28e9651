"""Keep the account of one claimed batch: whom it still has to decide for, what is under way, what has ended."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from functools import partial
from itertools import islice

from newsletter.domain import schedules, waves
from newsletter.domain.mailings import (
    BUCKET_SIZE,
    Lane,
    MailingStatus,
    MessageStatus,
    PlannedMessage,
    WithheldReason,
    members,
)
from newsletter.domain.outcomes import SmtpReply
from newsletter.runtime.clock import Clock
from newsletter.runtime.settings import Settings
from newsletter.sending import context as contexts
from newsletter.sending import decide, record, recover, subjects
from newsletter.sending.context import Context
from newsletter.sending.decide import Decided
from newsletter.sending.results import NO_CODE, Origin, Result
from newsletter.sending.throttle import Throttle
from newsletter.store import Session, Transactions, leases, mailings, messages, windows
from newsletter.store.leases import Claim
from newsletter.store.messages import MessageRow
from newsletter.store.tables import MessageDetail

PAUSE = timedelta(seconds=30)  # before a relay that did not answer, or a batch that failed, is tried again
_LEASE_PART = 0.75  # no message is begun in the last quarter of a lease


@dataclass(kw_only=True)
class Tools:
    """Hold what a drain works with; ``holder`` names this worker in leases and its journal."""

    transactions: Transactions
    throttle: Throttle
    settings: Settings
    clock: Clock
    holder: str
    contexts: dict[int, Context] = field(default_factory=dict)

    @property
    def lease(self) -> timedelta:
        """Return how long a bucket stays with a worker that is not heard of."""
        return timedelta(seconds=self.settings.lease_seconds)

    def lease_end(self) -> float:
        """Return, on the monotonic clock, until when a lease renewed now lets messages begin."""
        return self.clock.monotonic() + _LEASE_PART * self.settings.lease_seconds

    def context(self, mailing_id: int) -> Context:
        """Return a mailing ready to compose from; loaded once a drain."""
        if mailing_id not in self.contexts:
            with self.transactions() as session:
                self.contexts[mailing_id] = contexts.load(session, mailing_id, settings=self.settings)
        return self.contexts[mailing_id]


class Stop(Enum):
    """Say why the work on a batch ends before the batch does."""

    MAILING = auto()  # paused or cancelled
    DRAIN = auto()  # the drain's time is over, or the process is asked to stop
    URGENT = auto()  # another mailing goes first
    LEASE = auto()  # it runs out, or another worker has it
    RELAY = auto()
    FAULT = auto()  # ours


class Item:
    """One message of an open window, on its way to a relay; ``is_begun``: its body may go out."""

    __slots__ = ("is_begun", "origin", "planned", "window_id", "work")

    def __init__(self, work: BatchWork, window_id: int, planned: PlannedMessage, origin: Origin) -> None:
        self.work = work
        self.window_id = window_id
        self.planned = planned
        self.origin = origin
        self.is_begun = False


@dataclass(frozen=True)
class Decision:
    """Hold what a transaction decided, until it is known to be committed."""

    due_count: int  # of messages tried again
    fresh_count: int
    decided: Decided


class BatchWork:
    """Hold a claimed batch while a drain works on it. What a transaction did counts once it is committed."""

    def __init__(self, tools: Tools, claim: Claim, context: Context) -> None:
        """Take a claim whose lease has just been renewed."""
        self.claim = claim
        self.context = context
        self.lane = Lane(context.mailing.lane)
        self.lease_ends_at = tools.lease_end()
        self.stop: Stop | None = None
        self.fault: str | None = None
        self.held: set[int | None] = set()  # destinations for which readers were left for later
        self._overdue_at: datetime | None = None  # from then on a later issue takes the place of this one
        self._quiet_until: datetime | None = None  # readers were left whose quiet hours end then
        self._tools = tools
        self._policy = tools.settings.uncertain_policy
        self._from_address = context.frozen.identity.from_address
        self._started_at = context.mailing.started_at.timestamp()
        self._fresh: deque[int] = deque()
        self._room: int | None = None  # what the sender's ceiling leaves; None: there is none
        self._due: deque[MessageDetail] = deque()  # what falls due meanwhile waits for the next claim
        self._open: dict[int, int] = {}  # messages of each open window that have not ended
        self._accepted: list[tuple[Item, int, float]] = []  # code, and when in Unix seconds
        self._results: list[tuple[Item, Result]] = []
        self._has_fault_shown = context.mailing.fault is not None

    def start(self) -> None:
        """Account for what earlier workers left open; find the planned readers that have no result."""
        now = self._tools.clock.now()
        with self._tools.transactions() as session:
            recover.recover(
                session, self.claim, folder=self._tools.settings.journal_dir, now=now, policy=self._policy
            )
            if mailings.status(session, self.context.mailing.id) is MailingStatus.CANCELLED:
                record.cancel_rest(session, self.context.mailing, self.claim, now=now)
                return
            self.context = subjects.with_winner(session, self.context, now=now)
            batch = mailings.get_batch(session, self.claim.batch_id)
            known = set(messages.recorded(session, self.context.mailing.id, batch.bucket))
            self._due.extend(messages.due_details(session, self.claim.batch_id, now=now, limit=BUCKET_SIZE))
        due_at = waves.due_at(batch.wave, started_at=self.context.mailing.started_at)
        self._overdue_at = due_at + self.context.spread + schedules.LATE_LIMIT
        self._fresh.extend(reader for reader in members(batch.planned, batch.bucket) if reader not in known)

    @property
    def has_more(self) -> bool:
        """Say whether somebody may have to be decided for."""
        return self.stop is None and bool(self._due or self._fresh)

    @property
    def has_news(self) -> bool:
        """Say whether something has ended that is not recorded, be it a window."""
        return bool(self._accepted or self._results) or not all(self._open.values())

    @property
    def is_over(self) -> bool:
        """Say whether nothing is under way and nothing left to do."""
        return not self.has_more and not any(self._open.values())

    @property
    def open_windows(self) -> set[int]:
        """Return the windows that are not closed."""
        return set(self._open)

    def halt(self, reason: Stop, fault: str | None = None) -> None:
        """Begin nothing more; what is under way is waited for. The first reason stays."""
        self.stop = self.stop or reason
        self.fault = self.fault or fault

    def look_at_ceiling(self) -> None:
        """Learn what the sender's ceiling leaves for today; with nothing left the rest of the batch waits."""
        self._room = self._tools.throttle.sender_room(self._from_address, self._tools.clock.now())

    def decide(self, session: Session, limit: int) -> Decision | None:
        """Write the next window down; None when nobody is left that is due."""
        now = self._tools.clock.now()
        is_expired = now >= self.context.mailing.expires_at
        if self._room == 0 and not is_expired:
            return Decision(len(self._due), len(self._fresh), Decided(None, (), {}, ()))
        if self._room:
            limit = min(limit, self._room)
        if self._due:
            return self._decide_due(session, list(islice(self._due, limit)), now=now)
        if not self._fresh:
            return None  # the mailing was cancelled, or everybody has a result
        some = list(islice(self._fresh, limit))
        if is_expired:
            decided = decide.expired(self.context, some, now=now)
            return self._written(session, decided, fresh_count=len(some))
        if self._is_overtaken(session, now=now):
            decided = decide.superseded(self.context, some, now=now)
            return self._written(session, decided, fresh_count=len(some))
        is_held = partial(self._tools.throttle.is_held, lane=self.lane)
        decided = decide.decide_fresh(session, self.context, self.claim, some, now=now, is_held=is_held)
        return self._written(session, decided, fresh_count=len(some))

    def _is_overtaken(self, session: Session, *, now: datetime) -> bool:
        """Say whether, as after downtime, these readers would get two issues at once."""
        if self._overdue_at is None or now < self._overdue_at or self.lane is not Lane.BULK:
            return False
        return mailings.is_superseded(session, self.context.mailing)

    def _decide_due(self, session: Session, due: list[MessageDetail], *, now: datetime) -> Decision:
        if mailings.is_superseded(session, self.context.mailing):
            decided = decide.retries_expired(session, self.claim, due, now=now)
        else:
            decided = decide.decide_retries(session, self.context, self.claim, due, now=now)
        return self._written(session, decided, due_count=len(due))

    def _written(
        self, session: Session, decided: Decided, *, due_count: int = 0, fresh_count: int = 0
    ) -> Decision:
        record.results(session, self.context.mailing, self.claim, decided.settled, policy=self._policy)
        return Decision(due_count, fresh_count, decided)

    def accept(self, decision: Decision | None) -> list[Item]:
        """Take a committed decision on; return the messages that it sends out."""
        if decision is None:
            return []
        decided = decision.decided
        for _ in range(decision.due_count):
            self._due.popleft()
        for _ in range(decision.fresh_count):
            self._fresh.popleft()
        self.held.update(decided.held)
        self._quiet_until = min(filter(None, (self._quiet_until, decided.quiet_until)), default=None)
        if decided.window_id is None:
            return []
        self._open[decided.window_id] = len(decided.messages)
        self._tools.throttle.sender_took(self._from_address, len(decided.messages))
        return [
            Item(self, decided.window_id, planned, decided.origins[planned.subscriber_id])
            for planned in decided.messages
        ]

    def give_back(self, item: Item, *, is_held: bool = False) -> None:
        """Take a message back of which no byte went out: it may be decided again."""
        self._open[item.window_id] -= 1
        if is_held:
            self.held.add(item.planned.domain_id)
        elif not item.planned.is_retry:
            self._fresh.append(item.planned.subscriber_id)

    def accepted(self, item: Item, code: int, at: float) -> None:
        """Hear that the relay took a message; ``at`` in Unix seconds."""
        if item.planned.is_retry:
            self.ended(item, MessageStatus.SUBMITTED, SmtpReply(code, None, ""))
            return
        self._open[item.window_id] -= 1
        self._accepted.append((item, code, at))

    def ended(
        self, item: Item, status: MessageStatus, reply: SmtpReply | None, *, code: int | None = None
    ) -> None:
        """Hear of any other end of an attempt; ``code`` when it is no relay's."""
        self._open[item.window_id] -= 1
        result = Result(
            planned=item.planned,
            origin=item.origin,
            status=status,
            code=code if code is not None else reply.code if reply else NO_CODE,
            at=self._tools.clock.now(),
            reply=reply,
        )
        self._results.append((item, result))

    def unusable(self, item: Item) -> None:
        """Withhold a message that cannot be written."""
        self.ended(item, MessageStatus.WITHHELD, None, code=WithheldReason.ADDRESS_UNUSABLE)

    def record(self, session: Session) -> None:
        """Write down what has ended; close the windows of which everything has."""
        if not self.has_news:
            return
        mailing, now = self.context.mailing, self._tools.clock.now()
        messages.append(session, self._rows())
        ended = [result for _, result in self._results]
        record.results(session, mailing, self.claim, ended, policy=self._policy)
        for window_id, left in self._open.items():
            if not left:
                windows.close(session, window_id, now=now)
        if self._has_fault_shown and self._accepted:
            mailings.note_fault(session, mailing.id, None)

    def record_late(self, session: Session) -> None:
        """Write down what ended after the lease had passed on.

        Windows that the new holder has not come to are recorded as usual; for the others it is evidence.
        """
        if not self.has_news:
            return
        mailing, now = self.context.mailing, self._tools.clock.now()
        news = [*self._results, *((item, _plain(item, code, now)) for item, code, _ in self._accepted)]
        for window_id in self._open:
            ended = [result for item, result in news if item.window_id == window_id]
            if windows.lock_open(session, window_id):
                record.results(session, mailing, self.claim, ended, policy=self._policy)
            else:
                record.late(session, mailing, window_id, ended)

    def settle(self, session: Session) -> None:
        """Say where the batch stands, and give the bucket back."""
        now = self._tools.clock.now()
        record.settle(session, self.claim, now=now, pause=self._pause(now))
        if self.fault is not None:
            mailings.note_fault(session, self.context.mailing.id, self.fault)
        leases.release(session, self.claim)

    def recorded(self) -> None:
        """Hear that the record is committed."""
        self._has_fault_shown = self._has_fault_shown and not self._accepted
        self._accepted.clear()
        self._results.clear()
        self._open = {window_id: left for window_id, left in self._open.items() if left}

    def _rows(self) -> list[MessageRow]:
        mailing_id, status = self.claim.mailing_id, MessageStatus.SUBMITTED.value
        return [
            (mailing_id, p.subscriber_id, max(0, int(at - self._started_at)), code, status, p.picks)
            for p, code, at in ((item.planned, code, at) for item, code, at in self._accepted)
        ]

    def _pause(self, now: datetime) -> timedelta | None:
        if self.stop in (Stop.RELAY, Stop.FAULT):
            return PAUSE
        if self._room == 0:
            return self._tools.throttle.sender_opens_at(self._from_address, now) - now
        held_until = self._tools.throttle.hold_until(self.held) if self.held else None
        until = min(filter(None, (held_until, self._quiet_until)), default=None)
        if until is None:
            return None
        return max(min(until, self.context.mailing.expires_at) - now, timedelta(seconds=1))


def _plain(item: Item, code: int, at: datetime) -> Result:
    return Result(
        planned=item.planned,
        origin=item.origin,
        status=MessageStatus.SUBMITTED,
        code=code,
        at=at,
        reply=SmtpReply(code, None, ""),
    )
