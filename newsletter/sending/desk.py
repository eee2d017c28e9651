"""Feed the engine: claim batches, decide windows, compose messages, record what became of them.

Everything runs in the engine's thread. At any moment at most WINDOW_SIZE readers stand in open windows without a
result: what the loss of a whole machine can leave in doubt. So a window is decided in the transaction that records
the one before it, and is smaller by what is still under way.
"""

from __future__ import annotations

import time
from collections import deque

from newsletter.domain.errors import InvalidInput
from newsletter.domain.mailings import WINDOW_SIZE, Lane, MailingStatus, MessageStatus
from newsletter.domain.outcomes import SmtpReply
from newsletter.runtime import logs
from newsletter.sending.batch import PAUSE, BatchWork, Decision, Item, Stop, Tools
from newsletter.sending.journal import Journal
from newsletter.store import OperationalError, Session, leases, mailings
from newsletter.transports.base import Named, Submission, Verdict

LOOK_EVERY = 0.25  # seconds between two looks for pause, cancel, urgent mailings and new tokens
# Seconds; in two minutes a database has restarted. Looked for often, so that leases are renewed as soon as it is back:
# from a worker that lives, another one takes a bucket with everything of its window in doubt.
_RECORD_PAUSES = (0.5, 1, *(2,) * 60)
_TURNED_AT_ONCE = 16  # messages passed over in one search for one that its destination's rate lets go
_STATUS = {
    Verdict.REFUSED: MessageStatus.FAILED,
    Verdict.DEFERRED: MessageStatus.DEFERRED,
    Verdict.UNCERTAIN: MessageStatus.UNCERTAIN,
}
_log = logs.get(__name__)


