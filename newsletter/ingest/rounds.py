"""Ask all sources that are due at once: a slow one holds up nobody but itself."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime

from newsletter.domain import articles, polling
from newsletter.feeds.fetch import Fetcher
from newsletter.ingest import sources
from newsletter.ingest.recording import Failure
from newsletter.ingest.sources import Answer, PollReport
from newsletter.runtime import logs
from newsletter.runtime.clock import Clock
from newsletter.store import Transactions
from newsletter.store import sources as rows
from newsletter.store.sources import Claim

AT_ONCE = 200  # a waiting thread costs some 50 kB; parsing and storing take turns anyway
AT_ONCE_OF_HOST = 4  # politeness; and a host that hangs, with all its feeds, holds few places
SECONDS = 45.0  # after which a round begins nothing more; the next ring goes on
_LOOK_SECONDS = 1.0  # how often to look for what has become due meanwhile
_FAULT = Failure("fault", "Reading it failed in a way that was not foreseen; the log says more.")

_log = logs.get(__name__)


@dataclass(frozen=True)
class RoundReport:
    """Hold what came of each source that was asked."""

    reports: tuple[PollReport, ...]

    @property
    def new(self) -> int:
        """Return how many articles were new."""
        return sum(report.new for report in self.reports)


def poll_due(
    transactions: Transactions,
    *,
    fetcher: Fetcher,
    clock: Clock,
    should_stop: Callable[[], bool] = lambda: False,
    at_once: int = AT_ONCE,
    seconds: float = SECONDS,
) -> RoundReport:
    """Ask what is due until nothing is, or until the time is over; what has begun is waited for.

    Threads fetch and parse, with no transaction open; this thread alone claims and records, each source in a
    transaction of its own. Rounds of several workers share the sources: each is claimed by one.
    """
    with ThreadPoolExecutor(at_once, thread_name_prefix="fetch") as pool:
        running = _Round(transactions, fetcher, clock, pool, at_once)
        end = clock.monotonic() + seconds
        while True:
            if clock.monotonic() < end and not should_stop():
                running.begin()
            if not running.asked:
                return RoundReport(tuple(running.reports))
            running.record_ended()


@dataclass
class _Round:
    transactions: Transactions
    fetcher: Fetcher
    clock: Clock
    pool: ThreadPoolExecutor
    at_once: int
    asked: dict[Future[Answer], Claim] = field(default_factory=dict)
    reports: list[PollReport] = field(default_factory=list)
    _waiting: deque[tuple[int, str]] = field(default_factory=deque)
    _looked_at: float | None = None

    def begin(self) -> None:
        """Claim as many sources as there are places, and ask them."""
        self._look()
        chosen = self._chosen()
        if not chosen:
            return
        now = self.clock.now()
        with self.transactions() as session:
            claims = [
                rows.claim(session, source_id, now=now, lease=polling.LEASE, force=False)
                for source_id in chosen
            ]
        for claim in claims:
            if claim is not None:
                self.asked[self.pool.submit(sources.ask, self.fetcher, claim, now=now)] = claim

    def record_ended(self) -> None:
        """Wait a moment for answers, and record those that came."""
        ended, _ = wait(self.asked, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
        for future in ended:
            claim = self.asked.pop(future)
            try:
                self._record(claim, future.result(), now=self.clock.now())
            except Exception:  # noqa: BLE001 - one source must not end the round of the others
                _log.exception("source not recorded", source_id=claim.source_id)
                self._record(claim, _FAULT, now=self.clock.now())

    def _record(self, claim: Claim, answer: Answer, *, now: datetime) -> None:
        with self.transactions() as session:
            report = sources.record(session, claim, answer, now=now)
        self.reports.append(report)

    def _look(self) -> None:
        """Look for what is due, once a second at most."""
        now = self.clock.monotonic()
        if self._waiting or (self._looked_at is not None and now - self._looked_at < _LOOK_SECONDS):
            return
        self._looked_at = now
        with self.transactions() as session:
            self._waiting.extend(rows.due_addresses(session, now=self.clock.now()))

    def _chosen(self) -> list[int]:
        """Take from those that wait whose host has a place free; the others wait on."""
        hosts = Counter(articles.host(claim.url) for claim in self.asked.values())
        chosen: list[int] = []
        held_back: list[tuple[int, str]] = []
        while self._waiting and len(self.asked) + len(chosen) < self.at_once:
            source_id, url = self._waiting.popleft()
            host = articles.host(url)
            if hosts[host] < AT_ONCE_OF_HOST:
                hosts[host] += 1
                chosen.append(source_id)
            else:
                held_back.append((source_id, url))
        self._waiting.extendleft(reversed(held_back))
        return chosen
