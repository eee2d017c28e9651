"""Decide and write down in a process of its own, without composing and submitting; started by digest.py.

It gets a Task as JSON, says "ready", waits for a line, works, and prints what it cost as JSON. What runs is what a
drain runs: expand, claim, decide window by window, record, settle; every message counts as accepted at once.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from _fortnight import NOW

from newsletter.broker.rates import Rates
from newsletter.domain.mailings import WINDOW_SIZE, members
from newsletter.domain.selection import Wish
from newsletter.runtime import logs, memory
from newsletter.runtime.settings import Settings
from newsletter.sending import expand as expanding
from newsletter.sending import history as histories
from newsletter.sending.batch import BatchWork, Tools
from newsletter.sending.throttle import Throttle
from newsletter.store import Database, Session, leases, mailings, messages, readers
from newsletter.store.leases import Claim
from newsletter.store.messages import MessageRow
from newsletter.store.readers import Reader
from newsletter.transports.smtp import Relay

T = TypeVar("T")

_SETTINGS = Settings(public_url="https://news.example.com")
_RELAY = Relay(host="127.0.0.1", port=9, tls="off", timeout=5, connections=1)


@dataclass(frozen=True, kw_only=True)
class Task:
    """Say which issue to expand first, if any; how many batches to work, 0 = all; whether to take single steps."""

    url: str
    issue_id: int = 0
    batch_count: int = 0
    has_steps: bool = False


@dataclass(kw_only=True)
class Cost:
    """Hold what the work took, in seconds and megabytes; ``steps`` in microseconds a reader.

    ``loading`` the issue is part of ``wall``, but not of what a reader costs.
    """

    reader_count: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    planning: float = 0.0
    loading: float = 0.0
    loading_cpu: float = 0.0
    peak_mb: float = 0.0
    steps: dict[str, float] = field(default_factory=dict)

    def microseconds(self) -> float:
        """Return what one reader took."""
        return (self.wall - self.loading) / self.reader_count * 1e6

    def cpu_microseconds(self) -> float:
        """Return the same in CPU time of the worker."""
        return (self.cpu - self.loading_cpu) / self.reader_count * 1e6


class Morning:
    """Tell the instant of the benchmark; the seconds that pass are real."""

    def now(self) -> datetime:
        """Return the instant."""
        return NOW

    def monotonic(self) -> float:
        """Return seconds of a clock that only goes forward."""
        return time.monotonic()


class Worker:
    """Be a sender that has no relay."""

    def __init__(self, task: Task) -> None:
        self.database = Database(task.url)
        self.loading = self.loading_cpu = 0.0
        self._tools = Tools(
            transactions=self.database.transaction,
            throttle=Throttle(
                transactions=self.database.transaction,
                rates=Rates(""),
                relays=[_RELAY],
                settings=_SETTINGS,
                clock=Morning(),
                holder="bench",
            ),
            settings=_SETTINGS,
            clock=Morning(),
            holder="bench",
        )

    def work(self, batch_count: int) -> int:
        """Work off what is due, at most so many batches; return how many readers got a result."""
        reader_count = done = 0
        while not batch_count or done < batch_count:
            claim = self._claim()
            if claim is None:
                break
            self._load(claim.mailing_id)
            reader_count += self._work_batch(
                BatchWork(self._tools, claim, self._tools.context(claim.mailing_id))
            )
            done += 1
        return reader_count

    def _load(self, mailing_id: int) -> None:
        """Load an issue and encode its blocks: once, and part of composing."""
        start = time.perf_counter(), time.process_time()
        self._tools.context(mailing_id)
        self.loading += time.perf_counter() - start[0]
        self.loading_cpu += time.process_time() - start[1]

    def _claim(self) -> Claim | None:
        with self.database.transaction() as session:
            return leases.claim(session, holder="bench", lease=self._tools.lease, now=NOW)

    def _work_batch(self, work: BatchWork) -> int:
        work.start()
        reader_count = 0
        while True:
            with self.database.transaction() as session:
                leases.renew_many(session, [work.claim], lease=self._tools.lease)
                work.record(session)
                is_over = work.is_over
                decision = None
                if is_over:
                    work.settle(session)
                else:
                    decision = work.decide(session, WINDOW_SIZE)
            work.recorded()
            if is_over:
                return reader_count
            for item in work.accept(decision):
                work.accepted(item, 250, NOW.timestamp())
            reader_count += decision.fresh_count if decision else 0

    def steps(self, batch_count: int) -> dict[str, float]:
        """Take the steps of some batches one by one, without keeping what they write."""
        watch = Stopwatch()
        for _ in range(batch_count):
            claim = self._claim()
            if claim is None:
                break
            with self.database.transaction() as session:
                self._take_steps(session, claim, watch)
                session.rollback()
            with self.database.transaction() as session:
                leases.release(session, claim)
                mailings.put_off(session, claim.batch_id, until=NOW + timedelta(days=1))
        return watch.microseconds()

    def _take_steps(self, session: Session, claim: Claim, watch: Stopwatch) -> None:
        context = self._tools.context(claim.mailing_id)
        batch = mailings.get_batch(session, claim.batch_id)
        ids = list(members(batch.planned, batch.bucket))
        with watch.of("history", len(ids)):
            history = histories.read(session, context.frozen, ids, other_than=claim.mailing_id, now=NOW)
        found: list[Reader] = []
        for window in _windows(ids):
            with watch.of("readers", len(window)):
                found += readers.find(session, context.mailing.newsletter_id, window, now=NOW).values()
        rows: list[MessageRow] = []
        for some in _windows(found):
            had = [history.of(reader.subscriber_id, signup_number=None) for reader in some]
            with watch.of("choosing", len(some)):
                wishes = [Wish(r.topics, r.cadence, mask) for r, mask in zip(some, had, strict=True)]
                choices = context.chooser.choices(wishes)
            rows += [
                (claim.mailing_id, reader.subscriber_id, 1, 250, 0, choice.picks)
                for reader, choice in zip(some, choices, strict=True)
            ]
        for part in _windows(rows):
            with watch.of("append", len(part)):
                messages.append(session, part)


class Stopwatch:
    """Add up what steps take."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._counts: dict[str, int] = defaultdict(int)

    @contextmanager
    def of(self, step: str, count: int) -> Iterator[None]:
        """Count what the block takes for so many readers."""
        start = time.perf_counter()
        yield
        self._seconds[step] += time.perf_counter() - start
        self._counts[step] += count

    def microseconds(self) -> dict[str, float]:
        """Return what each step takes for one reader."""
        return {name: took / self._counts[name] * 1e6 for name, took in self._seconds.items()}


def _windows(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(whole), WINDOW_SIZE):
        yield whole[start : start + WINDOW_SIZE]


def main() -> None:
    """Do one task."""
    logs.configure("WARNING")
    memory.tune()  # as workers/process.py does
    task = Task(**json.loads(sys.stdin.readline()))
    worker, cost = Worker(task), Cost()
    print("ready", flush=True)
    sys.stdin.readline()
    start, cpu = time.perf_counter(), time.process_time()
    if task.issue_id:
        expanding.expand(worker.database.transaction, task.issue_id, now=NOW)
        cost.planning = time.perf_counter() - start
    if task.has_steps:
        cost.steps = worker.steps(task.batch_count)
    else:
        cost.reader_count = worker.work(task.batch_count)
    cost.wall, cost.cpu = time.perf_counter() - start, time.process_time() - cpu
    cost.loading, cost.loading_cpu = worker.loading, worker.loading_cpu
    cost.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    worker.database.dispose()
    print(json.dumps(asdict(cost)), flush=True)


if __name__ == "__main__":
    main()
