"""Run a worker on each of two hosts: journals of their own, wrong clocks, and a database that one of them loses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import make_url

from newsletter.reporting import receipts
from newsletter.runtime.clock import SystemClock
from newsletter.store import Database
from tests.services import accounts, audience
from tests.services.accounts import Findings, Limits
from tests.services.audience import Audience
from tests.services.hosts import Host, Net
from tests.services.ordeal import Policy
from tests.services.ports import wait_until
from tests.services.postgres import Postgres
from tests.services.redis_server import RedisServer
from tests.services.witness import FaultyServer, Trouble

ROOT = Path(__file__).parents[2]
AHEAD, BEHIND = 7 * 60, -5 * 60  # seconds that the clocks are wrong
_CONNECTIONS = 5
_EARLIER = timedelta(minutes=15)  # in the past by either clock
_DATABASE_PORT, _REDIS_PORT, _RELAY_PORT = 5432, 6379, 2525
_CLOCK = SystemClock()


@dataclass
class TwoHosts:
    """Hold the hosts, the server that both reach, and the database that one of them loses."""

    net: Net
    folder: Path
    database: Database
    people: Audience
    server: FaultyServer
    patience: float  # seconds until the mailing must be over
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_both(self, policy: Policy) -> None:
        """Start a worker on each host, one with a clock that is ahead and one with a clock that is behind."""
        for host, ahead in zip(self.net.hosts, (AHEAD, BEHIND), strict=True):
            self._start(host, ahead=ahead, policy=policy)

    def lose_the_database_of_a(self, *, after: int) -> None:
        """Cut the first host off until the other one has ended the mailing; then let it come back and look again."""
        lost = self.net.hosts[0]
        wait_until(lambda: self.server.message_count() >= after, seconds=60, what=f"{after} messages")
        lost.cut_off()
        self.await_end()
        drains = self._drain_count(lost)
        lost.join_again()
        wait_until(lambda: self._drain_count(lost) > drains + 1, seconds=60, what="the host is back")
        self.await_end()

    def await_end(self) -> None:
        """Let time pass until every reader has a result and nothing is to be tried again."""
        wait_until(self._is_over, seconds=self.patience, what="the mailing is over")

    def findings(self, *, hosts_lost: int, is_hold: bool = False) -> Findings:
        """Stop the workers and compare all accounts."""
        self.stop_workers()
        with self.database.reading() as session:
            receipt = receipts.receipt(session, self.people.mailing_id)
        return accounts.compare(
            accounts.read(self.database, self.people.mailing_id),
            self.server.stop(),
            self.people,
            receipt.as_dict(),
            limits=Limits(connections=_CONNECTIONS, kills=0, hosts_lost=hosts_lost),
            is_hold=is_hold,
        )

    def stop_workers(self) -> None:
        """End the workers, whatever they wait for."""
        for worker in self.workers:
            worker.kill()
            worker.wait(10)
        self.workers.clear()

    def logs(self) -> str:
        """Return the ends of the workers' logs."""
        texts = ((path.name, path.read_text()) for path in sorted(self.folder.glob("*.log")))
        return "\n".join(f"--- {name}\n{text[-3000:]}" for name, text in texts)

    def _start(self, host: Host, *, ahead: int, policy: Policy) -> None:
        folder = self.folder / host.name
        folder.mkdir()
        url = make_url(self.database.url).set(host=host.database, port=_DATABASE_PORT)
        environment = {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": url.render_as_string(hide_password=False),
            "REDIS_URL": f"redis://{host.database}:{_REDIS_PORT}/0",
            "NEWSLETTER_DATA_DIR": str(folder),
            "NEWSLETTER_PUBLIC_URL": "https://news.post.example.com",
            "NEWSLETTER_INBOUND_DOMAIN": "in.post.example.com",
            "NEWSLETTER_RELAYS": f"smtp://{host.relay}:{_RELAY_PORT}?tls=off&connections={_CONNECTIONS}",
            "NEWSLETTER_RELAY_TIMEOUT": "3",
            "NEWSLETTER_LEASE_SECONDS": "4",
            "NEWSLETTER_UNCERTAIN_POLICY": policy,
        }
        with (self.folder / f"{host.name}.log").open("wb") as log:
            self.workers.append(
                subprocess.Popen(
                    [*host.prefix, sys.executable, "-m", "tests.services.lone_worker", str(ahead)],
                    cwd=ROOT,
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )

    def _drain_count(self, host: Host) -> int:
        return (self.folder / f"{host.name}.log").read_text().count("drained ")

    def _is_over(self) -> bool:
        with self.database.transaction() as session:
            accounts.let_time_pass(session, past=_CLOCK.now() - _EARLIER)
        with self.database.reading() as session:
            return accounts.is_over(session, self.people.mailing_id)


@contextmanager
def joined(
    net: Net,
    *,
    postgres: Postgres,
    database_url: str,
    redis: RedisServer,
    folder: Path,
    trouble: Trouble,
    reader_count: int,
    patience: float = 120.0,
) -> Iterator[TwoHosts]:
    """Prepare a mailing and let both hosts reach database, Redis and relay; the workers are not running yet."""
    with ExitStack() as stack:
        stack.enter_context(net.forwarding(port=_DATABASE_PORT, target=postgres.port))
        stack.enter_context(net.forwarding(port=_REDIS_PORT, target=redis.port))
        database = Database(database_url)
        stack.callback(database.dispose)
        server = FaultyServer(folder, trouble, host="0.0.0.0", port=_RELAY_PORT, prefix=net.prefix)
        stack.callback(server.close)
        people = audience.prepare(database, reader_count=reader_count, now=_CLOCK.now())
        made = TwoHosts(net, folder, database, people, server, patience)
        stack.callback(made.stop_workers)
        yield made
