"""Run senders on copies of a prepared database, and check that each reader got one message."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import _audience
import _sender
import _sink
from _audience import Audience
from _sender import Task
from _setup import Cluster
from sqlalchemy import func, select, text

from newsletter.reporting import receipts
from newsletter.runtime.clock import SystemClock
from newsletter.sending import expand as expanding
from newsletter.store import Database
from newsletter.store.tables import Mailing, Message


@dataclass(frozen=True, kw_only=True)
class Run:
    """Hold what one run took; times in seconds, memory in MB, ``rate`` in messages a second."""

    count: int
    wall: float
    cpu: float
    server_cpu: float = math.nan  # nan: there is none, or it is not ours
    kilobytes: float = 0.0
    peak: float = 0.0
    recording: float = 0.0
    expanding: float = 0.0  # wall seconds
    octets_a_row: float = 0.0  # of messages and their index in the database
    digest_count: int = 0
    seconds_at_sink: float = 0.0

    @property
    def rate(self) -> float:
        """Return messages a second."""
        return self.count / self.wall

    @property
    def microseconds(self) -> float:
        """Return the CPU time of a message."""
        return self.cpu / self.count * 1e6


@dataclass(frozen=True)
class Bench:
    """Hold what runs need."""

    cluster: Cluster
    sink: Path

    def prepared(self, reader_count: int, *, is_personal: bool) -> Audience:
        """Return an audience whose issue is expanded, in a database to be copied."""
        audience = self.built(reader_count, is_personal=is_personal)
        expand(audience.url, audience.issue_id)
        return audience

    def built(self, reader_count: int, *, is_personal: bool) -> Audience:
        """Return an audience whose issue is built, in a database to be copied."""
        return _audience.prepare(self.cluster.new(), reader_count=reader_count, is_personal=is_personal)

    def run_all(self, audience: Audience) -> Run:
        """Expand the issue and send it to an audience, in a copy of its database, over a fresh sink."""
        with self._copied(audience) as url, _sink.running(self.sink) as port:
            size_before = _size_of_messages(url)
            expanding = expand(url, audience.issue_id)
            run = self.send(url, port)
            octets = _size_of_messages(url) - size_before
            return replace(
                self._checked(run, url, port), expanding=expanding, octets_a_row=octets / run.count
            )

    def run(
        self,
        audience: Audience,
        *,
        process_count: int = 1,
        delay_ms: float = 0,
        is_lockstep: bool = False,
        watch: str = "",
    ) -> Run:
        """Send to an audience, in a copy of its database, over a fresh sink."""
        with (
            self._copied(audience) as url,
            _sink.running(self.sink, delay_ms=delay_ms, is_lockstep=is_lockstep) as port,
        ):
            run = self.send(url, port, process_count=process_count, watch=watch)
            return self._checked(run, url, port)

    def run_against(self, audience: Audience, port: int) -> Run:
        """Send to an audience, in a copy of its database, over a sink that cannot be asked."""
        with self._copied(audience) as url:
            run = self.send(url, port)
            check_receipt(url, audience.reader_count)
        return run

    def source(self, count: int, *, port: int | None = None) -> Run:
        """Send with smtp-source, to a fresh sink or to one that cannot be asked."""
        if port is not None:
            wall, cpu = _sink.smtp_source(port, count=count, connections=_sender.CONNECTIONS)
            return Run(count=count, wall=wall, cpu=cpu, kilobytes=_sink.MESSAGE_SIZE / 1000)
        with _sink.running(self.sink) as fresh:
            run = self.source(count, port=fresh)
            taken = _sink.taken(fresh)
        assert taken.message_count == count, taken
        return replace(run, kilobytes=taken.octet_count / count / 1000)

    def merge(self, audience: Audience) -> Run:
        """Send to an audience with a mail merge."""
        with self._copied(audience) as url, _sink.running(self.sink) as port:
            run = self.send(url, port, program="_merge")
            taken = check_sink(port, audience.reader_count)
        return replace(run, kilobytes=taken.octet_count / run.count / 1000)

    def send(
        self, url: str, port: int, *, process_count: int = 1, watch: str = "", program: str = "_sender"
    ) -> Run:
        """Send whatever is due in a database."""
        before = self.cluster.cpu()
        with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder:
            task = Task(database_url=url, port=port, data_dir=folder, watch=watch)
            costs = _sender.run(program, [task] * process_count)
        return Run(
            count=sum(cost.count for cost in costs),
            wall=max(cost.wall for cost in costs),
            cpu=sum(cost.cpu for cost in costs),
            server_cpu=self.cluster.cpu() - before,
            peak=max(cost.peak for cost in costs) / 1024,
            recording=sum(cost.recording for cost in costs),
        )

    def _checked(self, run: Run, url: str, port: int) -> Run:
        digest_count = check_receipt(url, run.count)
        taken = check_sink(port, run.count)
        return replace(
            run,
            kilobytes=taken.octet_count / run.count / 1000,
            digest_count=digest_count,
            seconds_at_sink=taken.seconds,
        )

    @contextmanager
    def _copied(self, audience: Audience) -> Iterator[str]:
        url = self.cluster.copy(audience.url)
        try:
            yield url
        finally:
            self.cluster.drop(url)


def expand(url: str, issue_id: int) -> float:
    """Freeze the audience of the issue; return the seconds that it took."""
    database, start = Database(url), time.perf_counter()
    expanding.expand(database.transaction, issue_id, now=SystemClock().now())
    seconds = time.perf_counter() - start
    database.dispose()
    return seconds


def _size_of_messages(url: str) -> int:
    database = Database(url)
    with database.reading() as session:
        size: int = session.execute(text("SELECT pg_total_relation_size('messages')")).scalar_one()
    database.dispose()
    return size


def check_receipt(url: str, reader_count: int) -> int:
    """Fail unless the receipt says that each reader got a message; return how many different digests there were."""
    database = Database(url)
    with database.reading() as session:
        mailing_id = session.scalars(select(func.max(Mailing.id))).one()
        receipt = receipts.receipt(session, mailing_id)
        picks = func.count(Message.picks.distinct())
        digest_count = session.scalars(select(picks).where(Message.mailing_id == mailing_id)).one()
    database.dispose()
    assert receipt.adds_up, receipt
    assert receipt.planned == receipt.submitted == reader_count, receipt
    return digest_count


def check_sink(port: int, reader_count: int) -> _sink.Taken:
    """Fail unless the sink has got one message for each reader."""
    taken = _sink.taken(port)
    assert taken.message_count == reader_count, taken
    assert taken.checksum == _sink.checksum(_audience.addresses(reader_count)), taken
    return taken