class Desk:
    """Be the source of one drain's engine."""

    def __init__(self, tools: Tools) -> None:
        """Open the journal; nothing is claimed yet."""
        self.is_open = True
        self.message_count = 0
        self.batch_count = 0
        self._tools = tools
        self._throttle = tools.throttle
        self._monotonic = tools.clock.monotonic
        self._journal = Journal(tools.settings.journal_dir, tools.holder)
        self._works: list[BatchWork] = []
        self._ready: deque[Item] = deque()
        self._under_way: set[Item] = set()  # what the engine has
        self._at = time.monotonic()
        self._now = tools.clock.now().timestamp()
        self._looked_at = self._at
        self._found_nothing_at: float | None = None
        self._away_count = 0  # failures of the database in a row
        self._away_until = 0.0
        self._taken_since_look = False
        self._is_broken = False  # an exception came out of the engine: it may not have noted what it did

    # What the engine asks.

    def next(self, relay: Named) -> Submission | None:
        """Return the next message that its rate lets go, composed."""
        if not self._ready and not self._refill():
            return None
        for _ in range(min(len(self._ready), _TURNED_AT_ONCE)):
            item = self._ready.popleft()
            planned, work = item.planned, item.work
            if not self._throttle.take(relay.name, planned.domain_id, work.lane):
                self._ready.append(item)
                continue
            try:
                envelope, message = work.context.composer.message(
                    planned=planned,
                    mailing_id=work.claim.mailing_id,
                    planned_at=item.origin.planned_at,
                    key_ids=item.origin.key_ids,
                )
            except InvalidInput:
                work.unusable(item)
                continue
            self._under_way.add(item)
            self._taken_since_look = True
            return Submission(envelope, message, is_prepared=True, tag=item)
        return None

    def begin(self, submission: Submission) -> bool:
        """Note a message in the journal; False when nothing of its batch may go out any more."""
        item: Item = submission.tag
        work = item.work
        if not self.is_open or work.stop is not None:
            return False
        if self._monotonic() >= work.lease_ends_at:
            work.halt(Stop.LEASE)
            return False
        self._journal.begun(item.window_id, item.planned.subscriber_id)
        item.is_begun = True
        return True

    def flush(self) -> None:
        """Hand the journal to the kernel."""
        self._journal.flush()

    def ended(self, submission: Submission, verdict: Verdict, reply: SmtpReply | None, relay: Named) -> None:
        """Note how an attempt ended."""
        item: Item = submission.tag
        self._under_way.discard(item)
        planned, work = item.planned, item.work
        if verdict is Verdict.ACCEPTED:
            self.message_count += 1
            code = reply.code if reply else 250
            self._journal.accepted(item.window_id, planned.subscriber_id, code)
            work.accepted(item, code, self._now)
            self._throttle.accepted(relay.name, planned.domain_id)
            return
        if verdict is Verdict.UNTRIED:
            if item.is_begun and self._is_broken:
                # Whatever broke in, a signal for example, may have done so between the writing and the note of it.
                work.ended(item, MessageStatus.UNCERTAIN, None)
            else:
                work.give_back(item)
            return
        self.message_count += 1
        status = _STATUS[verdict]
        self._journal.ended(item.window_id, planned.subscriber_id, status, reply)
        work.ended(item, status, reply)
        self._throttle.heard(relay.name, planned.domain_id, reply, now=self._tools.clock.now())

    # What the drain asks.

    @property
    def has_work(self) -> bool:
        """Say whether a batch is held, or may be found."""
        return bool(self._works) or self._found_nothing_at is None

    def keep_time(self) -> None:
        """Do, after each turn of the engine, what is due: look around, record."""
        self._at = time.monotonic()
        self._now = self._tools.clock.now().timestamp()
        if not self._ready:  # otherwise the next body takes along what was noted
            self._journal.flush()
        if self._at - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = self._at
        self._throttle.tick(self._tools.clock.now())
        if self._at < self._away_until or not self._works:
            return
        try:
            self._look()
            self._turn_page(is_deciding=False)
        except OperationalError as error:
            self._database_is_away(error)

    def halt(self, reason: Stop, fault: str | None = None) -> None:
        """Begin nothing more of what is claimed."""
        self._is_broken = self._is_broken or reason is Stop.FAULT
        for work in self._works:
            work.halt(reason, fault)
        self._sort_out()

    def close(self) -> None:
        """Record the rest and give everything back; a database that restarts is waited for."""
        self.is_open = False
        self.halt(Stop.DRAIN)
        for item in self._under_way:  # a fault of ours kept us from hearing of these
            item.work.ended(item, MessageStatus.UNCERTAIN, None)
        self._under_way.clear()
        try:
            self._record_rest()
        finally:
            is_clean = not any(work.open_windows for work in self._works)
            self._journal.close(keep=not is_clean)

    def _record_rest(self) -> None:
        for pause in _RECORD_PAUSES:
            try:
                self._turn_page(is_deciding=False)
                return
            except OperationalError:
                # These results stand nowhere else but in the journal.
                _log.warning("database_away", seconds=pause)
                time.sleep(pause)
        self._turn_page(is_deciding=False)

    # Claiming, deciding and recording.

    def _refill(self) -> bool:
        """Decide the next window; False when there is nothing to do, or not now."""
        if not self.is_open or self._at < self._away_until:
            return False
        if self._found_nothing_at is not None and self._at - self._found_nothing_at < LOOK_EVERY:
            return False
        try:
            while not self._ready:
                if not any(work.has_more for work in self._works) and not self._claim_next():
                    return False
                self._look_at_ceilings()
                self._turn_page(is_deciding=True)
        except OperationalError as error:
            self._database_is_away(error)
            return False
        return True

    def _claim_next(self) -> bool:
        """Give back what is over, because the next batch may stand in the same bucket; claim."""
        if any(work.is_over for work in self._works):
            self._turn_page(is_deciding=False)
        return self._claim()

    def _claim(self) -> bool:
        tools = self._tools
        with tools.transactions() as session:
            claim = leases.claim(session, holder=tools.holder, lease=tools.lease, now=tools.clock.now())
        self._found_nothing_at = self._at if claim is None else None
        if claim is None:
            return False
        self.batch_count += 1
        try:
            work = BatchWork(tools, claim, tools.context(claim.mailing_id))
            work.start()
        except Exception:
            # Nobody knows why; the other batches go first.
            with tools.transactions() as session:
                mailings.put_off(session, claim.batch_id, until=tools.clock.now() + PAUSE)
                leases.release(session, claim)
            raise
        self._works.append(work)
        return True

    def _look_at_ceilings(self) -> None:
        """Ask how many messages the senders that are warmed up may send yet; asking may take a transaction."""
        for work in self._works:
            if work.has_more:
                work.look_at_ceiling()

    def _turn_page(self, *, is_deciding: bool) -> None:
        """Record what has ended and decide what comes next, in one transaction."""
        work = next((work for work in self._works if work.has_more), None) if is_deciding else None
        decision: Decision | None = None
        with self._tools.transactions() as session:
            lost = self._record(session)
            if work is not None and work.claim.batch_id not in lost:
                decision = work.decide(session, max(1, WINDOW_SIZE - len(self._under_way)))
        self._committed(lost)
        if work is not None and work.claim.batch_id not in lost:
            self._ready.extend(work.accept(decision))

    def _committed(self, lost: set[int]) -> None:
        """Take a committed record on."""
        self._away_count = 0
        lease_ends_at = self._tools.lease_end()
        over = [work for work in self._works if work.is_over]  # as they were when they were settled
        for work in self._works:
            work.recorded()
            if work.claim.batch_id not in lost:
                work.lease_ends_at = lease_ends_at
            elif work.stop is not Stop.LEASE:
                work.halt(Stop.LEASE)
                _log.warning("lease_lost", batch=work.claim.batch_id, epoch=work.claim.epoch)
        if over:
            self._works = [work for work in self._works if work not in over]
            self._found_nothing_at = None  # their buckets are free for others
        self._sort_out()
        if not any(work.open_windows for work in self._works):
            self._journal.forget()

    def _record(self, session: Session) -> set[int]:
        """Renew all leases, record and settle; return the batches that others have taken over."""
        claims = [work.claim for work in self._works]
        lost = leases.renew_many(session, claims, lease=self._tools.lease) if claims else set()
        for work in self._works:
            if work.claim.batch_id in lost:
                work.record_late(session)
                continue
            work.record(session)
            if work.is_over:
                work.settle(session)
        return lost

    def _look(self) -> None:
        """Stop what was paused or cancelled, or what an urgent mailing overtakes."""
        with self._tools.transactions() as session:
            statuses = {
                mailing_id: mailings.status(session, mailing_id)
                for mailing_id in {work.claim.mailing_id for work in self._works}
            }
            is_overtaken = any(work.lane < Lane.URGENT for work in self._works) and (
                leases.urgent_is_due(session, lane=Lane.BULK, now=self._tools.clock.now())
            )
        for work in self._works:
            if statuses[work.claim.mailing_id] is not MailingStatus.RUNNING:
                work.halt(Stop.MAILING)
            elif is_overtaken and work.lane < Lane.URGENT:
                work.halt(Stop.URGENT)
        self._sort_out()
        self._give_back_held()

    def _sort_out(self) -> None:
        """Take the messages of stopped batches out of what is ready."""
        stopped = [item for item in self._ready if item.work.stop]
        for item in stopped:
            item.work.give_back(item)
        if stopped:
            self._ready = deque(item for item in self._ready if not item.work.stop)

    def _give_back_held(self) -> None:
        """Let readers of slow destinations wait in their batch, not in everybody's way."""
        if not self._taken_since_look:
            held = {item for item in self._ready if self._throttle.is_held(item.planned.domain_id)}
            for item in held:
                item.work.give_back(item, is_held=True)
            self._ready = deque(item for item in self._ready if item not in held)
        self._taken_since_look = False

    def _database_is_away(self, error: OperationalError) -> None:
        """Look again in two seconds; raise when it has been too long."""
        if self._away_count >= len(_RECORD_PAUSES):
            raise error
        pause = _RECORD_PAUSES[self._away_count]
        self._away_count += 1
        self._away_until = time.monotonic() + pause
        _log.warning("database_away", seconds=pause)
