"""Do the work on one claimed batch, window by window: decide and commit, submit, record and commit."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

from newsletter.domain.errors import StaleLease, TransportUnavailable
from newsletter.domain.mailings import WINDOW_SIZE, MailingStatus, members
from newsletter.runtime import logs
from newsletter.runtime.clock import Clock
from newsletter.runtime.settings import Settings
from newsletter.sending import context as contexts
from newsletter.sending import decide, record, recover
from newsletter.sending.context import Context
from newsletter.sending.decide import Decided
from newsletter.sending.results import Result, attempt, in_doubt
from newsletter.store import OperationalError, Session, Transactions, leases, mailings, messages, windows
from newsletter.store.leases import Claim
from newsletter.transports.base import Transport

_LEASE_PART = 0.75  # no message is begun in the last quarter of a lease
_LOOK_EVERY = timedelta(milliseconds=250)  # for pause and cancel
_PAUSE = timedelta(seconds=30)  # before a relay that did not answer, or a batch that failed, is tried again
_RECORD_PAUSES = (0.5, 1, 2, 4, 8, 15, 30, 60)  # seconds; in two minutes a database has restarted
_log = logs.get(__name__)


@dataclass(kw_only=True)
class Tools:
    """Hold what a drain works with; ``holder`` names this worker in leases, ``is_over`` tells it to stop."""

    transactions: Transactions
    transport: Transport
    settings: Settings
    clock: Clock
    holder: str
    is_over: Callable[[], bool]
    contexts: dict[int, Context] = field(default_factory=dict)

    @property
    def lease(self) -> timedelta:
        """Return how long a bucket stays with a worker that is not heard of."""
        return timedelta(seconds=self.settings.lease_seconds)

    def context(self, mailing_id: int) -> Context:
        """Return a mailing ready to compose from; loaded once a drain."""
        if mailing_id not in self.contexts:
            with self.transactions() as session:
                self.contexts[mailing_id] = contexts.load(session, mailing_id, settings=self.settings)
        return self.contexts[mailing_id]


class Stop(Enum):
    """Say why the work on a batch ended before the batch did."""

    MAILING = auto()  # paused or cancelled
    DRAIN = auto()  # the drain's time is over, or the process is asked to stop
    LEASE = auto()
    RELAY = auto()


class BatchWork:
    """Work on one batch; raise StaleLease when another worker has taken over."""

    def __init__(self, tools: Tools, claim: Claim) -> None:
        """Take a claim just made."""
        self.message_count = 0
        self._tools = tools
        self._claim = claim
        self._policy = tools.settings.uncertain_policy
        self._stop: Stop | None = None
        self._fault: str | None = None
        self._lease_ends_at = self._lease_end()
        self._looked_at = tools.clock.monotonic()

    def run(self) -> Stop | None:
        """Account for what earlier workers left open, then go through the readers; return why it ended early."""
        now = self._tools.clock.now()
        with self._tools.transactions() as session:
            recover.recover(session, self._claim, now=now, policy=self._policy)
        context = self._tools.context(self._claim.mailing_id)
        fresh = self._fresh(context)
        while self._stop is None:
            decided = self._decide(context, fresh)
            if decided is None:
                break
            ended: list[Result] = []
            try:
                self._submit(context, decided, ended)
            finally:  # whatever went wrong, what the relay has said stands nowhere else
                self._record(context, decided, ended)
        self._settle(context)
        return self._stop

    def put_off(self) -> None:
        """Let the other batches go first: this one failed, and nobody knows why."""
        with self._tools.transactions() as session:
            mailings.put_off(session, self._claim.batch_id, until=self._tools.clock.now() + _PAUSE)

    def _fresh(self, context: Context) -> deque[int]:
        """Return the planned readers that have no result; those of a cancelled mailing get theirs here."""
        with self._tools.transactions() as session:
            if mailings.status(session, context.mailing.id) is MailingStatus.CANCELLED:
                record.cancel_rest(session, context.mailing, self._claim, now=self._tools.clock.now())
                return deque()
            batch = mailings.get_batch(session, self._claim.batch_id)
            known = set(messages.recorded(session, context.mailing.id, batch.bucket))
            return deque(reader for reader in members(batch.planned, batch.bucket) if reader not in known)

    def _decide(self, context: Context, fresh: deque[int]) -> Decided | None:
        """Commit the next window; None when nobody is left that is due."""
        with self._tools.transactions() as session:
            leases.renew(session, self._claim, lease=self._tools.lease)
            decided = self._decide_in(session, context, fresh)
            if decided is not None:
                record.results(session, context.mailing, self._claim, decided.settled, policy=self._policy)
        self._lease_ends_at = self._lease_end()
        return decided

    def _decide_in(self, session: Session, context: Context, fresh: deque[int]) -> Decided | None:
        now = self._tools.clock.now()
        due = messages.due_details(session, self._claim.batch_id, now=now, limit=WINDOW_SIZE)
        if due:
            return decide.decide_retries(session, context, self._claim, due, now=now)
        if not fresh:
            return None
        some = [fresh.popleft() for _ in range(min(WINDOW_SIZE, len(fresh)))]
        if now >= context.mailing.expires_at:
            return decide.expired(context, some, now=now)
        return decide.decide_fresh(session, context, self._claim, some, now=now)

    def _submit(self, context: Context, decided: Decided, ended: list[Result]) -> None:
        """Hand the window's messages over until something says stop; what was not begun has no result.

        A message is in doubt until its attempt says otherwise: a fault of ours may come at any instant.
        """
        for planned in decided.messages:
            self._stop = self._reason_to_stop(context)
            if self._stop is not None:
                return
            origin = decided.origins[planned.subscriber_id]
            ended.append(in_doubt(planned, origin, at=self._tools.clock.now()))
            try:
                ended[-1] = attempt(
                    self._tools.transport,
                    context.composer,
                    planned,
                    origin,
                    mailing_id=context.mailing.id,
                    clock=self._tools.clock,
                )
            except TransportUnavailable as error:
                ended.pop()
                self._stop, self._fault = Stop.RELAY, str(error)
                _log.error("relay_unavailable", mailing=context.mailing.id, fault=self._fault)
                return
            self.message_count += 1

    def _record(self, context: Context, decided: Decided, ended: Sequence[Result]) -> None:
        if decided.window_id is None:
            return
        for pause in _RECORD_PAUSES:
            try:
                self._record_in(context, decided.window_id, ended)
                break
            except OperationalError:
                # These results exist nowhere else, so a database that restarts is waited for.
                _log.warning("database_away", batch=self._claim.batch_id, seconds=pause)
                time.sleep(pause)
        else:
            self._record_in(context, decided.window_id, ended)
        self._lease_ends_at = self._lease_end()

    def _record_in(self, context: Context, window_id: int, ended: Sequence[Result]) -> None:
        try:
            with self._tools.transactions() as session:
                leases.renew(session, self._claim, lease=self._tools.lease)
                self._close(session, context, window_id, ended)
                if ended:
                    mailings.note_fault(session, context.mailing.id, None)
        except StaleLease:
            with self._tools.transactions() as session:
                if windows.lock_open(session, window_id):  # the new holder has not come to it yet
                    self._close(session, context, window_id, ended)
                else:
                    record.late(session, context.mailing, window_id, ended)
            raise

    def _close(self, session: Session, context: Context, window_id: int, ended: Sequence[Result]) -> None:
        record.results(session, context.mailing, self._claim, ended, policy=self._policy)
        windows.close(session, window_id, now=self._tools.clock.now())

    def _settle(self, context: Context) -> None:
        pause = _PAUSE if self._stop is Stop.RELAY else None
        with self._tools.transactions() as session:
            leases.renew(session, self._claim, lease=self._tools.lease)
            record.settle(session, self._claim, now=self._tools.clock.now(), pause=pause)
            if self._fault is not None:
                mailings.note_fault(session, context.mailing.id, self._fault)

    def _reason_to_stop(self, context: Context) -> Stop | None:
        now = self._tools.clock.monotonic()
        if self._tools.is_over():
            return Stop.DRAIN
        if now >= self._lease_ends_at:
            return Stop.LEASE
        if now - self._looked_at < _LOOK_EVERY.total_seconds():
            return None
        self._looked_at = now
        with self._tools.transactions() as session:
            is_running = mailings.status(session, context.mailing.id) is MailingStatus.RUNNING
        return None if is_running else Stop.MAILING

    def _lease_end(self) -> float:
        return self._tools.clock.monotonic() + _LEASE_PART * self._tools.settings.lease_seconds
